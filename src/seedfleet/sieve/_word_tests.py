"""From wanted values to tests of words: what a bounding's shape makes of `value`.

A remainder is tested without division, and a value that never falls as the word grows is an
interval of words, whose ends are found by bisection. Without a shape, or with two words to a part,
a part is compared through `value` itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import uint32, uint64

from seedfleet.generators import Monotone, Residue
from seedfleet.generators.first_word import first_word
from seedfleet.generators.shapes import FieldResidue
from seedfleet.sieve.residues import odd_part, residue_of_32, residue_of_64, residue_of_field

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from seedfleet.generators import Bounding

__all__ = ["WordTests", "word_tests"]


@dataclass(frozen=True)
class WordTests:
    """Tests of words, one for each wanted value.

    Attributes
    ----------
    test
        ``test(word, low, high, shared)``, unused where `direct`.
    low, high
        Arrays of the values' shape.
    shared
        What all tests share.
    possible
        Whether any word has the value, array of the values' shape; where none has, the test means
        nothing.
    direct
        Whether values are compared instead, with `low` as the values and `shared` as the radix.
    """

    test: Callable[..., Any]
    low: NDArray[Any]
    high: NDArray[Any]
    shared: Any
    possible: NDArray[np.bool_]
    direct: bool = False


def word_tests(bounding: Bounding, bits: int, radix: int, values: NDArray[np.int64]) -> WordTests:
    """Make tests for `values`, any shape, in ``[0, radix)``, on words of so many `bits`."""
    shape = bounding.shape(radix) if bounding.words == 1 else None
    if isinstance(shape, Residue) and shape.modulus <= 2**32 - (bits > 32):
        return _residue_tests(shape, bits, values)
    if isinstance(shape, FieldResidue):
        return _field_tests(shape, values)
    if isinstance(shape, Monotone):
        return _interval_tests(bounding, bits, radix, values)
    everything = np.ones(values.shape, dtype=np.bool_)
    return WordTests(_by_value, values, values, np.int64(radix), everything, direct=True)


def _by_value(_word: Any, _low: Any, _high: Any, _shared: Any) -> Any:
    return False


def _within_32(word: Any, low: Any, high: Any, _shared: Any) -> Any:
    return uint32(uint32(word) - low) <= high


def _within_64(word: Any, low: Any, high: Any, _shared: Any) -> Any:
    return uint64(word) - low <= high


def _residue_tests(shape: Residue, bits: int, values: NDArray[np.int64]) -> WordTests:
    dtype = np.uint64 if bits > 32 else np.uint32
    last = (1 << bits - shape.dropped_bits) - 1
    twos, odd = odd_part(shape.modulus)
    inverse = pow(odd, -1, 2**64 if bits > 32 else 2**32)
    shared = (dtype(inverse), dtype(twos), dtype(shape.dropped_bits))
    possible = values.astype(np.uint64) <= np.uint64(last)
    spare = np.uint64(last) - np.where(possible, values, 0).astype(np.uint64)
    limits = spare // np.uint64(shape.modulus)
    test = residue_of_64 if bits > 32 else residue_of_32
    return WordTests(test, values.astype(dtype), limits.astype(dtype), shared, possible)


def _field_tests(shape: FieldResidue, values: NDArray[np.int64]) -> WordTests:
    tests = _residue_tests(Residue(0, shape.modulus), shape.bits, values)
    mask = np.uint32(2**shape.bits - 1)
    shared = (tests.shared, np.uint64(shape.first_bit), mask)
    return replace(tests, test=residue_of_field, shared=shared)


def _interval_tests(
    bounding: Bounding, bits: int, radix: int, values: NDArray[np.int64]
) -> WordTests:
    dtype = np.uint64 if bits > 32 else np.uint32
    distinct, places = np.unique(values, return_inverse=True)
    ends = [
        (first_word(bounding, bits, radix, value), first_word(bounding, bits, radix, value + 1))
        for value in distinct.tolist()
    ]
    lows = np.array([min(low, 2**bits - 1) for low, _ in ends], dtype=dtype)
    highs = np.array([max(0, end - 1 - low) for low, end in ends], dtype=dtype)
    possible = np.array([low < end for low, end in ends])
    places = places.reshape(values.shape)
    test = _within_64 if bits > 32 else _within_32
    shared = np.int64(radix)
    return WordTests(test, lows[places], highs[places], shared, possible[places])
