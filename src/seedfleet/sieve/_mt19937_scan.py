"""Scan kernel for MT19937 that never makes a whole state.

Output word ``j < 227`` needs only the initial words ``j``, ``j + 1`` and ``j + 397``, so a seed costs
one run along the initialisation chain to about word 400, most of it without storing anything. The
chains of LANES seeds run side by side as vector instructions in the first-level cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import uint32, uint64

from seedfleet.generators.mt19937 import MIDDLE

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LAST_POSITION", "mt19937_scan_factory"]

LAST_POSITION = 226  # from word 227 on, a word of the new block would be needed
_LANES = 128


def mt19937_scan_factory(
    digest: str,
    next_initial: Callable[..., Any],
    twist: Callable[..., Any],
    temper: Callable[..., Any],
    has_residue: Callable[..., Any],
) -> Callable[..., Any]:
    """Return a kernel with the arguments of `word_scan_factory`'s; positions <= LAST_POSITION."""

    def kernel(
        first: Any, count: Any, positions: Any, tests: Any, chain: Any, seeds: Any, rows: Any
    ) -> int:
        _ = digest
        residues, limits, inverse, rotation, dropped = tests
        n_queries, depth = positions.shape
        kept = positions.max() + 2  # chain words 0 .. kept-1 and MIDDLE .. MIDDLE+kept-1
        low = np.empty((kept, _LANES), dtype=uint32)
        middle = np.empty((kept, _LANES), dtype=uint32)
        flags = np.zeros(_LANES, dtype=uint32)
        found = 0
        for base in range(0, count, _LANES):
            size = min(_LANES, count - base)
            for lane in range(_LANES):
                chain[lane] = uint32(first + uint64(base + lane))
                low[0, lane] = chain[lane]
                flags[lane] = 0
            for index in range(1, kept):
                link = uint32(index)  # a 64-bit index would widen the whole vector loop
                for lane in range(_LANES):
                    chain[lane] = next_initial(chain[lane], link)
                    low[index, lane] = chain[lane]
            for index in range(kept, MIDDLE):
                link = uint32(index)
                for lane in range(_LANES):
                    chain[lane] = next_initial(chain[lane], link)
            for index in range(max(kept, MIDDLE), MIDDLE + kept):
                link = uint32(index)
                for lane in range(_LANES):
                    chain[lane] = next_initial(chain[lane], link)
                    middle[index - MIDDLE, lane] = chain[lane]
            for row in range(n_queries):
                position = positions[row, 0]
                residue, limit, bit = residues[row, 0], limits[row, 0], uint32(1 << row)
                for lane in range(_LANES):
                    joined = twist(
                        low[position, lane], low[position + 1, lane], middle[position, lane]
                    )
                    word = uint32(temper(joined) >> dropped)
                    hit = has_residue(word, residue, inverse, rotation, limit)
                    flags[lane] |= bit if hit else uint32(0)
            for lane in range(size):
                if flags[lane] == 0:
                    continue
                for row in range(n_queries):
                    if (flags[lane] >> uint32(row)) & uint32(1) == 0:
                        continue
                    holds = True
                    for i in range(1, depth):
                        position = positions[row, i]
                        joined = twist(
                            low[position, lane], low[position + 1, lane], middle[position, lane]
                        )
                        word = uint32(temper(joined) >> dropped)
                        if not has_residue(word, residues[row, i], inverse, rotation, limits[row, i]):
                            holds = False
                            break
                    if holds:
                        if found < len(seeds):
                            seeds[found] = first + uint64(base + lane)
                            rows[found] = row
                        found += 1
        return found

    return kernel
