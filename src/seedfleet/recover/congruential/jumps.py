"""Jumps of a linear congruential generator to each of the words that draws show."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedfleet.generators import PowerOfTwoLcg

__all__ = ["Observations"]


@cache
def _jump_table(multiplier: int, increment: int, bits: int, count: int) -> NDArray[np.uint64]:
    """Return a (2, count) table: row 0 the multipliers of 0 .. count-1 steps, row 1 increments."""
    table = np.empty((2, count), dtype=np.uint64)
    mask = 2**bits - 1
    a, c = 1, 0
    for steps in range(count):
        table[0, steps], table[1, steps] = a, c
        a, c = a * multiplier & mask, (c * multiplier + increment) & mask
    return table


@dataclass(frozen=True)
class Observations:
    """Where a run of draws lies in the word stream, under one constant skip.

    Attributes
    ----------
    multipliers, increments
        uint64 arrays, shape (n_words,): the jumps from the first observed word to each.
    """

    multipliers: NDArray[np.uint64]
    increments: NDArray[np.uint64]

    @classmethod
    def of(
        cls, lcg: PowerOfTwoLcg, *, skip: int, draws: int, words: int, seen: int = 1
    ) -> Observations:
        """Return the jumps for `draws` successive draws.

        Parameters
        ----------
        skip
            Outputs dropped before each.
        words
            Output words of an output.
        seen
            How many of them, from the first on, are observed.
        """
        starts = np.arange(draws, dtype=np.int64) * (skip + 1) * words
        steps = (starts[:, np.newaxis] + np.arange(seen)).reshape(-1)
        count = 1 << int(steps[-1]).bit_length()  # a few table sizes serve every skip
        table = _jump_table(lcg.multiplier, lcg.increment, lcg.modulus_bits, count)
        return cls(table[0, steps], table[1, steps])
