"""Repeats are named for what they are, and chance is not called a repeat."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted import random_draws

from seedfleet.recover.repeats import Block, find_repeats


def test_constant() -> None:
    repeats = find_repeats(np.full(40, 7), 1000)
    assert repeats is not None
    assert (repeats.kind, repeats.period, repeats.analysed) == ("constant", 1, (0, 1))
    assert repeats.text == "all 40 draws are 7"


@given(count=st.integers(6, 120), period=st.integers(2, 60), seed=st.integers(0, 2**32 - 1))
def test_periodic_also_where_the_period_does_not_divide_the_length(
    count: int, period: int, seed: int
) -> None:
    once = np.random.default_rng(seed).permutation(1000)[:period]
    repeats = find_repeats(np.resize(once, count), 1000)
    if 2 * period <= count and count - period > 2:  # two repeated draws are no proof
        assert repeats is not None
        assert (repeats.kind, repeats.period) == ("periodic", period)
        assert repeats.analysed == (0, period)
    else:
        # Less than two whole periods: a block, if it is long enough to be no chance.
        assert repeats is None or repeats.kind == "repeated_blocks"


def test_one_wrong_draw_at_the_end_leaves_blocks_only() -> None:
    values = np.resize(random_draws(20), 60)
    values[-1] += 1 if values[-1] < 999 else -1
    repeats = find_repeats(values, 1000)
    assert repeats is not None
    assert repeats.kind == "repeated_blocks"
    assert repeats.blocks == (Block(0, 20, 39),)
    assert repeats.analysed == (0, 20)


def test_blocks_are_maximal_and_what_is_free_of_copies_is_analysed() -> None:
    values = random_draws(400)
    values[100:112] = values[10:22]
    values[300:330] = values[200:230]
    repeats = find_repeats(values, 1000)
    assert repeats is not None
    assert repeats.blocks == (Block(10, 100, 12), Block(200, 300, 30))
    assert repeats.analysed == (112, 300)
    assert "42 of 400 draws" in repeats.text
    assert "draws 112 to 299" in repeats.text


def test_a_copy_at_the_very_end_leaves_all_before_it() -> None:
    values = random_draws(200, seed=1)
    values[180:] = values[30:50]
    repeats = find_repeats(values, 1000)
    assert repeats is not None
    assert repeats.analysed == (0, 180)


@pytest.mark.parametrize("modulus", [2, 10, 1000, 2**31])
@pytest.mark.parametrize("count", [50, 500, 5000])
def test_random_draws_do_not_repeat(count: int, modulus: int) -> None:
    for seed in range(5):
        assert find_repeats(random_draws(count, modulus=modulus, seed=seed), modulus) is None


def test_two_values_of_a_thousand_are_judged_by_their_own_collisions() -> None:
    # 0 and 1 only: by 1/m alone, blocks of four draws would count, and chance makes hundreds.
    for seed in range(5):
        assert find_repeats(random_draws(2000, modulus=2, seed=seed), 1000) is None


def test_histories_too_short_to_repeat() -> None:
    assert find_repeats(np.array([5]), 1000) is None
    assert find_repeats(np.array([5, 6]), 1000) is None
    assert find_repeats(np.array([5, 5]), 1000) is None  # once in a thousand by chance
    thrice = find_repeats(np.array([5, 5, 5, 5]), 1000)
    assert thrice is not None
    assert thrice.kind == "constant"
