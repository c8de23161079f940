"""The sieve's document as lines for a terminal of 80 columns."""

from __future__ import annotations

import shlex
import textwrap
from typing import TYPE_CHECKING, Any

from seedfleet.report._control_words import limits_text
from seedfleet.report._figures import bits, duration, percent, probability, quantity, whole
from seedfleet.report._places import span_text
from seedfleet.report._search_words import space_text
from seedfleet.report._words import FOUND, headline, seed_text, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["render_sieve_text"]

_LABEL_WIDTH = 14
_WIDTH = 80
_SHOWN_RATES = ("0", "0.01", "0.1")  # shares of wrong draws for which the power is shown
_MAX_ROWS = 10
_COLUMNS = ("seed", "offset", "skip", "forward", "reverse", "unseen", "bits", "posterior")
_MAX_NOTES = 2


def render_sieve_text(document: Mapping[str, Any]) -> str:
    """Summarise a sieve for a terminal.

    Parameters
    ----------
    document : mapping
        A document of the format seedfleet.sieve/1 (docs/sieve.md).

    Returns
    -------
    str
        Lines of at most 80 characters, except for what a reader copies: a command, a path, a line
        of code. Control characters in names are shown escaped.
    """
    lines = [*_wrapped(_outcome(document)), *_wrapped(_question(document))]
    for search in document["searches"]:
        lines += ["", *_wrapped(_search(search, document["history"]["modulus"]))]
    if document["survivors"]:
        lines += ["", *_table(document["survivors"]), *_wrapped(_best(document))]
    lines += ["", *_wrapped(_run(document)), *_copied(document)]
    return "\n".join(lines)


def _wrapped(entries: Iterator[tuple[str, str]]) -> Iterator[str]:
    for label, text in entries:
        shown = visible(text).replace("\n", r"\n")
        parts = textwrap.wrap(shown, _WIDTH - _LABEL_WIDTH, break_on_hyphens=False) or [""]
        labels = [label] + [""] * (len(parts) - 1)
        yield from (f"{a:<{_LABEL_WIDTH}}{b}" for a, b in zip(labels, parts, strict=True))


