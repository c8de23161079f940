"""The back end for few seeds: their draws are written down first, and looked at then.

Kernels that are compiled for each stream scan billions of seeds; compiling them takes longer than
a few thousand seeds are worth. Here a stream costs one small kernel, and whatever is asked of it
next costs none.
"""

from __future__ import annotations

import os
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.sieve._blocks import over_blocks
from seedfleet.sieve._page import page_kernel, rows_kernel, walk_kernel
from seedfleet.sieve.backend import DEFAULT_ROOM, Backend, one_by_one

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seedfleet.generators import Stream
    from seedfleet.sieve.backend import Hits
    from seedfleet.sieve.rows import Rows, Walk

__all__ = ["FewSeedsBackend"]

_PAGE = 2**18  # draws of a page, which stay in the second-level cache
_MOST_DRAWS = 2**26  # of all seeds together: a second of work where a generator is slow
_MOST_PLACES = 2**34  # of all paths of all seeds, most of which end early


class FewSeedsBackend:
    """A `seedfleet.sieve.Backend` that asks another one where there are many seeds.

    Parameters
    ----------
    otherwise
        Answers what is more than a second's or two's work here.
    workers
        Threads; default one for each core.
    """

    def __init__(self, otherwise: Backend, workers: int | None = None) -> None:
        self._otherwise = otherwise
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
        """Do what `Backend.scan` says. O(seeds x last position)."""
        width = int(rows.positions.max()) + 1
        if _count(seeds) * width > _MOST_DRAWS:
            return self._otherwise.scan(stream, rows, seeds, room=room, progress=progress)
        tables = (np.ascontiguousarray(rows.positions), np.ascontiguousarray(rows.values))
        fill = _filler(stream, rows, width, rows_kernel(), (*tables, _legs(rows)))
        return over_blocks(fill, seeds, len(rows.legs), self._workers, room, progress)

    def scan_together(
        self,
        questions: Sequence[tuple[Stream, Rows]],
        seeds: range,
        *,
        room: int = DEFAULT_ROOM,
        progress: Callable[[int], None] | None = None,
    ) -> tuple[Hits, ...]:
        """Do what `Backend.scan_together` says, by one scan after the other."""
        return one_by_one(self.scan, questions, seeds, room=room, progress=progress)

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
        last = len(walk.values) - 1
        width = int(walk.starts[:, 1].max()) + last * walk.most_gap + 1
        spans = walk.starts[:, 1] - walk.starts[:, 0] + 1
        widest = spans + last * (walk.most_gap - walk.least_gap)
        places = int((spans + widest).sum()) * len(walk.values) // 2
        if _count(seeds) * width > _MOST_DRAWS or _count(seeds) * places > _MOST_PLACES:
            return self._otherwise.walk(stream, walk, seeds, room=room, progress=progress)
        gaps = (walk.least_gap, walk.most_gap)
        tables = (np.ascontiguousarray(walk.starts), np.ascontiguousarray(walk.values))
        fill = _filler(stream, walk, width, walk_kernel(), (*tables, _legs(walk), *gaps))
        return over_blocks(fill, seeds, len(walk.legs), self._workers, room, progress)


def _count(seeds: range) -> float:
    """Return how many seeds there are; infinity for what may not be asked, for others to refuse."""
    asked = seeds.step == 1 and seeds.start >= 0 and seeds.stop <= 2**64
    return seeds.stop - seeds.start if asked else inf


def _legs(asked: Rows | Walk) -> Any:
    return np.array([(leg.draws, leg.needed) for leg in asked.legs], dtype=np.int64)


def _filler(
    stream: Stream, asked: Rows | Walk, width: int, test: Callable[..., Any], tables: Any
) -> Callable[[range, Any], int]:
    """Return what fills in the hits of a block of seeds, page by page."""
    layout = stream.bounding.layout(asked.modulus)
    if layout is None:
        raise ValueError(f"{stream.bounding.name} has no modulus {asked.modulus}")
    radix, parts = layout
    kernel, most = page_kernel(stream), max(1, _PAGE // width)

    def fill(block: range, hits: Any) -> int:
        page = np.empty((min(most, block.stop - block.start), width), np.int32)
        found = 0
        for start in range(block.start, block.stop, most):
            lines = page[: min(most, block.stop - start)]
            kernel(np.uint64(start), radix, parts, lines)
            found = int(test(lines, np.uint64(start), tables, found, hits))
        return found

    return fill
