"""What page and terminal say alike of what was searched, and of how long that took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seedfleet.report._figures import duration, percent, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "STATUS_NAMES",
    "coverage_text",
    "searched_part",
    "space_text",
    "tested_share",
    "took_text",
]

STATUS_NAMES = {
    "completed": "Completed",
    "under_powered": "Under-powered",
    "not_needed": "Not needed",
    "not_applicable": "Not applicable",
    "not_selected": "Not selected",
    "incomplete": "Incomplete",
    "over_budget": "Over budget",
}
_ATTEMPTED = frozenset({"completed", "incomplete", "under_powered"})
_LEAST_COMPILED_S = 1.0  # worth mentioning
_SMALLEST_NAMED_POWER = 16  # 2^16 and above are easier to recognise as powers


def coverage_text(search: Mapping[str, Any]) -> str:
    """Say how much of a seed space was tested, with the exact numbers of seeds."""
    tested, space = search["seeds_tested"], search["seed_space"]
    size = space_text(space)
    if tested == space:
        return f"all {size}"
    if tested == 0:
        return f"none of {size}"
    if isinstance(space, str):
        return f"{tested} of {size}"
    return f"{whole(tested)} of {size}, {percent(tested / space)}"


def searched_part(document: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """Divide the searches of a recovery into those that tested something and the others."""
    parts: dict[str, list[Mapping[str, Any]]] = {"attempted": [], "not_run": []}
    for search in document["searched"]:
        parts["attempted" if search["status"] in _ATTEMPTED else "not_run"].append(search)
    return parts


def tested_share(search: Mapping[str, Any]) -> float:
    """Return the share of a seed space that was tested, in [0, 1]."""
    tested, space = search["seeds_tested"], search["seed_space"]
    if isinstance(space, str) or space == 0:
        return float(tested == space != 0)
    return float(tested / space)


def space_text(space: int | str) -> str:
    """Write the size of a seed space; one that is too large for a number comes as a text."""
    if isinstance(space, str):
        return space
    exponent = space.bit_length() - 1
    if exponent < _SMALLEST_NAMED_POWER or space != 1 << exponent:
        return whole(space)
    # A power of two is exact as it stands, and beyond 64 bits its digits tell nobody anything.
    return f"2^{exponent}" if exponent > 64 else f"{whole(space)} (2^{exponent})"


def took_text(document: Mapping[str, Any]) -> str:
    """Say how long a recovery took, and what of it a second run would not take."""
    took, compiled_s = duration(document["elapsed_s"]), document["compiled_s"]
    if compiled_s < _LEAST_COMPILED_S:
        return took
    return f"{took} ({duration(compiled_s)} of it compiling kernels, on first use only)"
