"""How much time searches wanted that had too little: as an option to copy, and in days."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["as_option", "days_text", "wanted_text"]

_DAY_S = 86_400


def as_option(needed_s: float) -> str:
    """Write a time as options take it, rounded up: `45s`, `8m`, `3h`."""
    for unit, size in (("h", 3600), ("m", 60)):
        if needed_s >= 2 * size:
            return f"{math.ceil(needed_s / size)}{unit}"
    return f"{max(1, math.ceil(needed_s))}s"


def days_text(needed_s: float) -> str:
    """Write a time of more than a day in days, such as `1.4 days`; nothing for less."""
    if needed_s <= _DAY_S:
        return ""
    days = needed_s / _DAY_S
    return f"{days:.1f} days" if days < 10 else f"{days:,.0f} days"


def wanted_text(needed: Sequence[float], option: str) -> str:
    """Say which budget searches need; what needs more than a day is summed up.

    Parameters
    ----------
    needed
        Seconds, one for each search; at least one.
    option
        Name of the option that gives them.

    Returns
    -------
    str
        Goes on after their number: `which need --budget 96s to 8m`.
    """
    short = [needed_s for needed_s in needed if needed_s <= _DAY_S]
    if not short:
        return f"{_which(len(needed))} {days_text(min(needed))} or more"
    least, most = as_option(min(short)), as_option(max(short))
    told = f"{option} {least}" if least == most else f"{option} {least} to {most}"
    longer = len(needed) - len(short)
    if not longer:
        return f"{_which(len(needed))} {told}"
    return f"{len(short)} of which {_need(len(short))} {told}, {longer} more than a day"


def _which(count: int) -> str:
    return f"which {_need(count)}"


def _need(count: int) -> str:
    return "needs" if count == 1 else "need"
