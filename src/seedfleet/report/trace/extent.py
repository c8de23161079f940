"""How much steps 0 and 1 had no time to look at: what an answer cannot rest on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seedfleet.report._budgets import wanted_text
from seedfleet.report._figures import whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["not_looked_at"]

_NO_PART = frozenset({"not_applicable", "not_selected"})  # statuses of searches nobody asked for
_MOST_NAMED = 3
_VARIABLE = "_hybrid"  # ends the name of what has variable skips


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
        f"{len(late)}, {wanted_text(late, '--recover-budget')}"
    )


def _of_window(document: Mapping[str, Any]) -> Iterator[str]:
    look = document.get("look")
    if look is None or look["sure"] or not look["left_out"]:
        return
    left_out, seen = look["left_out"], len(look["looked_at"])
    generators = _generators(left_out)
    named = ", ".join(generators[:_MOST_NAMED])
    if len(generators) > _MOST_NAMED:
        named += f" and {len(generators) - _MOST_NAMED} more"
    yield (
        f"step 1 had time to look at {whole(seen)} of {whole(seen + len(left_out))} generators and "
        f"skip laws: a longer --look or --generator NAME asks the others ({named})"
    )


def _generators(names: Sequence[str]) -> list[str]:
    """Name those of which both laws of skips are left out but once."""
    constant = {name for name in names if not name.endswith(_VARIABLE)}
    return [
        name for name in names if name in constant or name.removesuffix(_VARIABLE) not in constant
    ]
