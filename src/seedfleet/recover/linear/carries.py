"""What draws show of sums of two words: bits of the sum without carries, each with a doubt.

Bit b of a sum is linear over GF(2) but for the carry from the bits below. Let y in [0, 1) be the
lowest b + 1 bits of a sum of two independent uniform words, as a fraction of 2**(b + 1). The lower
parts of b bits each add up to the remainder ``2y mod 1`` with a carry in a share ``1 - (2y mod 1)``
of all cases; so bit b of the sum without carries is 1 with chance ``|1 - 2y|``. Near 0, 1/2 and 1
that is all but certain, and a draw says where y lies for about ``log2(modulus)`` bits of its word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.generators.first_word import first_word

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedfleet.generators import Bounding

__all__ = ["DoubtfulEquations", "carry_errors", "doubtful_equations", "word_ranges"]


@dataclass(frozen=True, eq=False)
class DoubtfulEquations:
    """Bits of sums without carries, each its likelier value.

    Attributes
    ----------
    draws
        int64 array, shape (n,): the draw.
    bits
        int64 array, shape (n,): the bit of its word, 0 the lowest.
    right
        uint8 array, shape (n,): its likelier value.
    doubts
        float64 array, shape (n,), in [0, 1/2]: the chance of the other one.
    """

    draws: NDArray[np.int64]
    bits: NDArray[np.int64]
    right: NDArray[np.uint8]
    doubts: NDArray[np.float64]

    def __len__(self) -> int:
        """How many there are."""
        return len(self.draws)

    def surest(self, count: int) -> DoubtfulEquations:
        """Return the `count` least doubtful ones, the surest first."""
        chosen = np.argsort(self.doubts, kind="stable")[:count]
        sides = (self.draws[chosen], self.bits[chosen], self.right[chosen])
        return DoubtfulEquations(*sides, self.doubts[chosen])


def word_ranges(
    bounding: Bounding, bits: int, radix: int, values: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return the least and the greatest word of each value of a monotone bounding of one word.

    Parameters
    ----------
    bits
        Width of a word, at most 64.
    values
        int64 array, shape (n,), in ``[0, radix)``; some word has each of them.
    """
    distinct, places = np.unique(values, return_inverse=True)
    ends = [
        (first_word(bounding, bits, radix, each), first_word(bounding, bits, radix, each + 1) - 1)
        for each in distinct.tolist()
    ]
    least, greatest = np.array(ends, dtype=np.uint64).reshape(-1, 2).T
    return least[places], greatest[places]


def doubtful_equations(
    ranges: tuple[NDArray[np.uint64], NDArray[np.uint64]], *, bits: int, radix: int
) -> DoubtfulEquations:
    """Return what draws show of the words of which they are sums. O(n * log(radix)).

    Parameters
    ----------
    ranges
        uint64 arrays, shape (n,): least and greatest word of each draw.
    """
    shown = np.arange(bits - 1, max(bits - 2 - radix.bit_length(), -1), -1)
    scale = 2.0 ** (shown + 1)
    low = ranges[0].astype(np.float64)[:, np.newaxis] / scale
    high = (ranges[1].astype(np.float64)[:, np.newaxis] + 1.0) / scale
    chances = (_area(high) - _area(low)) / (high - low)
    draws, places = np.indices(chances.shape).reshape(2, -1)
    right = (chances > 1 / 2).astype(np.uint8).ravel()
    doubts = np.clip(np.minimum(chances, 1 - chances), 0.0, 1 / 2).ravel()
    return DoubtfulEquations(draws, shown[places], right, doubts)


def _area(y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Integrate ``|1 - 2 * (y mod 1)|`` from 0."""
    whole = np.floor(y)
    part = y - whole
    area: NDArray[np.float64] = whole / 2 + np.where(
        part < 1 / 2, part - part**2, 1 / 2 - part + part**2
    )
    return area


def carry_errors(
    equations: DoubtfulEquations,
    words: NDArray[np.uint64],
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """Tell which equations would be wrong if the words were sums of independent uniform words.

    Parameters
    ----------
    words
        uint64 array, shape (k, draws), for k cases at once.

    Returns
    -------
    NDArray
        bool array, shape (k, n).
    """
    first = rng.integers(2**64, size=words.shape, dtype=np.uint64)
    carryless = first ^ (words - first)
    shown = carryless[:, equations.draws] >> equations.bits.astype(np.uint64) & np.uint64(1)
    wrong: NDArray[np.bool_] = shown != equations.right
    return wrong
