"""What chance lets through a sieve, and the control that is held against it."""

import numpy as np
import pytest

from seedfleet.generators import find_preset
from seedfleet.pipeline.sieve_chance import chance_of
from seedfleet.recover.controls import negative_control
from seedfleet.sieve import ConstantSkip, Direction, Question, VariableSkip

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
