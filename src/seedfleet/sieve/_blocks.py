"""Blocks of seeds on every core, in order, with progress, room and an end that can be trusted."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.sieve.backend import Hits, TooManyHitsError
from seedfleet.threads import ThreadPool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from numpy.typing import NDArray

__all__ = ["Fill", "Found", "over_blocks"]

Found = tuple["NDArray[np.uint64]", "NDArray[np.int64]", "NDArray[np.int32]"]
Fill = "Callable[[range, Found], int]"

_BLOCK_S = 0.25  # what a block should take: progress comes, and an interrupt ends, that soon
_FIRST_BLOCK, _LAST_BLOCK = 2**11, 2**30
_GROWTH = 32
_ROOM = 4096  # hits a block has room for at least


@dataclass
class _Pace:
    """How many seeds a block should have, and how many hits a seed has, as far as known."""

    size: int = _FIRST_BLOCK
    density: float = 0.0

    def learn(self, seeds: int, hits: int, took_s: float) -> None:
        fitting = int(seeds * _BLOCK_S / max(took_s, 1e-6))
        self.size = max(1, min(fitting, self.size * _GROWTH, _LAST_BLOCK))
        self.density = hits / seeds


def over_blocks(
    fill: Callable[[range, Found], int],
    seeds: range,
    legs: int,
    workers: int,
    room: int,
    progress: Callable[[int], None] | None,
) -> Hits:
    """Return the hits of all of `seeds`, found by `fill` in blocks on so many threads.

    Parameters
    ----------
    fill
        ``fill(block, (seeds, rows, matches))`` writes the hits of a block in order, counts on
        beyond the arrays' length without writing, and returns their number. It releases the
        interpreter lock and leaves the rest of the process alone.
    legs
        Columns of `matches`.
    room, progress
        As for `Backend.scan`; progress comes several times a second, unless one seed takes longer.
    """
    pace, parts, tested, found = _Pace(), list[Hits](), 0, 0
    lock = Lock()

    def run(block: range) -> Hits:
        began = time.perf_counter()
        part = _filled(fill, block, legs, room, pace)
        with lock:
            took_s = time.perf_counter() - began
            pace.learn(block.stop - block.start, len(part.seeds), took_s)
        return part

    with ThreadPool(workers) as pool:
        for part in _in_order(pool, run, _blocks(seeds, pace), workers + 1):
            parts.append(part)
            tested += part.tested
            found += len(part.seeds)
            _refuse_more_than(room, found)
            if progress is not None:
                progress(tested)
    return Hits.joined(parts, legs)


def _blocks(seeds: range, pace: _Pace) -> Iterator[range]:
    start = seeds.start
    while start < seeds.stop:
        stop = min(start + pace.size, seeds.stop)
        yield range(start, stop)
        start = stop


def _in_order(
    pool: ThreadPool, run: Callable[[range], Hits], blocks: Iterator[range], ahead: int
) -> Iterator[Hits]:
    """Yield what `run` makes of each block; only so many blocks are in the pool at a time."""
    waiting: deque[Future[Hits]] = deque()
    for block in blocks:
        waiting.append(pool.submit(run, block))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _filled(
    fill: Callable[[range, Found], int], block: range, legs: int, room: int, pace: _Pace
) -> Hits:
    """Run `fill` on a block, again with more room where there are more hits than expected."""
    seeds = block.stop - block.start
    size = min(max(_ROOM, int(1.5 * pace.density * seeds)), max(room, 0) + 1)
    while True:
        hits = (
            np.empty(size, np.uint64),
            np.empty(size, np.int64),
            np.empty((size, legs), np.int32),
        )
        found = fill(block, hits)
        if found <= size:
            return Hits(
                hits[0][:found].copy(), hits[1][:found].copy(), hits[2][:found].copy(), seeds
            )
        _refuse_more_than(room, found)
        size = int(found)


def _refuse_more_than(room: int, found: int) -> None:
    if found > room:
        raise TooManyHitsError(room)
