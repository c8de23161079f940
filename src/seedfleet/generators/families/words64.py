"""Words of 64 bits for families whose arithmetic or output needs their halves."""

from __future__ import annotations

from typing import Any

from numpy import uint32, uint64

__all__ = ["half", "high_product"]

_LOW = uint64(0xFFFFFFFF)
_32 = uint64(32)


def half(word: Any, index: Any) -> Any:
    """Return the low (`index` 0) or high (1) 32 bits of a word; `index` is uint64."""
    return uint32(word >> (index * _32))


def high_product(first: Any, second: Any) -> Any:
    """Return the high 64 of the 128 bits of a product of two uint64 words."""
    low_1, high_1 = first & _LOW, first >> _32
    low_2, high_2 = second & _LOW, second >> _32
    middle = high_1 * low_2 + ((low_1 * low_2) >> _32)  # at most 2**64 - 2**32: no overflow
    other_middle = low_1 * high_2 + (middle & _LOW)
    return high_1 * high_2 + (middle >> _32) + (other_middle >> _32)
