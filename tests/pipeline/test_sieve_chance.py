"""What chance lets through a sieve, and the control that is held against it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from plain_history import history

from seedfleet.generators import find_preset
from seedfleet.generators.compiled import at_positions
from seedfleet.pipeline.sieve_chance import chance_of, power_of
from seedfleet.pipeline.sieve_controls import controls_of
from seedfleet.pipeline.sieve_plan import SieveOptions, plan_sieve
from seedfleet.recover.controls import negative_control
from seedfleet.sieve import ConstantSkip, Direction, Question, VariableSkip, sieve

STREAM = find_preset("xorshift32").stream


def question(skips: ConstantSkip | VariableSkip, modulus: int = 10) -> Question:
    draws = np.random.default_rng(3).integers(modulus, size=4)
    return Question(STREAM, draws, modulus, skips, direction=Direction.FORWARD)


def test_a_constant_skip_is_exact_and_its_own_bound() -> None:
    chance = chance_of(question(ConstantSkip(range(3))))
    assert chance.expected_pairs(10**6) == pytest.approx(3e6 * 10**-2)
    assert chance.bound_on_pairs(10**6) == chance.expected_pairs(10**6)
    assert chance.expected_seeds(10**6) == pytest.approx(1e6 * (1 - 0.99**3))
    assert (chance.is_bound, chance.relative_error) == (False, 0.0)
    assert chance.expected_pairs(0) == chance.expected_seeds(0) == 0.0


def test_a_variable_skip_is_simulated_below_its_bound_or_is_that_bound() -> None:
    asked = question(VariableSkip(0, 2), modulus=100)
    simulated, bound = chance_of(asked), chance_of(asked, positions=0)
    assert bound.is_bound
    assert bound.expected_pairs(10**6) == pytest.approx(1e6 * 3 * 3 * 1e-4)
    assert not simulated.is_bound
    assert 0 < simulated.relative_error < 0.25
    assert 0.8 < simulated.expected_pairs(10**6) / bound.expected_pairs(10**6) <= 1


def test_as_many_gaps_as_values_are_no_filter() -> None:
    many = Question(STREAM, np.arange(100) % 10, 10, VariableSkip(0, 9))
    chance = chance_of(many)
    assert chance.is_bound
    assert chance.expected_pairs(1000) == pytest.approx(1000)


def test_a_control_grants_what_the_simulation_leaves_open() -> None:
    counts = [40, 41] * 8  # 648 where 500 are expected
    assert not negative_control(counts, 31.25, text="").passed
    assert negative_control(counts, 31.25, relative_error=0.1, text="").passed
    assert not negative_control(counts, 31.25, relative_error=0.01, text="").passed


MSVC = find_preset("msvc_rand").stream  # words of 15 bits: nothing beyond 32767 is ever given


def million(draws: list[int], **asked: Any) -> Question:
    given = {"skips": ConstantSkip(range(5)), "direction": Direction.FORWARD, **asked}
    return Question(MSVC, np.array(draws), 10**6, **given)


@pytest.mark.slow
@pytest.mark.parametrize("skips", [ConstantSkip(range(5)), VariableSkip(0, 2)])
def test_as_many_wrong_seeds_pass_as_the_bounding_lets(
    skips: ConstantSkip | VariableSkip,
) -> None:
    draws, _state = at_positions(MSVC, 77, 10**6, np.arange(2))
    asked = million(draws.tolist(), skips=skips, window_size=2, direction=Direction.BIDIRECTIONAL)
    single = replace(asked, window_size=1, direction=Direction.FORWARD)
    seeds = range(2_000_000)
    expected = chance_of(single).expected_pairs(len(seeds))
    assert len(sieve(single, seeds).table) == pytest.approx(expected, rel=0.25)
    paths = 5 if isinstance(skips, ConstantSkip) else 3
    assert expected == pytest.approx(2e6 * paths * 2**-15, rel=0.01)
    pairs = 5 if isinstance(skips, ConstantSkip) else 9
    assert chance_of(asked).expected_pairs(1) == pytest.approx(pairs * 2**-30, rel=0.05)


def test_a_draw_that_is_never_given_is_no_chance_but_a_wrong_record() -> None:
    asked = million([5, 32_768, 6, 7])
    forward = chance_of(asked)
    assert (forward.never_given, forward.is_bound) == (1, False)
    assert forward.expected_pairs(2**32) == forward.expected_seeds(2**32) == 0.0
    assert [power_of(asked, noise) for noise in (0, 0.1)] == [0.0, 0.0]
    variable = chance_of(replace(asked, skips=VariableSkip(0, 1)))
    assert (variable.expected_pairs(2**32), variable.is_bound) == (0.0, False)
    half = replace(asked, forward_threshold=0.5)
    assert chance_of(half).expected_pairs(1) == pytest.approx(5 * 2**-15)
    assert power_of(half, 0.1) == pytest.approx(0.9)
    assert chance_of(replace(half, skips=VariableSkip(0, 1))).is_bound


def test_a_draw_earns_no_more_than_its_bounding_makes_it_rare() -> None:
    assert chance_of(million([5, 6])).bits_a_draw == 15
    assert chance_of(question(ConstantSkip(range(1)))).bits_a_draw == pytest.approx(np.log2(10))


def test_shares_that_differ_by_little_are_simulated_and_others_are_bounded() -> None:
    skips = VariableSkip(0, 2)
    draws = np.array([1, 768, 3, 4])
    thousand = Question(MSVC, draws, 1000, skips, direction=Direction.FORWARD)
    chance = chance_of(thousand)
    assert not chance.is_bound
    assert chance.expected_pairs(1) == pytest.approx(9 * 33 * 32 * 2**-30, rel=0.02)
    uneven = Question(MSVC, draws[:2] * 30, 30_000, skips, direction=Direction.FORWARD)
    assert chance_of(uneven).expected_pairs(1) == pytest.approx(3 * 2 / 2**15)
    both = Question(MSVC, np.array([1, 20_000, 3, 4]), 30_000, skips, direction=Direction.FORWARD)
    assert chance_of(both).is_bound
    assert chance_of(both).expected_pairs(1) == pytest.approx(9 * 2 * 1 * 2**-30)


def test_where_nothing_is_expected_nothing_may_be_found() -> None:
    assert negative_control([0, 0], 0.0, text="").passed
    assert not negative_control([0, 1], 0.0, text="").passed


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [0, 6, 30], ids=["clean", "some", "none given"])
def test_controls_hold_where_a_bounding_gives_few_of_the_values(wrong: int) -> None:
    draws, _state = at_positions(MSVC, 77, 10**6, np.arange(30))
    draws[:wrong] += 500_000
    options = SieveOptions(("msvc_rand",), seeds=(0, 2_000_000), skips=range(5), window_size=8)
    (search,) = plan_sieve(history(draws.tolist(), 10**6), options).searches
    negative, positive = controls_of(search, np.random.default_rng(1))
    assert negative.passed, negative
    assert positive.passed, positive
    assert (negative.expected > 100) == (wrong < 8)


@pytest.mark.slow
def test_draws_that_repeat_are_expected_as_often_as_they_are_shuffled() -> None:
    # Of paths that cross each other, how many give the draws depends on which follow each other.
    draws = [4, 1, 1, 3, 9, 1, 1, 5, 2, 1, 7, 7, 8, 0, 6, 2, 3, 8, 9, 0, 5, 4, 6, 2]
    options = SieveOptions(
        ("java_next_int",),
        seeds=(0, 4999),
        variable_skip=(0, 3),
        window_size=24,
        forward_threshold=0.5,
        reverse_threshold=0.5,
    )
    (search,) = plan_sieve(history(draws, 10), options).searches
    controls = [controls_of(search, np.random.default_rng(lot))[0] for lot in range(4)]
    observed, expected = (
        sum(getattr(each, name) for each in controls) for name in ("observed", "expected")
    )
    assert expected > 1000
    assert observed == pytest.approx(expected, rel=0.05)
    for each in controls:
        assert each.passed
        assert each.least < each.expected < each.most
