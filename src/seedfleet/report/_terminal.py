"""The recovery document as at most forty aligned lines for a terminal."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seedfleet.report._budgets import wanted_text
from seedfleet.report._figures import bits, percent, probability, quantity, whole
from seedfleet.report._lines import at_a_glance
from seedfleet.report._places import alignment_text, known_as, path_text, skips_text
from seedfleet.report._search_words import STATUS_NAMES, coverage_text, took_text
from seedfleet.report._streams_text import streams
from seedfleet.report._words import FOUND, by_date, closest_text, headline, state_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["render_text"]

_MAX_LEADS = 3
_SHOWN_RATES = ("0", "0.1")  # shares of wrong draws for which the power is shown
_MAX_FAILED_CONTROLS = 3
_MAX_NOTES = 2


@dataclass(frozen=True)
class _Room:
    """How much of each kind is told."""

    lines: int  # of an entry
    searches: int
    streams: int


# The next where one makes too many lines.
_ROOMS = (_Room(2, 6, 4), _Room(1, 6, 4), _Room(1, 2, 4), _Room(1, 1, 2), _Room(1, 1, 1))


def render_text(document: Mapping[str, Any]) -> str:
    """Summarise a recovery document for a terminal.

    Parameters
    ----------
    document : mapping
        A document of the format seedfleet.recovery/2 (docs/recovery.md).

    Returns
    -------
    str
        At most 40 lines without a trailing line break. The last but one tells the next draws, the
        last one the path of the page. Control characters in names are shown escaped.
    """
    return at_a_glance((room.lines, _entries(document, room)) for room in _ROOMS)


def _entries(document: Mapping[str, Any], room: _Room) -> Iterator[tuple[str, str]]:
    """Yield labels and texts."""
    yield from _outcome(document)
    yield from _explanation(document, room)
    yield from _leads(document)
    yield from _evidence(document)
    answered = document["verdict"] == "recovered"
    yield from _searches(document["searched"], room.searches, answered=answered)
    yield from _only_through_seeds(document)
    yield from _controls(document["controls"])
    yield from _history(document)
    yield from _end(document)


def _end(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give what a reader copies."""
    dated, best = by_date(document), next(iter(document["candidates"]), None)
    told = dated or (best if len(document["findings"]) < 2 else None)
    if document["verdict"] in FOUND and told is not None:
        yield "reproduce", told["reproduce"]
        if told["members"][0]["program"] is not None:
            what = "all dates" if dated else "all draws"
            yield "", f"{what} as a program in {told['members'][0]['language']}: on the page"
    if document["files"]["evidence_pack"] is not None:
        yield "pack", document["files"]["evidence_pack"]
    yield "next draws", _next_draws(document)
    yield "report", document["files"]["report"]


