"""What became of a step, in a line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seedfleet.cli.trace._record_words import beside_chance

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["step_line"]

_ENDINGS = {
    "done": "done",
    "unchanged": "unchanged",
    "stopped": "stopped",
    "not_run": "not run",
    "failed": "failed",
}


def step_line(step: Mapping[str, Any]) -> str:
    """Say of a step, by its part of trace.json, how it went, with its key figure beside chance."""
    ending = _ENDINGS[step["ending"]]
    again = f" (again: {step['again']})" if step["again"] else ""
    return (
        f"{step['number']:>3}  {step['step']:<12} {ending:<10} "
        f"{step['elapsed_s']:>7.1f} s  {_figure(step)}{again}"
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
