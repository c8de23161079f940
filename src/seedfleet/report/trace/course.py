"""How each step went: what it decided by which checks, and how long it and its jobs took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from seedfleet.report._figures import number

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NAMES", "Node", "Step", "beside_chance", "limit_text", "nodes_of", "steps_of"]

NAMES = {
    "recover": "Recovery",
    "window": "Window",
    "tune-scorer": "Score settings",
    "score": "Scoring",
    "tune-model": "Model settings",
    "train": "Training",
    "predict": "Prediction",
}
_ENDINGS = {
    "done": "done",
    "unchanged": "unchanged",
    "stopped": "stopped",
    "not_run": "not run",
    "failed": "failed",
}
_DECLINED = "declined"  # parameter of the record of a step that had nothing to be done with


class Step(NamedTuple):
    """One step; `share` is of the longest one's time.

    `told` names its key figure, which is empty where it has none and `told` says why it stopped.
    `again` says what has changed since it ran before, empty where it had not.
    Where the step was `declined`, having nothing to be done with, that is all there is to say.
    """

    number: str
    name: str
    ending: str
    went_well: bool
    declined: bool
    told: str
    figure: str
    elapsed_s: float
    share: float
    jobs: int
    again: str
    record: Mapping[str, Any] | None


class Node(NamedTuple):
    """One node; `share` is of the busiest one's seconds."""

    name: str
    jobs: int
    busy_s: float
    share: float


def steps_of(trace: Mapping[str, Any]) -> list[Step]:
    """Return the steps that the run came to, in their order."""
    longest = max((step["elapsed_s"] for step in trace["steps"]), default=0.0)
    return [
        Step(
            number=step["number"],
            name=NAMES[step["step"]],
            ending=_ENDINGS[step["ending"]],
            went_well=step["ending"] in {"done", "unchanged"},
            declined=_DECLINED in (step["record"] or {"parameters": ()})["parameters"],
            told=told,
            figure=figure,
            elapsed_s=step["elapsed_s"],
            share=step["elapsed_s"] / longest if longest else 0.0,
            jobs=sum(node["jobs"] for run in step["fleet"] for node in run["nodes"].values()),
            again=step["again"],
            record=step["record"],
        )
        for step in trace["steps"]
        for told, figure in [_told(step)]
    ]


def nodes_of(trace: Mapping[str, Any]) -> list[Node]:
    """Return the nodes that ran jobs, the busiest first."""
    told = sorted(trace["nodes"].items(), key=lambda each: -each[1]["busy_s"])
    most = max((node["busy_s"] for _, node in told), default=0.0)
    return [
        Node(name, node["jobs"], node["busy_s"], node["busy_s"] / most if most else 0.0)
        for name, node in told
    ]


def _told(step: Mapping[str, Any]) -> tuple[str, str]:
    if step["reason"]:
        return str(step["reason"]), ""
    record = step["record"]
    if step["ending"] == "stopped":
        failed = [check for check in record["checks"] if not check["holds"]]
        return "; ".join(f"{check['name']}: {limit_text(check)}" for check in failed), ""
    first = next(iter(record["metrics"]), None)
    return ("", "") if first is None else (first["name"], beside_chance(first))


def limit_text(check: Mapping[str, Any]) -> str:
    """Write a value beside the limit that it is held against."""
    bound = "at least" if check["at_least"] else "at most"
    return f"{number(check['value'])}, {bound} {number(check['limit'])} needed"


def beside_chance(metric: Mapping[str, Any]) -> str:
    """Write a figure beside what chance gives, where it was measured and chance has a say."""
    if metric["value"] is None:
        return "not measured"
    chance = metric["chance"]
    told = number(metric["value"])
    return told if chance is None else f"{told} ({number(chance)} by chance)"
