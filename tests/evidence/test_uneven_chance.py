"""Chance where a bounding favours values: against every outcome, and against the even formula."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import exp, inf, isclose, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedfleet.evidence.chance import log_pass
from seedfleet.evidence.uneven_chance import draw_shares, log_pass_of_shares
from seedfleet.generators import find_preset

_SHARES = st.lists(st.sampled_from([0.0, 0.125, 0.25, 0.5, 1.0]), min_size=1, max_size=7)


def exact(needed: int, shares: list[float]) -> Fraction:
    total = Fraction(0)
    for outcome in product((0, 1), repeat=len(shares)):
        if sum(outcome) >= needed:
            chance = Fraction(1)
            for hit, share in zip(outcome, shares, strict=True):
                chance *= Fraction(share) if hit else 1 - Fraction(share)
            total += chance
    return total


@given(_SHARES, _SHARES, st.data())
def test_legs_pass_as_often_as_all_outcomes_together_say(
    first: list[float], second: list[float], data: st.DataObject
) -> None:
    legs = [(len(leg), data.draw(st.integers(0, len(leg)))) for leg in (first, second)]
    expected = exact(legs[0][1], first) * exact(legs[1][1], second)
    found = log_pass_of_shares(legs, np.array(first + second))
    assert isclose(exp(found), float(expected), rel_tol=1e-9, abs_tol=0.0)
    assert (found == -inf) == (expected == 0)


@pytest.mark.parametrize("needed", [0, 1, 30, 1500, 2970, 3000])
def test_alike_shares_are_the_even_chance_however_small_it_is(needed: int) -> None:
    even = log_pass([(3000, needed)], 1000)
    alike = np.full(3000, 0.001) * np.linspace(1 - 1e-7, 1 + 1e-7, 3000)
    assert isclose(log_pass_of_shares([(3000, needed)], alike), even, rel_tol=1e-6, abs_tol=1e-9)
    # Shares a little further apart take the other way, and say nearly the same.
    apart = np.where(np.arange(3000) % 2, 0.001 * (1 + 2e-6), 0.001 * (1 - 2e-6))
    assert isclose(log_pass_of_shares([(3000, needed)], apart), even, rel_tol=1e-6, abs_tol=1e-6)


def test_a_draw_has_the_share_that_its_bounding_gives_it() -> None:
    msvc = find_preset("msvc_rand").stream
    values = np.array([32_767, 32_768, 5, 5])
    assert draw_shares(msvc, values, 10**6).tolist() == [2**-15, 0.0, 2**-15, 2**-15]
    assert draw_shares(msvc, values[:0], 10**6).tolist() == []
    mixed = draw_shares(msvc, np.array([767, 768]), 1000)
    assert mixed.tolist() == [33 / 2**15, 32 / 2**15]
    legs = [(2, 2)]
    assert log_pass_of_shares(legs, mixed) == pytest.approx(log(33 * 32 / 2**30))
