"""The back end for the processor: kernels compiled for each stream, blocks on every core."""

from __future__ import annotations

import os
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.sieve._blocks import over_blocks
from seedfleet.sieve._plans import passes
from seedfleet.sieve._walk_fill import walk_fill
from seedfleet.sieve.backend import DEFAULT_ROOM, Hits, TooManyHitsError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
        return self.scan_together([(stream, rows)], seeds, room=room, progress=progress)[0]

    def scan_together(
        self,
        questions: Sequence[tuple[Stream, Rows]],
        seeds: range,
        *,
        room: int = DEFAULT_ROOM,
        progress: Callable[[int], None] | None = None,
    ) -> tuple[Hits, ...]:
        """Do what `Backend.scan_together` says.

        One pass for all questions about a generator whose first words come for many seeds at once
        (`Generator.early`), where they need every draw of their first leg; else a pass for each.
        """
        _check(seeds)
        found: dict[int, Hits] = {}
        for each in passes(questions):
            asked = [questions[number][1] for number in each.numbers]
            left = room - sum(len(hits.seeds) for hits in found.values())
            decided = len(found) * (seeds.stop - seeds.start)
            told = _told(progress, decided, len(asked))
            legs = max(len(rows.legs) for rows in asked)
            try:
                hits = over_blocks(each.fill, seeds, legs, self._workers, left, told)
            except TooManyHitsError as error:
                raise TooManyHitsError(room) from error
            found.update(zip(each.numbers, _shared_out(hits, asked), strict=True))
        return tuple(found[number] for number in range(len(questions)))

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
        _check(seeds)
        fill = walk_fill(stream, walk)
        return over_blocks(fill, seeds, len(walk.legs), self._workers, room, progress)


def _told(
    progress: Callable[[int], None] | None, decided: int, questions: int
) -> Callable[[int], None] | None:
    if progress is None:
        return None
    tell = progress
    return lambda tested: tell(decided + questions * tested)


def _shared_out(hits: Hits, asked: Sequence[Rows]) -> list[Hits]:
    """Give each question its hits, whose rows are numbered through all of them."""
    ends = list(accumulate(map(len, asked)))
    parts = []
    for rows, end in zip(asked, ends, strict=True):
        own = (hits.rows >= end - len(rows)) & (hits.rows < end)
        numbers = hits.rows[own] - (end - len(rows))
        matches = np.ascontiguousarray(hits.matches[own, : len(rows.legs)])
        parts.append(Hits(hits.seeds[own], numbers, matches, hits.tested))
    return parts


def _check(seeds: range) -> None:
    if seeds.step != 1 or seeds.start < 0 or seeds.stop > 2**64:
        raise ValueError(f"seeds must be a contiguous range within [0, 2**64), not {seeds}")
