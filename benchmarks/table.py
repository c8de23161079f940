"""One row of a benchmark, and how rows are printed and timed."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Row", "print_table", "seconds"]


@dataclass(frozen=True)
class Row:
    """A figure of ours beside the same figure of a peer or a bound.

    Attributes
    ----------
    what
        The work that both do.
    ours, theirs
        The figures, in `unit`.
    unit
        Unit of both.
    peer
        What `theirs` is a figure of.
    ratio
        How many times as good ours is.
    """

    what: str
    ours: float
    theirs: float
    unit: str
    peer: str
    ratio: float


def seconds(work: Callable[[], object], *, runs: int = 5) -> float:
    """Return the median time of `runs` calls after one that warms up, in seconds."""
    work()
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def print_table(title: str, rows: Iterable[Row]) -> None:
    """Print rows as they come."""
    print(f"\n{title}\n{'work':<58} {'ours':>10} {'peer':>10} {'unit':<10} {'ratio':>6}  peer")
    for row in rows:
        print(
            f"{row.what:<58} {row.ours:>10.4g} {row.theirs:>10.4g} {row.unit:<10} "
            f"{row.ratio:>6.2f}  {row.peer}",
            flush=True,
        )
