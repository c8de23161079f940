"""How much steps 0 and 1 had no time to look at: what an answer cannot rest on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from seedfleet.report._figures import whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["not_looked_at"]

_NO_PART = frozenset({"not_applicable", "not_selected"})  # statuses of searches nobody asked for
_MOST_NAMED = 6


def not_looked_at(trace: Mapping[str, Any]) -> list[str]:
    """Say of steps 0 and 1 how little they looked at, where time was too short for all."""
    documents = trace["documents"]
    return [*_of_recovery(documents["recover"] or {}), *_of_window(documents["window"] or {})]


def _of_recovery(document: Mapping[str, Any]) -> Iterator[str]:
    asked = [each for each in document.get("searched", ()) if each["status"] not in _NO_PART]
    late = [each["budget_needed_s"] for each in asked if each["budget_needed_s"]]
    if not late:
        return
    statuses = [each["status"] for each in asked]
    completed, spared = statuses.count("completed"), statuses.count("not_needed")
    needless = f", {spared} were not needed" if spared else ""
    yield (
        f"step 0 completed {completed} of {len(asked)} searches{needless}; no time was left for "
        f"{len(late)}, which --recover-budget {math.ceil(max(late))} would do for"
    )


def _of_window(document: Mapping[str, Any]) -> Iterator[str]:
    look = document.get("look")
    if look is None or look["sure"] or not look["left_out"]:
        return
    left_out, seen = look["left_out"], len(look["looked_at"])
    named = ", ".join(left_out[:_MOST_NAMED])
    if len(left_out) > _MOST_NAMED:
        named += f" and {len(left_out) - _MOST_NAMED} more"
    yield (
        f"step 1 looked at {whole(seen)} of {whole(seen + len(left_out))} generators and skip laws;"
        f" no time was left for {named}"
    )
