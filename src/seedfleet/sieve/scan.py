"""Exhaustive seed scans on every core: which seeds give these residues at these positions."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from seedfleet.generators.compiled import build_kernel
from seedfleet.generators.mt19937 import MT19937, next_initial, temper, twist
from seedfleet.sieve._mt19937_scan import LANES, LAST_POSITION, mt19937_scan_factory
from seedfleet.sieve._word_scan import CHUNK, MAX_QUERIES, word_scan_factory
from seedfleet.sieve.residues import ResidueTests, has_residue

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from seedfleet.generators import Generator
    from seedfleet.sieve.queries import Queries

__all__ = ["LAST_POSITION", "MAX_QUERIES", "ScanResult", "Scanner", "scan"]

_BLOCK = 2**23  # seeds between two reports of progress
_ROOM = 4096  # hits a block has room for at first


@dataclass(frozen=True)
class ScanResult:
    """What a scan found.

    Attributes
    ----------
    seeds
        uint64 array, shape (n_hits,): hits in ascending order, a seed once for each query it holds.
    rows
        int64 array, shape (n_hits,): the query that holds.
    tested
        Seeds that were tested, for comparison with what was asked for.
    """

    seeds: NDArray[np.uint64]
    rows: NDArray[np.int64]
    tested: int


class Scanner(Protocol):
    """Whatever runs a scan: `scan` in this process, or something that spreads it over machines."""

    def __call__(
        self,
        generator: Generator,
        queries: Queries,
        seeds: range,
        *,
        progress: Callable[[int], None] | None = None,
    ) -> ScanResult:
        """Do what `scan` does; `tested` falls short of the range where parts of it failed."""


def scan(
    generator: Generator,
    queries: Queries,
    seeds: range,
    *,
    workers: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> ScanResult:
    """Find every seed in `seeds` for which a query's residues all hold.

    Parameters
    ----------
    generator
        With a scalar state, or MT19937.
    queries
        At most 32; for MT19937 their positions must not exceed 226.
    seeds
        A contiguous range within ``[0, 2**64)``.
    workers
        Threads; default one for each core.
    progress
        Called with the number of seeds tested so far.

    Raises
    ------
    ValueError
        There is no kernel for this generator and these queries, or the range has gaps.

    Notes
    -----
    O(len(seeds) * last first position) for scalar states; memory does not grow with the range.
    """
    if seeds.step != 1:
        raise ValueError(f"seeds must be a contiguous range, not {seeds}")
    kernel, scratch = _kernel_for(generator, queries)
    words = 2 ** (generator.output_bits - queries.dropped_bits)
    tests = ResidueTests.of(queries.residues, queries.modulus, words=words)
    constants = (
        tests.residues,
        tests.limits,
        tests.inverse,
        tests.rotation,
        np.uint32(queries.dropped_bits),
    )

    def run(block: range) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        room = _ROOM
        while True:
            found_seeds = np.empty(room, dtype=np.uint64)
            found_rows = np.empty(room, dtype=np.int64)
            where = (np.uint64(block.start), len(block))
            found = kernel(
                where, queries.positions, constants, scratch.copy(), found_seeds, found_rows
            )
            if found <= room:
                return found_seeds[:found], found_rows[:found]
            room = int(found)

    blocks = [seeds[start : start + _BLOCK] for start in range(0, len(seeds), _BLOCK)]
    hits: list[tuple[NDArray[np.uint64], NDArray[np.int64]]] = []
    tested = 0
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        try:
            for block, hit in zip(blocks, pool.map(run, blocks), strict=True):
                hits.append(hit)
                tested += len(block)
                if progress is not None:
                    progress(tested)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return ScanResult(
        seeds=np.concatenate([np.empty(0, np.uint64), *(hit[0] for hit in hits)]),
        rows=np.concatenate([np.empty(0, np.int64), *(hit[1] for hit in hits)]),
        tested=tested,
    )


def _kernel_for(
    generator: Generator, queries: Queries
) -> tuple[Callable[..., Any], NDArray[np.generic]]:
    """Return the kernel and its scratch space."""
    if len(queries) > MAX_QUERIES:
        raise ValueError(f"at most {MAX_QUERIES} queries fit into one scan, not {len(queries)}")
    if generator.step is MT19937.step:
        if queries.positions.max() > LAST_POSITION:
            raise ValueError(f"MT19937 is scanned up to position {LAST_POSITION}")
        return _mt19937_kernel(), np.empty(LANES, dtype=np.uint32)
    if generator.state_words != 1:
        raise ValueError(f"there is no scan kernel for {generator.name}")
    state_dtype = generator.seed_state(np.uint64(1)).dtype
    return _word_kernel(generator), np.empty(CHUNK, dtype=state_dtype)


@cache
def _mt19937_kernel() -> Callable[..., Any]:
    return build_kernel(mt19937_scan_factory, next_initial, twist, temper, has_residue)


@cache
def _word_kernel(generator: Generator) -> Callable[..., Any]:
    functions = (generator.seed_state, generator.step, generator.output)
    return build_kernel(word_scan_factory, *functions, has_residue)
