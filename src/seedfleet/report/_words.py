"""The sentences that page and terminal share, so that the two cannot say different things."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seedfleet.report._figures import whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "FOUND",
    "VERDICT_NAMES",
    "by_date",
    "closest_text",
    "headline",
    "seed_text",
    "state_text",
    "visible",
]

FOUND = frozenset({"recovered", "signal"})  # the verdicts that name a generator
VERDICT_NAMES = {
    "recovered": "Recovered",
    "signal": "Signal",
    "no_evidence": "No evidence",
    "under_powered": "Under-powered",
}

_HEADLINES = {
    "recovered": "Generator recovered",
    "signal": "A signal, not yet a proof",
    "no_evidence": "No evidence of a generator in what was searched",
    "under_powered": "Too few draws to tell",
}
_NOTHING_SEARCHED = "No search applies to these draws"
_NO_TIME = "Too little time to tell"
_NOT_FOR_THESE = frozenset({"not_applicable", "not_selected"})
_MAX_STATE_WORDS = 8
_SHOWN_STATE_WORDS = 4


def visible(text: str) -> str:
    r"""Escape what a terminal or a browser would obey instead of show.

    Control characters (a file name may hold an escape sequence), marks that reorder text and lone
    surrogates (which no encoder accepts) become `\x1b` or `\u202e`; line breaks stay.
    """
    return "".join(
        character
        if character.isprintable() or character == "\n"
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def headline(document: Mapping[str, Any]) -> str:
    """Say the outcome in one line, without claiming more than the verdict does."""
    verdict, structure = document["verdict"], document["structure"]
    if verdict in FOUND:
        return f"{_HEADLINES[verdict]}{_found_text(document)}"
    # A history that repeats itself says nothing about generators until the repeats are removed.
    if structure is not None and structure["kind"] == "constant":
        return "Every draw is the same"
    if structure is not None and structure["kind"] == "periodic":
        return f"The history repeats itself every {structure['period']} draws"
    statuses = {search.get("status") for search in document.get("searched", ())}
    if verdict == "under_powered" and statuses and statuses <= _NOT_FOR_THESE:
        return _NOTHING_SEARCHED
    if verdict == "under_powered" and _wants_time(document):
        return _NO_TIME
    return _HEADLINES[verdict]


def _wants_time(document: Mapping[str, Any]) -> bool:
    """Tell whether a search that the draws are enough for did not fit into the budget."""
    return any(search.get("budget_needed_s") for search in document.get("searched", ()))


def _found_text(document: Mapping[str, Any]) -> str:
    dated = by_date(document)
    if dated is not None:
        return f": {dated['generator']}, a seed by date"
    if not document["candidates"]:
        return ""
    findings = document.get("findings", ())  # a sieve has but one stream
    if len(findings) > 1:
        generators = dict.fromkeys(finding["generator"] for finding in findings)
        return f": {len(findings)} streams of {' and '.join(generators)}"
    best = document["candidates"][0]
    nearby = len(best.get("nearby_seeds", ()))  # a table of survivors does not know them
    others = f" or one of {nearby} others, by the first gap" if nearby else ""
    return f": {best['generator']}, {seed_text(best)}{others}"


def closest_text(candidate: Mapping[str, Any]) -> str:
    """Say how near the best came where nothing was found; its seed would look like a finding."""
    matches = f"{whole(candidate['matches'])} of {whole(candidate['n'])} known draws"
    return f"{candidate['generator']} with {matches}, which does not tell it from chance"


def by_date(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the stream with a seed for every date that outweighs every other, if there is one."""
    best = max((each["posterior"] for each in document["candidates"]), default=0.0)
    # A sieve has no rule from dates to seeds, and its document no such field.
    first: Mapping[str, Any] | None = next(iter(document.get("dated", [])), None)
    return first if first is not None and first["posterior"] > best else None


def seed_text(candidate: Mapping[str, Any]) -> str:
    """Name what starts the stream: its seed, or its state where no seed is known."""
    if candidate["seed"] is not None:
        return f"seed {whole(candidate['seed'], grouped=False)}"
    if candidate["start_state"] is not None:
        return f"from a state of {_words_text(candidate['start_state'])}"
    return "seed unknown"


def state_text(words: Sequence[str]) -> str:
    """Write a state, or the first words of a long one and where the others are."""
    if len(words) <= _MAX_STATE_WORDS:
        return " ".join(words)
    return f"{' '.join(words[:_SHOWN_STATE_WORDS])} … ({len(words)} numbers, all in recovery.json)"


def _words_text(words: Sequence[str]) -> str:
    return "1 word" if len(words) == 1 else f"{len(words)} words"
