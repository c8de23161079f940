"""How the models compare, what they look at, and whether the gate let the chosen one in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from seedfleet.report._figures import number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Feature", "below_chance", "features_of", "gate_headline", "untrained"]

_RANKS = "worth-weighted AUC"  # of a metric by which survivors are ranked; 0.5 is a ranking by lot
_RARE = 0.95  # a p-value above is a ranking that shuffled labels seldom fall below
_FAR = 0.05  # below chance, where no p-value tells how far chance goes


class Feature(NamedTuple):
    """A feature of the chosen model; `share` is of the largest importance, in [0, 1]."""

    name: str
    importance: float
    share: float


def features_of(sidecar: Mapping[str, Any]) -> list[Feature]:
    """Return what the chosen model looks at, most important first; nothing where none is told."""
    chosen: Mapping[str, Any] = next(iter(sidecar["comparison"]), {})
    told = sorted(chosen.get("importance", {}).items(), key=lambda each: -each[1])
    most = max((value for _, value in told), default=0.0)
    return [Feature(name, value, value / most) for name, value in told if value > 0]


def gate_headline(sidecar: Mapping[str, Any]) -> str:
    """Say whether the model is used."""
    if sidecar["gate"]["accepted"] and all(check["holds"] for check in sidecar["checks"]):
        return f"The model is used: {sidecar['model_type']}"
    return "No model is used: the likelihood ranks the survivors"


def below_chance(trace: Mapping[str, Any]) -> list[str]:
    """Name the rankings of survivors that do worse than shuffled labels do but seldom."""
    return [
        f"{metric['name']}, {number(metric['value'])}, where {number(metric['chance'])} is chance"
        for step in trace["steps"]
        for metrics in [(step["record"] or {"metrics": ()})["metrics"]]
        for metric in metrics
        if metric["name"].startswith(_RANKS) and _is_below(metric, metrics)
    ]


def _is_below(metric: Mapping[str, Any], beside: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether a ranking is below chance by more than noise."""
    if None in (metric["value"], metric["chance"]) or metric["value"] >= metric["chance"]:
        return False
    whose = metric["name"].removeprefix(f"{_RANKS} of ")
    p_values = {each["name"]: each["value"] for each in beside}
    p_value = p_values.get(f"p-value of {whose}")
    if p_value is None:
        return bool(metric["chance"] - metric["value"] > _FAR)
    return bool(p_value > _RARE)


def untrained(trace: Mapping[str, Any]) -> str:
    """Say why there is no model."""
    for step in trace["steps"]:
        if step["step"] == "train":
            record = step["record"] or {"remarks": []}
            return step["reason"] or "; ".join(record["remarks"]) or "it has stopped"
    return "it was not asked for"
