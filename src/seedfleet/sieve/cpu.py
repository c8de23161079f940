"""The back end for the processor: kernels compiled for each stream, blocks of seeds on all cores."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from seedfleet.sieve._blocks import over_blocks
from seedfleet.sieve._plans import plan
from seedfleet.sieve._walk_fill import walk_fill
from seedfleet.sieve.backend import DEFAULT_ROOM, Hits

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedfleet.generators import Stream
    from seedfleet.sieve.rows import Rows, Walk

__all__ = ["CpuBackend"]


class CpuBackend:
    """A `seedfleet.sieve.Backend` on this machine's cores.

    Parameters
    ----------
    workers
        Threads; default one for each core.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._workers = workers or os.cpu_count() or 1

    def scan(
        self,
        stream: Stream,
        rows: Rows,
        seeds: range,
        *,
        room: int = DEFAULT_ROOM,
        progress: Callable[[int], None] | None = None,
    ) -> Hits:
        """Do what `Backend.scan` says.

        O(seeds x draws looked at) with a leap and no rejected words, O(seeds x words passed)
        otherwise; where every draw is needed, most seeds end with the first.
        """
        if seeds.step != 1 or seeds.start < 0 or seeds.stop > 2**64:
            raise ValueError(f"seeds must be a contiguous range within [0, 2**64), not {seeds}")
        fill = plan(stream, rows)
        return over_blocks(fill, seeds, len(rows.legs), self._workers, room, progress)

    def walk(
        self,
        stream: Stream,
        walk: Walk,
        seeds: range,
        *,
        room: int = DEFAULT_ROOM,
        progress: Callable[[int], None] | None = None,
    ) -> Hits:
        """Do what `Backend.walk` says. O(seeds x band of positions looked at)."""
        if seeds.step != 1 or seeds.start < 0 or seeds.stop > 2**64:
            raise ValueError(f"seeds must be a contiguous range within [0, 2**64), not {seeds}")
        fill = walk_fill(stream, walk)
        return over_blocks(fill, seeds, len(walk.legs), self._workers, room, progress)
