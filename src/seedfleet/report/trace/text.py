"""The run as at most forty aligned lines for a terminal."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from seedfleet.report._figures import bits, duration, number, percent, probability, whole
from seedfleet.report._lines import at_a_glance
from seedfleet.report.trace.answer import answers, headline, missed, streams
from seedfleet.report.trace.calibration import score_text
from seedfleet.report.trace.coming import coming_of
from seedfleet.report.trace.course import nodes_of, steps_of
from seedfleet.report.trace.extent import not_looked_at
from seedfleet.report.trace.further_sessions import further_sessions
from seedfleet.report.trace.models import gate_headline, untrained
from seedfleet.report.trace.reseeding import reseeds
from seedfleet.report.trace.survivors import DIRECTIONS, chance_text, controls_of, window_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from seedfleet.report.trace.coming import Coming

__all__ = ["render_trace_text"]

_LINES_PER_ENTRY = (2, 1)  # the second where the first makes too many lines
_MAX_STREAMS = 3
_MAX_RESEEDS = 3
_MAX_FURTHER = 2
_MAX_COMING = 100  # of each session; more than are mostly asked for
_MAX_NODES = 4
_TOLD_WIDTH = 43  # of a step, on one line with its name
_MAX_FAILED_CONTROLS = 3


def render_trace_text(document: Mapping[str, Any]) -> str:
    """Summarise the document of a whole run for a terminal.

    Parameters
    ----------
    document : mapping
        A document of the format seedfleet.trace/1 (docs/steps.md).

    Returns
    -------
    str
        At most 40 lines without a trailing line break. The last but one tells the next draws, the
        last one the name of the page. Control characters in names are shown escaped.
    """
    entries = [
        *_outcome(document),
        *_evidence(document),
        *_survivors(document),
        *_models(document),
        *_calibration(document),
        *_controls(document),
        *_steps(document),
        *_end(document),
    ]
    return at_a_glance((lines, entries) for lines in _LINES_PER_ENTRY)


def _outcome(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    said = answers(document)
    yield "verdict", headline(document)
    if said:
        yield "", said[0].document["verdict_reason"]
    if document["state"] != "finished":
        yield "state", f"the run is {document['state']}"
    dissent = missed(document)
    if dissent is not None:
        yield "but", f"{dissent.name.lower()} say: {dissent.document['verdict_reason']}"
    label = "no time"
    for told in not_looked_at(document):
        yield label, told
        label = ""
    for told in reseeds(document)[:_MAX_RESEEDS]:
        yield "reseeds", told
    for further in further_sessions(document)[:_MAX_FURTHER]:
        yield "further", f"no stream is named of {further.session}: {further.told}"
        yield "to ask", further.command
    named = streams(document)
    for stream in named[:_MAX_STREAMS]:
        yield "generator", f"{stream.generator}, {stream.start} ({stream.source.lower()})"
        yield "alignment", stream.alignment
        yield (
            "matches",
            (
                f"{whole(stream.matches)} of {whole(stream.draws)} known draws (by chance "
                f"{percent(stream.by_chance)}), posterior {probability(stream.posterior)}"
            ),
        )
    if len(named) > _MAX_STREAMS:
        yield "", f"… and {len(named) - _MAX_STREAMS} more streams on the page"


def _evidence(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    label = "evidence"
    for answer in answers(document):
        if answer.handed:
            yield label, f"{answer.name.lower()}: the stream that step 0 handed to them, no more"
            label = ""
            continue
        said, limits = answer.document, answer.document["thresholds"]
        told = (
            f"{bits(said['evidence_bits'])} bits (signal {number(limits['signal_bits'])}, "
            f"recovered {number(limits['recovered_fit_bits'])})"
        )
        if answer.found and said["predictive_bits"] is not None:
            wanted = number(limits["recovered_predictive_bits"])
            told += f", held out {bits(said['predictive_bits'])} (recovered {wanted})"
        yield label, f"{answer.name.lower()}: {told}"
        label = ""


def _survivors(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    window = document["documents"]["window"]
    if window is None:
        return
    yield "window", window_text(window)
    for label, (direction, name) in zip(("survivors", "", ""), DIRECTIONS.items(), strict=True):
        yield label, f"{name.lower()}: {chance_text(window['survivors'][direction])}"


def _models(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    sidecar = document["documents"]["train"]
    if sidecar is None:
        yield "model", f"none was trained: {untrained(document)}"
        return
    yield "model", f"{gate_headline(sidecar)}; {sidecar['gate']['reason']}"
    for each in sidecar["comparison"]:
        held_out = each["metrics"]["validation"]["spearman"]
        yield (
            "",
            (
                f"{each['model_type']}: rank correlation {number(held_out['value'])}, by chance "
                f"{number(held_out['chance'])} (p = {number(each['metrics']['p_value']['value'])})"
            ),
        )


def _calibration(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    predicted = document["documents"]["predict"]
    if predicted is None:
        return
    test = predicted["test"]
    if test["bits"] is None:
        yield "test slice", score_text(test)
        return
    yield (
        "test slice",
        (
            f"{number(test['bits'])} bits gained over uniform predictions on {test['draws']} "
            f"draws (0 by chance)"
        ),
    )


def _controls(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    controls = controls_of(document)
    if not controls:
        yield "controls", "none were run"
        return
    failed = [control for control in controls if not control["passed"]]
    yield "controls", f"{len(controls) - len(failed)} of {len(controls)} passed"
    for control in failed[:_MAX_FAILED_CONTROLS]:
        yield "FAILED", f"{control['attack']}, {control['kind']}: {control['text']}"


def _steps(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    label = "steps"
    for step in steps_of(document):
        took = duration(step.elapsed_s)
        told = textwrap.shorten(f"{step.figure} {step.told}", _TOLD_WIDTH, placeholder=" …")
        yield label, f"{step.number:>3} {step.name:<14} {step.ending:<9} {took:>8}  {told}"
        label = ""
    again = [f"{step.number} ({step.again})" for step in steps_of(document) if step.again]
    if again:
        yield "again", ", ".join(again)
    for node in nodes_of(document)[:_MAX_NODES]:
        jobs = "1 job" if node.jobs == 1 else f"{whole(node.jobs)} jobs"
        yield "node", f"{node.name}: {jobs}, busy {duration(node.busy_s)}"
    yield "run", f"{document['run_id']}, {duration(document['elapsed_s'])}"


def _end(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give what a reader copies."""
    first = next(iter(streams(document)), None)
    if first is not None and first.reproduce is not None:
        yield "reproduce", first.reproduce
        yield "", first.note
    elif first is not None and first.note:
        yield "reproduce", first.note
    yield "next draws", _next_draws(document)
    yield "report", document["files"]["report"]


def _next_draws(document: Mapping[str, Any]) -> str:
    chance = percent(1 / document["history"]["modulus"])
    said = answers(document)
    coming = coming_of(document)
    if not coming:
        if not said:
            return "none yet"
        held = probability(said[0].document["null_probability"])
        return f"no prediction: {held} for no generator, each value {chance}"
    by_whom: dict[str, list[Coming]] = {}
    for each in coming:
        by_whom.setdefault(each.whose, []).append(each)
    shown = "; ".join(_told_of(whose, own) for whose, own in by_whom.items())
    odds = [each.probability for each in coming if each.value is not None]
    least, most = probability(min(odds)), probability(max(odds))
    span = most if least == most else f"{least} to {most}"
    return f"{shown} ({span}, by chance {chance})"


def _told_of(whose: str, coming: Sequence[Coming]) -> str:
    """Write the coming draws of a session, or of a date."""
    shown = " ".join(
        "–" if each.value is None else whole(each.value, grouped=False)
        for each in coming[:_MAX_COMING]
    )
    more = f" … and {len(coming) - _MAX_COMING} more" if len(coming) > _MAX_COMING else ""
    return f"{whose}: {shown}{more}" if whose else f"{shown}{more}"
