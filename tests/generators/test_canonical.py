"""The seed behind a state, where it is known at sight."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedfleet.generators import AtState
from seedfleet.generators.canonical import seed_of_state
from seedfleet.generators.definition import Generator
from seedfleet.generators.families.glibc_random import GLIBC_RAND_TYPE0
from seedfleet.generators.families.lcg31 import MINSTD
from seedfleet.generators.families.lcg48 import JAVA_RANDOM, RAND48
from seedfleet.generators.families.msvc import MSVC
from seedfleet.generators.families.mt19937 import MT19937
from seedfleet.generators.families.xorshift import XORSHIFT32
from seedfleet.generators.start import state_words

_KNOWN = [GLIBC_RAND_TYPE0, JAVA_RANDOM, RAND48, MINSTD, MSVC, XORSHIFT32]


def set_by(generator: Generator, seed: int) -> AtState:
    with np.errstate(over="ignore"):
        return AtState(state_words(generator.seed_state(np.uint64(seed))))


@pytest.mark.parametrize("generator", _KNOWN, ids=lambda each: each.name)
@given(data=st.data())
def test_a_seed_comes_back_from_its_state(generator: Generator, data: st.DataObject) -> None:
    seeds = generator.seeds
    seed = data.draw(st.sampled_from([seeds[0], seeds[-1]]) | st.integers(seeds[0], seeds[-1]))
    assert seed_of_state(generator, set_by(generator, seed)) == seed


def test_a_state_that_no_seed_sets_has_none() -> None:
    assert seed_of_state(RAND48, AtState((0x123456789ABC,))) is None  # srand48 leaves 0x330E below
    assert seed_of_state(MINSTD, AtState((0,))) is None
    assert seed_of_state(XORSHIFT32, AtState((0,))) is None
    # The seed is the first word of a state that has many, but sets others behind it.
    words = set_by(MT19937, 5).words
    assert seed_of_state(MT19937, AtState((*words[:-2], words[-2] ^ 1, words[-1]))) is None
