"""Tests of words say what the boundings' own values say, for words of either width."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seedfleet.generators import Bounding, boundings
from seedfleet.sieve._word_tests import word_tests

_EDGES = [0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**48 - 1, 2**63, 2**64 - 1]
_SHAPED = {
    (each.name, bits): (each, bits)
    for each, bits in (
        (boundings.MODULO, 31),
        (boundings.MODULO, 32),
        (boundings.MODULO, 64),
        (boundings.MODULO_31, 32),
        (boundings.MASK, 32),
        (boundings.MASK, 64),
        (boundings.BIT_COUNT, 32),
        (boundings.LEMIRE, 32),
        (boundings.JAVA_NEXT_INT, 32),
        (boundings.FLOOR_24, 32),
        (boundings.FLOOR_32, 32),
        (boundings.FLOOR_48, 48),
        (boundings.FLOOR_52, 64),
        (boundings.FLOOR_53, 64),
    )
}


def told(bounding: Bounding, bits: int, radix: int, word: int, value: int) -> bool:
    tests = word_tests(bounding, bits, radix, np.array([value]))
    assert not tests.direct
    dtype = np.uint64 if bits > 32 else np.uint32
    with np.errstate(over="ignore"):
        held = tests.test(dtype(word), tests.low[0], tests.high[0], tests.shared)
    return bool(held and tests.possible[0])


@pytest.mark.parametrize("key", _SHAPED, ids=lambda key: f"{key[0]}, {key[1]} bits")
@given(
    word=st.integers(0, 2**64 - 1) | st.sampled_from(_EDGES),
    radix=st.integers(2, 2**31) | st.sampled_from([2, 10, 1000, 1024, 2**31 - 1, 2**31]),
    shift=st.integers(-2, 2),
)
@example(word=2**64 - 1, radix=2**31, shift=0)
@example(word=2**64 - 1, radix=1000, shift=0)
def test_a_word_has_its_value_and_no_other(
    key: tuple[str, int], word: int, radix: int, shift: int
) -> None:
    bounding, bits = _SHAPED[key]
    word %= 2**bits
    dtype = np.uint64 if bits > 32 else np.uint32
    with np.errstate(over="ignore"):
        if bounding.rejects(dtype(word), np.int64(radix)):
            return
        value = int(bounding.value(dtype(word), np.int64(radix)))
    asked = (value + shift) % radix
    assert told(bounding, bits, radix, word, asked) == (asked == value)


def test_a_value_that_no_word_has_is_told() -> None:
    tests = word_tests(boundings.MODULO, 15, 10**6, np.array([32767, 32768, 999_999]))
    assert tests.possible.tolist() == [True, False, False]
    few = word_tests(boundings.FLOOR_24, 32, 2**31, np.array([0, 1, 128, 129]))
    assert few.possible.tolist() == [True, False, True, False]
