"""What passed the sieve, beside what chance lets pass, and how its window was chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from seedfleet.report._figures import percent, quantity, whole
from seedfleet.report._places import span_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["DIRECTIONS", "Trial", "chance_text", "controls_of", "trials_of", "window_text"]

DIRECTIONS = {
    "forward": "Forward",
    "reverse": "Reverse",
    "bidirectional": "Both",
}


class Trial(NamedTuple):
    """One trial of the study; `bits` is None where it was pruned, which `pruned` explains."""

    number: int
    window: str
    bits: float | None
    observed: int | None
    expected: float | None
    is_bound: bool
    pruned: str | None
    chosen: bool


def window_text(configuration: Mapping[str, Any]) -> str:
    """Say which draws a sieve looks at, under which skips, and how many have to match."""
    start = configuration["window_start"]
    law = configuration.get("law", configuration.get("skip_law"))
    kind = "variable skip" if law == "variable" else "constant skips"
    sessions = ", ".join(configuration["sessions"]) or "all sessions"
    forward, reverse = configuration["forward_threshold"], configuration["reverse_threshold"]
    return (
        f"draws {span_text((start, start + configuration['window_size'] - 1))} of {sessions}, "
        f"{kind} {span_text((configuration['skip_min'], configuration['skip_max']))}, "
        f"at least {percent(forward)} and {percent(reverse)} matching"
    )


def trials_of(window: Mapping[str, Any]) -> list[Trial]:
    """Return the trials in their order."""
    return [
        Trial(
            number=trial["number"],
            window=window_text(trial["configuration"]),
            bits=trial["outcome"]["objective"],
            observed=trial["outcome"]["observed"],
            expected=trial["outcome"]["expected"],
            is_bound=trial["outcome"].get("is_bound", False),
            pruned=trial["outcome"]["pruned"],
            chosen=trial["number"] == window["chosen_trial"],
        )
        for trial in window["trials"]
    ]


def chance_text(count: Mapping[str, Any]) -> str:
    """Say how many passed and how many chance lets pass."""
    most = "at most " if count.get("expected_is_bound") else ""
    return f"{whole(count['observed'])} passed, {most}{quantity(count['expected'])} by chance"


def controls_of(trace: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return all controls of the run, each with what it belongs to."""
    documents = trace["documents"]
    found: list[dict[str, Any]] = []
    if documents["window"] is not None:
        whose = {"generator": _names(documents["window"]["generators"]), "attack": "step 1"}
        found += [{**control, **whose} for control in documents["window"]["controls"]]
    if documents["recover"] is not None:
        found += documents["recover"]["controls"]
    return found


def _names(generators: Sequence[str]) -> str:
    if len(generators) > 1:
        return f"{generators[0]} and {len(generators) - 1} more"
    return generators[0]
