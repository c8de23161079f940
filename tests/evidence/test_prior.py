"""The prior is one distribution over everything that could ever be searched."""

import math
from fractions import Fraction
from itertools import pairwise
from math import comb, isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedfleet.evidence.likelihood import NOISE_RATES
from seedfleet.evidence.prior import (
    NULL_WEIGHT,
    log2_alignment_weight,
    noise_weights,
    seed_odds,
)
from seedfleet.generators import CATALOGUE, presets_of, streams

_ALL_PRESETS = 64  # slots
_OCTAVES = [1 << octave for octave in range(17)]


def weight(
    *,
    presets: int = _ALL_PRESETS,
    skip: int = 0,
    skip_min: int | None = None,
    offset: int = 0,
    sessions: int = 1,
    chosen: int | None = None,
) -> float:
    """Return the weight of a skip, or of the skips from `skip_min` to `skip`."""
    log2_weight = log2_alignment_weight(
        presets=presets,
        skip_min=skip if skip_min is None else skip_min,
        skip_max=skip,
        offset=offset,
        session_count=sessions,
        chosen_sessions=sessions if chosen is None else chosen,
    )
    return math.pow(2, log2_weight)


def total_over_skips(offset: int) -> float:
    # Skips of one octave of skip + 1 weigh the same, which the next test checks.
    return sum(
        (end - first) * weight(skip=first - 1, offset=offset) for first, end in pairwise(_OCTAVES)
    )


@given(number=st.integers(1, 2**16 - 1), other=st.integers(1, 2**16 - 1))
def test_weights_are_equal_within_an_octave_and_fall_by_half_from_one_to_the_next(
    number: int, other: int
) -> None:
    octaves = other.bit_length() - number.bit_length()
    assert weight(skip=number - 1) == weight(skip=other - 1) * 2.0**octaves
    assert weight(offset=number) == weight(offset=other) * 2.0**octaves


@given(skip_max=st.integers(1, 2**16 - 2), data=st.data())
def test_a_variable_skip_shares_the_stake_of_its_upper_end(
    skip_max: int, data: st.DataObject
) -> None:
    skip_min = data.draw(st.integers(0, skip_max - 1))
    shared = weight(skip=skip_max, skip_min=skip_min) * skip_max
    assert isclose(shared, weight(skip=skip_max), rel_tol=1e-9)


def total_over_variable_skips(offset: int) -> float:
    """Sum over both ends; the lower ones share a stake alike, and so do the upper ones."""
    return sum(
        last * weight(skip=last, skip_min=last - 1, offset=offset) for last in range(1, 2**16 - 1)
    )


def test_the_whole_support_weighs_no_more_than_one() -> None:
    offsets = [(0, 1), *((first, end - first) for first, end in pairwise(_OCTAVES))]
    constant = sum(count * total_over_skips(offset) for offset, count in offsets)
    variable = 2 * total_over_variable_skips(offset=0)  # offset 0 has half of the offsets' stake
    # Each law has half, and half of that is kept for segments. The first octave of skip_max, a
    # lone 0, leaves no skip_min below it: its sixteenth stays unspent.
    assert constant == 0.25
    assert isclose(variable, 0.25 * 15 / 16, rel_tol=1e-9)
    assert NULL_WEIGHT + (1 - NULL_WEIGHT) * (constant + variable) * sum(noise_weights()) <= 1


@pytest.mark.parametrize("sessions", [1, 2, 3, 4, 7, 24])
def test_session_scopes_share_one_stake(sessions: int) -> None:
    scopes = sum(
        comb(sessions, chosen) * weight(sessions=sessions, chosen=chosen)
        for chosen in range(1, sessions + 1)
    )
    assert isclose(scopes, weight(), rel_tol=1e-12)


def test_the_catalogue_fits_into_its_slots() -> None:
    together = sum(weight(presets=len(presets_of(stream))) for stream in streams())
    assert isclose(together, len(CATALOGUE) * weight(presets=1), rel_tol=1e-12)
    assert together <= weight(presets=_ALL_PRESETS)


def test_nothing_is_staked_outside_the_support() -> None:
    assert weight(skip=2**16 - 1) == 0
    assert weight(skip=2**16 - 1, skip_min=0) == 0
    assert weight(offset=2**16) == 0
    assert weight(skip=2**16 - 2, offset=2**16 - 1) > 0


@pytest.mark.parametrize("seeds", [1, 2**31 - 2, 2**32, 2**48, 2**63, 2**64])
def test_the_seeds_of_a_generator_share_one_stake(seeds: int) -> None:
    small = min(seeds, 2**32)
    total = Fraction(small, seed_odds(seeds, 0)) + Fraction(
        seeds - small, seed_odds(seeds, seeds - 1)
    )
    assert Fraction(99, 100) < total <= 1
    assert seed_odds(seeds, small - 1) == seed_odds(seeds, 0)
    assert seed_odds(2**64, 2**32) > seed_odds(2**64, 2**32 - 1)


def test_noise_rates_share_one_stake() -> None:
    assert len(noise_weights()) == len(NOISE_RATES)
    assert sum(noise_weights()) == 1
    assert noise_weights()[NOISE_RATES.index(0.0)] == 0.5
