"""The residue test without division agrees with plain remainders."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seedfleet.sieve.residues import ResidueTests, has_residue, odd_part

_EDGES = [1, 2, 3, 4, 125, 1000, 1024, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 1]
any_modulus = st.integers(1, 2**32 - 1) | st.integers(1, 2000) | st.sampled_from(_EDGES)


def holds(words: np.ndarray, residue: int, modulus: int, *, limit: int = 2**32) -> np.ndarray:
    tests = ResidueTests.of(np.array([residue]), modulus, words=limit)
    found: np.ndarray = has_residue(
        words.astype(np.uint32), tests.residues, tests.inverse, tests.rotation, tests.limits
    )
    return found


@pytest.mark.parametrize("limit", [1, 7, 64, 1000, 1024])
@pytest.mark.parametrize("modulus", [1, 2, 3, 6, 8, 10, 12, 49, 100, 125, 128, 1000, 1023])
def test_every_word_and_every_residue_of_small_ranges(modulus: int, limit: int) -> None:
    words = np.arange(limit)
    for residue in range(min(modulus, limit)):
        assert np.array_equal(
            holds(words, residue, modulus, limit=limit), words % modulus == residue
        )


@given(
    word=st.integers(0, 2**32 - 1) | st.sampled_from([0, 1, 2**31, 2**32 - 1]),
    modulus=any_modulus,
    shift=st.integers(-2, 2),
)
@example(word=2**32 - 1, modulus=2**32 - 1, shift=0)
def test_32_bit_words(word: int, modulus: int, shift: int) -> None:
    residue = (word + shift) % modulus  # most residues are no match; near ones are the hard ones
    expected = word % modulus == residue
    assert holds(np.array([word]), residue, modulus).tolist() == [expected]


@given(modulus=any_modulus, residue=st.integers(0, 2**32 - 1))
def test_multiples_next_to_both_ends(modulus: int, residue: int) -> None:
    residue %= modulus
    last = residue + (2**32 - 1 - residue) // modulus * modulus
    words = np.array([residue, last, residue - 1, residue + 1, last - 1, last + 1]) % 2**32
    assert np.array_equal(holds(words, residue, modulus), words % modulus == residue)


@given(modulus=st.integers(1, 2**64))
def test_odd_part_splits_the_modulus(modulus: int) -> None:
    twos, odd = odd_part(modulus)
    assert odd % 2 == 1
    assert odd << twos == modulus
