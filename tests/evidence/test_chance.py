"""Likelihood ratios and chance, against direct products and exact rational arithmetic."""

from fractions import Fraction
from math import comb, exp, inf, isclose, log, log2, prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedfleet.evidence.chance import (
    expected_pairs,
    expected_seeds,
    log10_expected_pairs,
    log_tail,
)
from seedfleet.evidence.likelihood import NOISE_RATES, log2_likelihood_ratio

moduli = st.integers(2, 1000) | st.just(2**31)


@given(
    flags=st.lists(st.booleans(), max_size=60),
    modulus=moduli,
    noise=st.sampled_from([*NOISE_RATES, 0.5, 0.99]),
)
def test_likelihood_ratio_is_the_product_over_draws(
    flags: list[bool], modulus: int, noise: float
) -> None:
    hit, miss = (1 - noise) * modulus, noise * modulus / (modulus - 1)
    direct = prod(Fraction(hit) if flag else Fraction(miss) for flag in flags)
    bits = log2_likelihood_ratio(sum(flags), len(flags), noise=noise, modulus=modulus)
    if direct == 0:
        assert bits == -inf
    else:
        expected = log2(direct.numerator) - log2(direct.denominator)
        assert isclose(bits, expected, rel_tol=1e-9, abs_tol=1e-9)


@pytest.mark.parametrize("noise", NOISE_RATES)
@pytest.mark.parametrize("modulus", [2, 10, 1000])
def test_likelihood_ratio_averages_to_one_under_uniform_draws(noise: float, modulus: int) -> None:
    draws, chance = 12, Fraction(1, modulus)
    mean = sum(
        comb(draws, k)
        * float(chance**k * (1 - chance) ** (draws - k))
        * 2.0 ** log2_likelihood_ratio(k, draws, noise=noise, modulus=modulus)
        for k in range(draws + 1)
    )
    assert isclose(mean, 1.0, rel_tol=1e-12)


def exact_tail(matches: int, draws: int, modulus: int) -> Fraction:
    chance = Fraction(1, modulus)
    terms = (
        comb(draws, k) * chance**k * (1 - chance) ** (draws - k)
        for k in range(max(matches, 0), draws + 1)
    )
    return sum(terms, start=Fraction(0))


@given(draws=st.integers(0, 40), matches=st.integers(-1, 42), modulus=st.integers(2, 50))
def test_tail_is_the_exact_binomial_one(draws: int, matches: int, modulus: int) -> None:
    exact = exact_tail(matches, draws, modulus)
    if exact == 0:
        assert log_tail(matches, draws, 1 / modulus) == -inf
    else:
        expected = log(exact.numerator) - log(exact.denominator)
        assert isclose(log_tail(matches, draws, 1 / modulus), expected, rel_tol=1e-9, abs_tol=1e-10)


legs_of_draws = st.lists(
    st.integers(1, 12).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))),
    min_size=1,
    max_size=2,
)


@given(
    seeds=st.integers(1, 2**48),
    alignments=st.integers(1, 600),
    legs=legs_of_draws,
    modulus=st.integers(2, 50),
)
def test_expected_survivors_are_the_exact_ones(
    seeds: int, alignments: int, legs: list[tuple[int, int]], modulus: int
) -> None:
    chance = prod(exact_tail(needed, draws, modulus) for draws, needed in legs)
    pairs = expected_pairs(seeds * alignments, legs, modulus)
    assert isclose(pairs, seeds * alignments * chance, rel_tol=1e-9)
    some = expected_seeds(seeds, alignments, legs, modulus)
    assert isclose(some, seeds * (1 - (1 - chance) ** alignments), rel_tol=1e-9)
    assert some <= pairs * (1 + 1e-9)
    assert some <= seeds


def test_limits_of_expected_survivors() -> None:
    exact = [(4, 4)]
    # With one alignment a seed is a pair; with ever more of them, every seed passes once.
    pairs = expected_pairs(2**32, exact, 1000)
    assert isclose(expected_seeds(2**32, 1, exact, 1000), pairs, rel_tol=1e-12)
    assert isclose(expected_seeds(2**32, 10**14, exact, 1000), 2**32, rel_tol=1e-12)
    assert expected_seeds(77, 5, [(4, 0)], 10) == 77
    assert expected_seeds(77, 5, [(4, 5)], 10) == 0
    assert expected_pairs(77, [(4, 5)], 10) == 0
    # A chance of 1e-330 is no float, but what it makes of 2**64 seeds and 2**60 alignments is one.
    assert isclose(expected_seeds(2**64, 2**60, [(110, 110)], 1000), 2.0**124 / 10**300 / 1e30)


def test_what_no_float_holds_is_still_told_by_its_exponent() -> None:
    assert expected_pairs(2**48, [(120, 120), (80, 80)], 1000) == 0.0
    exponent = log10_expected_pairs(2**48, [(120, 120), (80, 80)], 1000)
    assert isclose(exponent, 48 * log(2) / log(10) - 600, rel_tol=1e-12)


def test_a_long_history_has_a_finite_tail() -> None:
    # Half of 100,000 draws modulo 2: the central limit gives 1/2 and a little more.
    assert 0.5 < exp(log_tail(50_000, 100_000, 0.5)) < 0.502
