"""Scan kernel for generators whose state is one word.

A chunk of seeds is stepped side by side, loop over steps outside and seeds inside, so that the
compiler turns the inner loops into vector instructions. Every query's first draw sets a flag bit;
only flagged seeds are walked further, one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import uint32, uint64

from seedfleet.generators.compiled import jitable

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CHUNK", "MAX_QUERIES", "word_scan_factory"]

MAX_QUERIES = 32  # one flag bit each
CHUNK = 2048  # the states and flags of a chunk stay in the first-level cache


def word_scan_factory(  # noqa: C901 - its inner functions are counted in
    digest: str,
    seed_state: Callable[..., Any],
    step: Callable[..., Any],
    output: Callable[..., Any],
    has_residue: Callable[..., Any],
) -> Callable[..., Any]:
    """Return a kernel that writes the seeds and rows of the queries that hold, and counts them.

    The kernel takes the block ``(first seed, seeds)``, the queries' positions, the test constants
    ``(residues, limits, inverse, rotation, dropped)``, an array of CHUNK states as scratch space,
    and the two arrays to fill; it counts on beyond their length without writing.
    """

    @jitable
    def flag_chunk(first: Any, positions: Any, tests: Any, states: Any, flags: Any) -> None:
        residues, limits, inverse, rotation, dropped = tests
        for lane in range(CHUNK):
            states[lane] = seed_state(first + uint64(lane))
            flags[lane] = 0
        for position in range(positions[:, 0].max() + 1):
            for lane in range(CHUNK):
                states[lane] = step(states[lane])
            for row in range(len(positions)):
                if positions[row, 0] != position:
                    continue
                residue, limit, bit = residues[row, 0], limits[row, 0], uint32(1 << row)
                for lane in range(CHUNK):
                    word = uint32(output(states[lane]) >> dropped)
                    hit = has_residue(word, residue, inverse, rotation, limit)
                    flags[lane] |= bit if hit else uint32(0)

    @jitable
    def holds(seed: Any, row: Any, positions: Any, tests: Any) -> bool:
        residues, limits, inverse, rotation, dropped = tests
        state = seed_state(seed)
        reached = -1
        for i in range(positions.shape[1]):
            while reached < positions[row, i]:
                state = step(state)
                reached += 1
            word = uint32(output(state) >> dropped)
            if not has_residue(word, residues[row, i], inverse, rotation, limits[row, i]):
                return False
        return True

    def kernel(block: Any, positions: Any, tests: Any, states: Any, seeds: Any, rows: Any) -> int:
        _ = digest
        first, count = block
        flags = np.zeros(CHUNK, dtype=uint32)
        found = 0
        for base in range(0, count, CHUNK):
            start = first + uint64(base)
            flag_chunk(start, positions, tests, states, flags)
            for lane in range(min(CHUNK, count - base)):
                for row in range(len(positions) if flags[lane] != 0 else 0):
                    flagged = (flags[lane] >> uint32(row)) & uint32(1) != 0
                    if flagged and holds(start + uint64(lane), row, positions, tests):
                        if found < len(seeds):
                            seeds[found] = start + uint64(lane)
                            rows[found] = row
                        found += 1
        return found

    return kernel
