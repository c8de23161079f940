"""Plain functions of the bits of a 64-bit word, for kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import int64, uint64

__all__ = ["ones", "parity", "trailing_zeros"]

# Multiplied by a power of two, this de Bruijn sequence shows another six highest bits for each.
_DE_BRUIJN = 0x03F79D71B4CB0A89
_INDEX_OF_BIT = np.zeros(64, dtype=np.int64)
for _bit in range(64):
    _INDEX_OF_BIT[(_DE_BRUIJN << _bit) % 2**64 >> 58] = _bit


def trailing_zeros(word: Any) -> Any:
    """Return the index of the lowest bit that is set; `word` is not 0."""
    lowest = word & (~word + uint64(1))
    return _INDEX_OF_BIT[int64((lowest * uint64(_DE_BRUIJN)) >> uint64(58))]


def parity(word: Any) -> Any:
    """Return 1 where an odd number of bits is set, else 0."""
    for width in (32, 16, 8, 4, 2, 1):
        word ^= word >> uint64(width)
    return word & uint64(1)


def ones(word: Any) -> Any:
    """Count the bits that are set."""
    word -= (word >> uint64(1)) & uint64(0x5555555555555555)
    word = (word & uint64(0x3333333333333333)) + ((word >> uint64(2)) & uint64(0x3333333333333333))
    word = (word + (word >> uint64(4))) & uint64(0x0F0F0F0F0F0F0F0F)
    return (word * uint64(0x0101010101010101)) >> uint64(56)
