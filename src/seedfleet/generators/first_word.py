"""Where the words of a value begin, under a bounding that never falls as the word grows."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from seedfleet.generators.definition import Bounding

__all__ = ["first_word"]


@lru_cache(maxsize=2**16)
def first_word(bounding: Bounding, bits: int, radix: int, value: int) -> int:
    """Return the least word whose value is at least `value`; ``2**bits`` where there is none.

    Parameters
    ----------
    bounding
        Monotone, of one word.
    bits
        Width of a word, at most 64.
    radix, value
        As `Bounding.value` takes and gives them. O(bits), by bisection.
    """
    dtype = np.uint64 if bits > 32 else np.uint32
    low, high = 0, 1 << bits
    with np.errstate(over="ignore"):
        while low < high:
            middle = (low + high) // 2
            if int(bounding.value(dtype(middle), np.int64(radix))) >= value:
                high = middle
            else:
                low = middle + 1
    return low
