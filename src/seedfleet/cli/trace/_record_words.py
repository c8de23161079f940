"""A step's context record in words, as commands print it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["beside_chance", "record_lines"]

_DECISIONS = {
    "proceed": "proceed",
    "retry": "try again with the change that a check declares",
    "stop": "stop",
}


def record_lines(record: Mapping[str, Any]) -> Iterator[str]:
    """Say what a step decided and why, from its record's document."""
    attempt = f", retry {record['attempt']}" if record["attempt"] else ""
    decision = _DECISIONS[record["decision"]]
    yield f"{record['step']}: {decision} ({record['elapsed_s']:.1f} s{attempt})"
    for check in record["checks"]:
        yield f"  {_check_words(check)}"
    for metric in record["metrics"]:
        yield f"  {metric['name']}: {beside_chance(metric)}"
    for key, value in record["change"].items():
        yield f"  change for a retry: {key} = {value}"
    for remark in record["remarks"]:
        yield f"  {remark}"


def _check_words(check: Mapping[str, Any]) -> str:
    mark = "holds" if check["holds"] else "does not hold"
    bound = "at least" if check["at_least"] else "at most"
    value = "not known" if check["value"] is None else f"{check['value']:,.6g}"
    return f"{check['name']}: {value}, {bound} {check['limit']:,.6g} needed: {mark}"


def beside_chance(metric: Mapping[str, Any]) -> str:
    """Say a figure, and what chance gives where it has a say; neither where it was not measured."""
    if metric["value"] is None:
        return "not measured"
    value = f"{metric['value']:,.6g}"
    chance = "" if metric["chance"] is None else f" (by chance {metric['chance']:,.6g})"
    return value + chance