def _outcome(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    limits = document["thresholds"]
    yield "verdict", headline({**document, "candidates": document["survivors"]})
    yield "", document["verdict_reason"]
    if document["structure"] is not None:
        yield "structure", document["structure"]["text"]
    fit, signal = limits["recovered_fit_bits"], limits["signal_bits"]
    told = (
        f"{bits(document['evidence_bits'])} bits on the draws looked at (recovered {fit:g}), "
        f"{bits(document['known_evidence_bits'])} on all known (signal {signal:g})"
    )
    if document["predictive_bits"] is not None:
        unseen = limits["recovered_predictive_bits"]
        told += (
            f"; {bits(document['predictive_bits'])} on those not looked at (recovered {unseen:g})"
        )
    yield "evidence", told


def _question(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    history, sieved = document["history"], document["sieved"]
    sessions = sieved["sessions"] or history["sessions"]
    yield (
        "history",
        (
            f"{history['name']}: {whole(history['draws'])} draws, values 0 to "
            f"{history['modulus'] - 1}{' (inferred)' if history['modulus_inferred'] else ''}"
        ),
    )
    taken = f"{whole(sieved['draws'])} draws as one stream"
    if sessions:
        taken += f" of {', '.join(sessions)}"
    start, stop = sieved["window"]
    looked_at = f"looked at {span_text((start, stop - 1))}" if stop > start else "none looked at"
    yield "sieved", f"{taken}, {looked_at}; {sieved['after']} held out after them"
    for note in history["notes"][:_MAX_NOTES]:
        yield "note", note


def _search(search: Mapping[str, Any], modulus: int) -> Iterator[tuple[str, str]]:
    yield "generator", f"{search['name']}: {search['generator']}, {search['bounding']}"
    yield "seeds", _coverage(search)
    if search["degenerate_seeds"]:
        left_out = ", ".join(map(str, search["degenerate_seeds"]))
        yield "left out", f"degenerate: {left_out}"
    skips = search["skips"]
    each = "any" if skips["law"] == "variable" else "each constant"
    span = span_text((skips["least"], skips["most"]))
    offsets = span_text(search["offsets"])
    yield "alignments", f"{whole(search['alignments'])}: {each} skip {span}, offsets {offsets}"
    yield "matches", _needed(search, modulus)
    most = "at most " if search["expected_is_bound"] else ""
    yield (
        "pairs",
        (
            f"{whole(search['observed_pairs'])} passed, by chance {most}"
            f"{quantity(search['expected_pairs'])} expected"
        ),
    )
    yield (
        "passed seeds",
        (
            f"{whole(search['observed_seeds'])}, by chance {most}"
            f"{quantity(search['expected_seeds'])} expected"
        ),
    )
    shown = [
        f"{percent(search['power'][rate])} with {percent(float(rate))} wrong draws"
        for rate in _SHOWN_RATES
    ]
    yield "power", f"the true seed passes {', '.join(shown)}"
    yield "in principle", _principle(search)
    yield from _controls(search["controls"])


def _coverage(search: Mapping[str, Any]) -> str:
    first, last = search["seeds"]
    tested, requested = search["seeds_tested"], search["seeds_requested"]
    space = search["seed_space"]
    every = (
        f"all {whole(requested)} asked for"
        if tested == requested
        else (
            f"{whole(tested)} of {whole(requested)} asked for, {whole(requested - tested)} missing"
        )
    )
    part = percent(min(1.0, tested / space))
    return f"{first}..{last}: {every} tested, {part} of {space_text(space)}"


def _needed(search: Mapping[str, Any], modulus: int) -> str:
    parts = [
        f"{name} {search[name]['needed']} of {search[name]['draws']}"
        for name in ("forward", "reverse")
        if search[name] is not None
    ]
    return f"{' and '.join(parts)} needed; a wrong seed matches {percent(1 / modulus)} of the draws"


def _principle(search: Mapping[str, Any]) -> str:
    needed = search["draws_needed_in_principle"]
    if needed is None:
        return "not recoverable: so many gaps explain any draws"
    text = f"recoverable from {whole(needed)} draws"
    enough = search["draws_needed_for_recovered"]
    return text if enough is None else f"{text}; this verdict takes {whole(enough)}"


def _controls(controls: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for label, control in zip(["controls", ""], controls, strict=False):
        state = "passed" if control["passed"] else "FAILED"
        yield (
            label,
            (
                f"{state}: {control['text']}: {whole(control['observed'])}, "
                f"{quantity(control['expected'])} expected, {limits_text(control)}"
            ),
        )


def _table(survivors: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    rows = [_COLUMNS, *(_row(survivor) for survivor in survivors[:_MAX_ROWS])]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    yield "best survivors"
    for row in rows:
        yield "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
    if len(survivors) > _MAX_ROWS:
        yield f"… and {len(survivors) - _MAX_ROWS} more in the document"


def _row(survivor: Mapping[str, Any]) -> tuple[str, ...]:
    alignment = survivor["alignment"]
    return (
        whole(survivor["seed"], grouped=False),
        whole(alignment["offset"], grouped=False),
        span_text((alignment["skip_min"], alignment["skip_max"])),
        "–" if survivor["forward_matches"] is None else str(survivor["forward_matches"]),
        "–" if survivor["reverse_matches"] is None else str(survivor["reverse_matches"]),
        f"{survivor['unseen_matches']}/{survivor['unseen_n']}",
        bits(survivor["evidence_bits"]),
        probability(survivor["posterior"]),
    )


def _best(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    best = document["survivors"][0]
    if document["verdict"] not in FOUND:
        return
    yield "the first", f"{best['generator']}, {seed_text(best)}: {', '.join(best['presets'])}"
    if best["equivalent_seeds"]:
        yield "same stream", ", ".join(map(str, best["equivalent_seeds"]))
    if best["nearby_seeds"]:
        nearby = ", ".join(map(str, best["nearby_seeds"]))
        yield "", f"or, as the gap before the first draw is open: {nearby}"
    if best["state"] is not None:
        yield "state", f"{best['state']} after the last draw"
    yield "reproduce", best["reproduce"]


def _run(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "next draws", _next_draws(document)
    yield "run", f"{document['run_id']}, {duration(document['elapsed_s'])}"


def _copied(document: Mapping[str, Any]) -> Iterator[str]:
    """Give what a reader copies, which is never wrapped."""
    files = document["files"]
    for label, text in (
        ("command", shlex.join(document["command"])),
        ("survivors", files["survivors"]),
        ("document", files["sieve"]),
    ):
        yield f"{label:<{_LABEL_WIDTH}}" + visible(text).replace("\n", r"\n")


def _next_draws(document: Mapping[str, Any]) -> str:
    chance = percent(1 / document["history"]["modulus"])
    if document["abstained"]:
        held = probability(document["null_probability"])
        return f"no prediction: {held} for no generator, each value {chance}"
    predictions = document["predictions"]
    if not predictions:
        return "none asked for"
    shown = " ".join("–" if each["draw"] is None else str(each["draw"]) for each in predictions)
    odds = [each["probability"] for each in predictions]
    least, most = probability(min(odds)), probability(max(odds))
    each = f"{most} each" if least == most else f"{least} to {most}"
    return f"{shown} ({each}, by chance {chance})"
