"""Scan kernel for MT19937 that never makes a whole state.

Output word ``j < 227`` needs only the initial words ``j``, ``j + 1`` and ``j + 397``, so a seed
costs one run along the initialisation chain to about word 400, most of it without storing
anything. The chains of LANES seeds run side by side as vector instructions, in the first-level
cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import uint32, uint64

from seedfleet.generators.compiled import jitable
from seedfleet.generators.families.mt19937 import MIDDLE

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LANES", "LAST_POSITION", "mt19937_scan_factory"]

LAST_POSITION = 226  # from word 227 on, a word of the new block would be needed
LANES = 128


def _chain_factory(next_initial: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that runs LANES chains and keeps the words that outputs are made of."""

    @jitable
    def link(chain: Any, index: Any) -> None:
        number = uint32(index)  # a 64-bit index would widen the whole vector loop
        for lane in range(LANES):
            chain[lane] = next_initial(chain[lane], number)

    @jitable
    def link_and_keep(chain: Any, index: Any, kept: Any) -> None:
        number = uint32(index)
        for lane in range(LANES):  # a loop: assigning the array costs more than the links
            word = next_initial(chain[lane], number)
            chain[lane] = word
            kept[lane] = word

    @jitable
    def run_chains(first: Any, chain: Any, low: Any, middle: Any) -> None:
        kept = len(low)
        for lane in range(LANES):
            chain[lane] = uint32(first + uint64(lane))
            low[0, lane] = chain[lane]
        for index in range(1, kept):
            link_and_keep(chain, index, low[index])
        for index in range(kept, MIDDLE):
            link(chain, index)
        for index in range(max(kept, MIDDLE), MIDDLE + kept):
            link_and_keep(chain, index, middle[index - MIDDLE])

    ran: Callable[..., Any] = run_chains
    return ran


def mt19937_scan_factory(  # noqa: C901 - its inner functions are counted in
    digest: str,
    next_initial: Callable[..., Any],
    twist: Callable[..., Any],
    temper: Callable[..., Any],
    has_residue: Callable[..., Any],
) -> Callable[..., Any]:
    """Return a kernel like `word_scan_factory`'s, for positions up to LAST_POSITION.

    Its scratch space is an array of LANES words.
    """
    run_chains = _chain_factory(next_initial)

    @jitable
    def flag_rows(positions: Any, tests: Any, low: Any, middle: Any, flags: Any) -> None:
        residues, limits, inverse, rotation, dropped = tests
        flags[:] = 0
        for row in range(len(positions)):
            position = positions[row, 0]
            first, second, third = low[position], low[position + 1], middle[position]
            residue, limit, bit = residues[row, 0], limits[row, 0], uint32(1 << row)
            for lane in range(LANES):
                joined = twist(first[lane], second[lane], third[lane])
                word = uint32(temper(joined) >> dropped)
                hit = has_residue(word, residue, inverse, rotation, limit)
                flags[lane] |= bit if hit else uint32(0)

    @jitable
    def holds(lane: Any, row: Any, positions: Any, tests: Any, words: Any) -> bool:
        residues, limits, inverse, rotation, dropped = tests
        low, middle = words
        for i in range(1, positions.shape[1]):
            position = positions[row, i]
            joined = twist(low[position, lane], low[position + 1, lane], middle[position, lane])
            word = uint32(temper(joined) >> dropped)
            if not has_residue(word, residues[row, i], inverse, rotation, limits[row, i]):
                return False
        return True

    def kernel(block: Any, positions: Any, tests: Any, chain: Any, seeds: Any, rows: Any) -> int:
        _ = digest
        first, count = block
        kept = positions.max() + 2  # chain words 0 .. kept-1 and MIDDLE .. MIDDLE+kept-1
        low = np.empty((kept, LANES), dtype=uint32)
        middle = np.empty((kept, LANES), dtype=uint32)
        flags = np.zeros(LANES, dtype=uint32)
        found = 0
        for base in range(0, count, LANES):
            start = first + uint64(base)
            run_chains(start, chain, low, middle)
            flag_rows(positions, tests, low, middle, flags)
            for lane in range(min(LANES, count - base)):
                for row in range(len(positions) if flags[lane] != 0 else 0):
                    flagged = (flags[lane] >> uint32(row)) & uint32(1) != 0
                    if flagged and holds(lane, row, positions, tests, (low, middle)):
                        if found < len(seeds):
                            seeds[found] = start + uint64(lane)
                            rows[found] = row
                        found += 1
        return found

    return kernel
