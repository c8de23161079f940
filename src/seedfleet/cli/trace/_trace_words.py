"""A whole run in a few lines: what became of each step, and what it came to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seedfleet.cli.trace._record_words import beside_chance

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["step_line", "trace_lines"]

_ENDINGS = {
    "done": "done",
    "unchanged": "unchanged",
    "stopped": "stopped",
    "not_run": "not run",
    "failed": "failed",
}
_MOST_PREDICTIONS = 3
_MOST_VALUES = 3


def step_line(step: Mapping[str, Any]) -> str:
    """Say of a step, by its part of trace.json, how it went, with its key figure beside chance."""
    ending = _ENDINGS[step["ending"]]
    return (
        f"{step['number']:>3}  {step['step']:<12} {ending:<10} "
        f"{step['elapsed_s']:>7.1f} s  {_figure(step)}"
    ).rstrip()


def _figure(step: Mapping[str, Any]) -> str:
    if step["reason"]:
        return str(step["reason"])
    if step["ending"] == "stopped":
        failed = (check for check in step["record"]["checks"] if not check["holds"])
        return ", ".join(f"{check['name']}: {_known(check['value'])}" for check in failed)
    metrics = step["record"]["metrics"]
    return f"{metrics[0]['name']}: {beside_chance(metrics[0])}" if metrics else ""


def _known(value: float | None) -> str:
    return "not known" if value is None else f"{value:,.6g}"


def trace_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """Say what a run came to, by trace.json."""
    for step in document["steps"]:
        yield step_line(step)
    yield ""
    yield f"verdict: {document['verdict'] or 'none, for want of an answer'}"
    if document["verdict_reason"]:
        yield f"  {document['verdict_reason']}"
    if document["null_probability"] is not None:
        yield f"  no stream goes on with probability {document['null_probability']:.4g}"
    chance = 1 / document["history"]["modulus"]
    sessions = (document["documents"]["predict"] or {}).get("sessions", [])
    whose = f" of {' and '.join(sessions)}" if sessions else ""
    for prediction in document["predictions"][:_MOST_PREDICTIONS]:
        top = prediction["top"][:_MOST_VALUES]
        if not top:  # the answer abstains
            continue
        values = ", ".join(f"{each['value']} ({each['probability']:.2%})" for each in top)
        yield f"  draw +{prediction['step']}{whose}: {values} (by chance {chance:.2%})"
    if document["abstained"]:
        yield "  no prediction is made: the draws may as well be of nothing that was searched"
