"""Which seed a state is named by: before it, or after it within the first draw's skip."""

from math import log2

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedfleet.generators import Generator, PowerOfTwoLcg
from seedfleet.generators.canonical import distance_from_0
from seedfleet.generators.families.lcg48 import JAVA_RANDOM, RAND48
from seedfleet.generators.start import start_words
from seedfleet.recover.congruential.seeds_before import likeliest_seed, seed_before


def algebra(generator: Generator) -> PowerOfTwoLcg:
    assert generator.lcg is not None
    return generator.lcg


def state_at(generator: Generator, seed: int, outputs: int, words: int) -> int:
    """Return the state so many outputs after a seed's, before it where negative."""
    (state,) = start_words(generator, seed)
    return algebra(generator).advance(state, outputs * words)


@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**32 - 1),
    skip=st.integers(0, 500),
    words=st.integers(1, 3),
    where=st.floats(0, 1),
)
def test_a_rare_seed_is_named_wherever_it_is(
    seed: int, skip: int, words: int, where: float
) -> None:
    """One state of srand48 in 65,536 is a seed's: of 1,524 places all but one are empty."""
    outputs = round(-skip + where * (1024 + skip))
    state = state_at(RAND48, seed, outputs, words)
    places = range(-skip, 1025)
    named = likeliest_seed(RAND48, state, words, places, skip=skip)
    assert named is not None
    assert start_words(RAND48, named.seed) == (
        state_at(RAND48, seed, outputs - named.outputs, words),
    )
    first = seed_before(algebra(RAND48), state, words, places)
    last = seed_before(algebra(RAND48), state, words, reversed(places))
    if first == last:
        assert (named.seed, named.outputs) == (seed, outputs)


@given(seed=st.integers(2**40, 2**48 - 1), skip=st.integers(0, 500))
def test_a_long_seed_gives_way_to_none_that_is_nearly_as_long(seed: int, skip: int) -> None:
    (state,) = start_words(JAVA_RANDOM, seed)
    named = likeliest_seed(JAVA_RANDOM, state, 1, range(-skip, 1025), skip=skip)
    assert named is not None
    assert -skip <= named.outputs <= 0
    assert state_at(JAVA_RANDOM, named.seed, named.outputs, 1) == state
    if named.outputs:
        bits = (distance_from_0(JAVA_RANDOM, each).bit_length() for each in (seed, named.seed))
        assert next(bits) - next(bits) > 7 + log2(7 * skip)


@pytest.mark.parametrize(("skip", "outputs"), [(2, -2), (2, -1), (500, -500), (500, -1)])
def test_a_short_seed_after_the_state_is_named_where_every_state_has_one(
    skip: int, outputs: int
) -> None:
    state = state_at(JAVA_RANDOM, 20240317, outputs, 1)
    named = likeliest_seed(JAVA_RANDOM, state, 1, range(-skip, 1025), skip=skip)
    assert named is not None
    assert (named.seed, named.outputs) == (20240317, outputs)
