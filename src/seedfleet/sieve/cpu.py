"""The back end for the processor: kernels compiled for each stream, blocks of seeds on every core."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.generators import Residue
from seedfleet.generators.compiled import build_kernel
from seedfleet.generators.families.mt19937 import MT19937, next_initial, temper, twist
from seedfleet.sieve._draw_scan import draw_scan_factory
from seedfleet.sieve._mt19937_scan import LANES, LAST_POSITION, mt19937_scan_factory
from seedfleet.sieve._walk_fill import walk_fill
from seedfleet.sieve._word_scan import CHUNK, MAX_QUERIES, word_scan_factory
from seedfleet.sieve.backend import DEFAULT_ROOM, Hits, TooManyHitsError
from seedfleet.sieve.residues import ResidueTests, has_residue

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from seedfleet.generators import Generator, Stream
    from seedfleet.sieve.rows import Rows, Walk

__all__ = ["CpuBackend"]

_BLOCK = 2**23  # seeds between two reports of progress
_ROOM = 4096  # hits a block has room for at first

_Call = tuple["NDArray[np.uint64]", "NDArray[np.int64]", "NDArray[np.int32]"]


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
        """Do what `Backend.scan` says. O(seeds x draws looked at)."""
        if seeds.step != 1 or seeds.start < 0 or seeds.stop > 2**64:
            raise ValueError(f"seeds must be a contiguous range within [0, 2**64), not {seeds}")
        fill = _fast_fill(stream, rows) or _plain_fill(stream, rows)
        return _over_blocks(fill, seeds, len(rows.legs), self._workers, room, progress)

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
        return _over_blocks(fill, seeds, len(walk.legs), self._workers, room, progress)


_Fill = "Callable[[range, _Call], int]"


def _over_blocks(
    fill: Callable[[range, _Call], int],
    seeds: range,
    legs: int,
    workers: int,
    room: int,
    progress: Callable[[int], None] | None,
) -> Hits:
    def run(block: range) -> Hits:
        size = _ROOM
        while True:
            hits = (
                np.empty(size, np.uint64),
                np.empty(size, np.int64),
                np.empty((size, legs), np.int32),
            )
            found = fill(block, hits)
            if found <= size:
                seeds_, rows_, matches = (each[:found] for each in hits)
                return Hits(seeds_, rows_, matches, block.stop - block.start)
            if found > room:
                raise TooManyHitsError(room)
            size = int(found)

    starts = range(seeds.start, seeds.stop, _BLOCK)
    blocks = (range(start, min(start + _BLOCK, seeds.stop)) for start in starts)
    parts: list[Hits] = []
    tested = found = 0
    with ThreadPoolExecutor(workers) as pool:
        try:
            for part in pool.map(run, blocks):
                parts.append(part)
                tested += part.tested
                found += len(part.seeds)
                if found > room:
                    raise TooManyHitsError(room)
                if progress is not None:
                    progress(tested)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return Hits.joined(parts, legs)


def _plain_fill(stream: Stream, rows: Rows) -> Callable[[range, _Call], int]:
    layout = stream.bounding.layout(rows.modulus)
    if layout is None:
        raise ValueError(f"{stream.bounding.name} has no modulus {rows.modulus}")
    order = np.argsort(rows.positions, axis=None, kind="stable")
    row_of = np.repeat(np.arange(len(rows)), rows.depth)[order]
    schedule = (rows.positions.reshape(-1)[order], row_of, rows.values.reshape(-1)[order])
    legs = np.array([(leg.draws, leg.needed) for leg in rows.legs], dtype=np.int64)
    kernel = _draw_kernel(stream)

    def fill(block: range, hits: _Call) -> int:
        where = (np.uint64(block.start), block.stop - block.start)
        return int(kernel(where, schedule, legs, (len(rows), *layout), hits))

    return fill


def _fast_fill(stream: Stream, rows: Rows) -> Callable[[range, _Call], int] | None:
    """Return a fill by a vectorised kernel, where there is one for this question."""
    bounding, generator = stream.bounding, stream.generator
    shape = bounding.shape(rows.modulus)
    exact = len(rows.legs) == 1 and rows.legs[0].needed == rows.depth
    plain = bounding.layout(rows.modulus) == (rows.modulus, 1) and shape is not None
    if not (exact and plain and isinstance(shape, Residue)) or shape.modulus != rows.modulus:
        return None
    if bounding.rejection(rows.modulus) > 0 or len(rows) > MAX_QUERIES:
        return None
    chosen = _kernel_for(generator, rows)
    if chosen is None or generator.output_bits > 32:
        return None
    kernel, scratch = chosen
    words = 2 ** (generator.output_bits - shape.dropped_bits)
    tests = ResidueTests.of(rows.values, rows.modulus, words=words)
    constants = (
        tests.residues,
        tests.limits,
        tests.inverse,
        tests.rotation,
        np.uint32(shape.dropped_bits),
    )

    def fill(block: range, hits: _Call) -> int:
        hits[2][:] = rows.depth
        where = (np.uint64(block.start), len(block))
        return int(kernel(where, rows.positions, constants, scratch.copy(), hits[0], hits[1]))

    return fill


def _kernel_for(
    generator: Generator, rows: Rows
) -> tuple[Callable[..., Any], NDArray[np.generic]] | None:
    """Return the kernel and its scratch space."""
    if generator.step is MT19937.step:
        if rows.positions.max() > LAST_POSITION:
            return None
        return _mt19937_kernel(), np.empty(LANES, dtype=np.uint32)
    state = generator.seed_state(np.uint64(1))
    if not isinstance(state, np.generic):
        return None
    return _word_kernel(generator), np.empty(CHUNK, dtype=state.dtype)


@cache
def _mt19937_kernel() -> Callable[..., Any]:
    return build_kernel(mt19937_scan_factory, next_initial, twist, temper, has_residue)


@cache
def _word_kernel(generator: Generator) -> Callable[..., Any]:
    functions = (generator.seed_state, generator.step, generator.output)
    return build_kernel(word_scan_factory, *functions, has_residue)


@cache
def _draw_kernel(stream: Stream) -> Callable[..., Any]:
    generator, bounding = stream.generator, stream.bounding
    return build_kernel(
        draw_scan_factory(bounding.words),
        generator.seed_state,
        generator.step,
        generator.output,
        bounding.value,
        bounding.rejects,
    )
