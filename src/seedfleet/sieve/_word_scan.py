"""Scan kernel for generators whose state is one word.

A chunk of seeds is stepped side by side, loop over steps outside and seeds inside, so that the
compiler turns the inner loops into vector instructions. Every query's first draw sets a flag bit;
only flagged seeds are walked further, one by one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import uint32, uint64

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CHUNK", "MAX_QUERIES", "word_scan_factory"]

MAX_QUERIES = 32  # one flag bit each
CHUNK = 2048  # the states and flags of a chunk stay in the first-level cache


def word_scan_factory(
    digest: str,
    seed_state: Callable[..., Any],
    step: Callable[..., Any],
    output: Callable[..., Any],
    has_residue: Callable[..., Any],
) -> Callable[..., Any]:
    """Return a kernel that writes the seeds and rows of the queries that hold, and counts them.

    The kernel takes the first seed, how many follow it, the queries' positions, the test constants
    ``(residues, limits, inverse, rotation, dropped)``, an array of CHUNK states as scratch space,
    and the two arrays to fill; it counts on beyond their length without writing.
    """

    def kernel(
        first: Any, count: Any, positions: Any, tests: Any, states: Any, seeds: Any, rows: Any
    ) -> int:
        _ = digest
        residues, limits, inverse, rotation, dropped = tests
        n_queries, depth = positions.shape
        last_first_position = positions[:, 0].max()
        flags = np.zeros(CHUNK, dtype=uint32)
        found = 0
        for base in range(0, count, CHUNK):
            size = min(CHUNK, count - base)
            for lane in range(CHUNK):
                states[lane] = seed_state(first + uint64(base + lane))
                flags[lane] = 0
            for position in range(last_first_position + 1):
                for lane in range(CHUNK):
                    states[lane] = step(states[lane])
                for row in range(n_queries):
                    if positions[row, 0] != position:
                        continue
                    residue, limit, bit = residues[row, 0], limits[row, 0], uint32(1 << row)
                    for lane in range(CHUNK):
                        word = uint32(output(states[lane]) >> dropped)
                        hit = has_residue(word, residue, inverse, rotation, limit)
                        flags[lane] |= bit if hit else uint32(0)
            for lane in range(size):
                if flags[lane] == 0:
                    continue
                seed = first + uint64(base + lane)
                for row in range(n_queries):
                    if (flags[lane] >> uint32(row)) & uint32(1) == 0:
                        continue
                    state = seed_state(seed)
                    reached = -1
                    holds = True
                    for i in range(depth):
                        while reached < positions[row, i]:
                            state = step(state)
                            reached += 1
                        word = uint32(output(state) >> dropped)
                        if not has_residue(word, residues[row, i], inverse, rotation, limits[row, i]):
                            holds = False
                            break
                    if holds:
                        if found < len(seeds):
                            seeds[found] = seed
                            rows[found] = row
                        found += 1
        return found

    return kernel