def _outcome(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "verdict", headline(document)
    yield "", document["verdict_reason"]
    if document["structure"] is not None:
        yield "structure", document["structure"]["text"]


def _explanation(document: Mapping[str, Any], room: _Room) -> Iterator[tuple[str, str]]:
    """Tell what made the draws, as far as anything was found."""
    dated, candidates = by_date(document), document["candidates"]
    if document["verdict"] not in FOUND:
        if candidates:
            yield "closest", closest_text(candidates[0])
        return
    if dated is not None:
        yield from _dated(document, dated)
    if len(document["findings"]) > 1:
        yield from streams(document, room.streams)
    elif dated is None and candidates:
        yield from _best_candidate(candidates[0])


def _best_candidate(best: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "generator", f"{best['generator']}, {best['bounding']}"
    if best["presets"]:
        yield "known as", ", ".join(known_as(best))
    if best["seed"] is not None:
        yield "seed", _seed_with_equivalents(best)
    if best["nearby_seeds"]:
        nearby = ", ".join(whole(seed, grouped=False) for seed in best["nearby_seeds"])
        yield "", f"or, as the gap before the first draw is open: {nearby}"
    if best["start_state"] is not None:
        yield "starts from", state_text(best["start_state"])
    if best["without_seed"] is not None:
        yield "", best["without_seed"]
    if best["state"] is not None:
        yield "state now", state_text(best["state"])
    yield "alignment", alignment_text(best["alignment"])
    if best["path"] is not None:
        yield "", path_text(best["path"])
    yield "matches", _matches(best)


def _dated(document: Mapping[str, Any], dated: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Tell of a stream that begins anew on every date."""
    first, last = dated["seeds"][0], dated["seeds"][-1]
    whose = dated["session"] or dated["machine"] or "all sessions"
    chance = percent(1 / document["history"]["modulus"])
    yield "generator", f"{dated['generator']}, {dated['bounding']}"
    yield "known as", ", ".join(dated["presets"])
    yield "seeds", f"by date: {document['rule']}"
    yield "", f"{first['date']} {first['seed']} … {last['date']} {last['seed']}"
    yield "alignment", f"skip {dated['skip']}, offset {dated['offset']} on every date, {whose}"
    matches = f"{dated['matches']} of {dated['n']} known draws (by chance {chance})"
    yield "matches", f"{matches}; wrong draws {percent(dated['noise'])}"


def _seed_with_equivalents(candidate: Mapping[str, Any]) -> str:
    seed, others = whole(candidate["seed"], grouped=False), candidate["equivalent_seeds"]
    if others:
        alike = ", ".join(whole(other, grouped=False) for other in others)
        seed = f"{seed}, same stream as {alike}"
    elif candidate["seed_rule"] is not None:
        seed = f"{seed} ({candidate['seed_rule']})"
    return seed


def _leads(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for lead in document["leads"][:_MAX_LEADS]:
        yield "lead", f"{lead['generator']}: {lead['text']}"


def _matches(candidate: Mapping[str, Any]) -> str:
    text = f"{candidate['matches']} of {candidate['n']} known draws"
    if candidate["held_out_n"]:
        text += f", {candidate['held_out_matches']} of {candidate['held_out_n']} held out"
    chance = percent(candidate["matches_by_chance"])
    return f"{text} (by chance {chance}); wrong draws {percent(candidate['noise'])}"


def _evidence(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    limits = document["thresholds"]
    fit, signal = limits["recovered_fit_bits"], limits["signal_bits"]
    yield "evidence", f"{bits(document['evidence_bits'])} bits (signal {signal}, recovered {fit})"
    if document["predictive_bits"] is None:
        yield "held out", "nothing was scored"
    else:
        scored = f"{bits(document['predictive_bits'])} bits on {document['history']['held_out']}"
        yield "held out", f"{scored} draws (recovered {limits['recovered_predictive_bits']})"
    yield "posterior", _posterior(document)
    expected = quantity(document["expected_false"], document["log10_expected_false"])
    best = by_date(document) or next(iter(document["candidates"]), None)
    told = "that match as well" if best is not None else "that pass the searches' filters"
    yield "by chance", f"{expected} (seed, alignment) pairs expected {told}"


def _posterior(document: Mapping[str, Any]) -> str:
    """Say how probable it is that what was found made the draws, and that nothing known did."""
    null = probability(document["null_probability"])
    dated, findings = by_date(document), document["findings"]
    best = dated or next(iter(document["candidates"]), None)
    if document["verdict"] not in FOUND or best is None:
        return f"{null} for no generator"
    asked = percent(document["thresholds"]["recovered_posterior"])
    if dated is None and len(findings) > 1:
        least = probability(min(finding["posterior"] for finding in findings))
        return f"{least} or more for each stream (recovered {asked})"
    share = probability(best["posterior"])
    return f"{share} for this one (recovered {asked}), {null} for none"


def _searches(
    searched: Sequence[Mapping[str, Any]], shown: int, *, answered: bool
) -> Iterator[tuple[str, str]]:
    completed = [search for search in searched if search["status"] == "completed"]
    counts: dict[str, int] = {}
    for search in searched:
        status = STATUS_NAMES[search["status"]].lower()
        counts[status] = counts.get(status, 0) + 1
    summary = ", ".join(f"{count} {status}" for status, count in counts.items())
    yield "searched", summary or "nothing"
    over = [search["budget_needed_s"] for search in searched if search["budget_needed_s"]]
    if over and not answered:
        yield "", f"what time was too short for: {len(over)}, {wanted_text(over, '--budget')}"
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for search in completed:
        groups.setdefault((search["generator"], search["bounding"]), []).append(search)
    for members in list(groups.values())[:shown]:
        yield "", _group(members)
        remarks = [search["remark"] for search in members if search["remark"]]
        if remarks:
            yield "", remarks[0]
    if len(groups) > shown:
        yield "", f"… and {len(groups) - shown} more on the page"


def _only_through_seeds(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Say of how many generators only seeds could be tested, where none was found."""
    count = len(document["only_through_seeds"])
    if count and document["verdict"] not in FOUND:
        yield "", f"of {count} more only seeds can tell, as far as tested: see the page"


def _group(members: Sequence[Mapping[str, Any]]) -> str:
    """Sum up the completed searches of the same streams."""
    first = members[0]
    observed = sum(search["observed"] for search in members)
    expected = sum(search["expected_pairs"] for search in members)
    clean, noisy = (max(search["power"][rate] for search in members) for rate in _SHOWN_RATES)
    return (
        f"{first['generator']}, {first['bounding']}: {coverage_text(first)} seeds, "
        f"{skips_text(first)}; pairs {whole(observed)}, "
        f"by chance {quantity(expected)}; power {percent(clean)}, "
        f"{percent(noisy)} with {percent(float(_SHOWN_RATES[1]))} wrong draws"
    )


def _controls(controls: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    if not controls:
        yield "controls", "none were run"
        return
    failed = [control for control in controls if not control["passed"]]
    yield "controls", f"{len(controls) - len(failed)} of {len(controls)} passed"
    for control in failed[:_MAX_FAILED_CONTROLS]:
        yield "FAILED", f"{control['attack']}, {control['kind']}: {control['text']}"


def _history(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    history = document["history"]
    values = f"values 0 to {history['modulus'] - 1}"
    if history["modulus_inferred"]:
        values += " (inferred)"
    if history["first_date"] is not None:
        values += f", {history['first_date']} to {history['last_date']}"
    yield "history", f"{history['name']}: {whole(history['draws'])} draws, {values}"
    for note in history["notes"][:_MAX_NOTES]:
        yield "note", note
    if len(history["notes"]) > _MAX_NOTES:
        yield "", f"… and {len(history['notes']) - _MAX_NOTES} more on the page"
    took = took_text(document)
    yield "run", f"{document['run_id']}, {took}: {shlex.join(document['command'])}"


def _next_draws(document: Mapping[str, Any]) -> str:
    chance = percent(1 / document["history"]["modulus"])
    predictions = document["predictions"]
    if document["abstained"] and by_date(document) is not None:
        return "no prediction: the dates follow no rhythm, or have no seeds to come"
    if document["abstained"]:
        held = probability(document["null_probability"])
        return f"no prediction: {held} for no generator, each value {chance}"
    if not predictions:
        return "none asked for"
    draws, named = [], None
    for prediction in predictions:
        whose = prediction["date"] or prediction["session"] or prediction["machine"]
        if whose != named:
            draws.append(f"{whose}:")
        named = whose
        shown = "–" if prediction["draw"] is None else whole(prediction["draw"], grouped=False)
        draws.append(shown)
    odds = [prediction["probability"] for prediction in predictions]
    least, most = probability(min(odds)), probability(max(odds))
    each = f"{most} each" if least == most else f"{least} to {most}"
    return f"{' '.join(draws)} ({each}, by chance {chance})"
