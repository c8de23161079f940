"""The prior is one distribution over everything that could ever be searched."""

import math
from fractions import Fraction
from itertools import pairwise
from math import comb, isclose

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedfleet.evidence.likelihood import NOISE_RATES
from seedfleet.evidence.part_prior import Division, log2_part_weight
from seedfleet.evidence.prior import NULL_WEIGHT, log2_alignment_weight, noise_weights
from seedfleet.evidence.stakes import Bets, log2_stakes
from seedfleet.evidence.start_prior import (
    FORMULA_SYMBOLS,
    formula_odds,
    seed_odds,
    state_odds,
    table_odds,
)
from seedfleet.generators import CATALOGUE, find_preset, presets_of, streams

_ALL_PRESETS = 64  # slots
_OCTAVES = [1 << octave for octave in range(17)]


def weight(
    *,
    presets: int = _ALL_PRESETS,
    skip: int = 0,
    skip_min: int | None = None,
    offset: int = 0,
) -> float:
    """Return the weight of a skip, or of the skips from `skip_min` to `skip`, for all draws."""
    log2_weight = log2_alignment_weight(
        presets=presets,
        skip_min=skip if skip_min is None else skip_min,
        skip_max=skip,
        offset=offset,
        part_bits=0.0,
    )
    return math.pow(2, log2_weight)


def part(division: Division, *, whole: bool = True, **chosen: int) -> float:
    return math.pow(2, log2_part_weight(division, whole=whole, **chosen))


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
    for each, than in (("skip", -1), ("offset", 0)):
        first, second = weight(**{each: number + than}), weight(**{each: other + than})
        assert isclose(first, second * 2.0**octaves, rel_tol=1e-12)


@given(skip=st.integers(0, 2**16 - 2))
def test_offsets_before_a_skip_share_one_stake_and_none_is_before_the_stream(skip: int) -> None:
    shared = sum(weight(skip=skip, offset=offset) for offset in (-1, -skip) if -skip <= offset < 0)
    expected = weight(skip=skip) / 7
    assert isclose(shared * skip / 2, expected if skip else 0.0, rel_tol=1e-9)
    assert weight(skip=skip, offset=-skip - 1) == 0
    assert weight(skip=skip + 1, skip_min=skip, offset=-1) == 0


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
    before = sum(  # all offsets below 0 of a skip weigh the same
        (end - first) * (first - 1) * weight(skip=first - 1, offset=-1)
        for first, end in pairwise(_OCTAVES)
    )
    variable = total_over_variable_skips(offset=0) * 16 / 7  # what offset 0 has of the offsets'
    # Each law has half. The first octave of skips, a lone 0, leaves no offset and no skip_min below
    # it: its sixteenth stays unspent.
    assert isclose(constant, 0.5 * 15 / 16, rel_tol=1e-9)
    assert isclose(before, 0.5 / 16 * 15 / 16, rel_tol=0.3)
    assert before <= 0.5 / 16
    assert isclose(variable, 0.5 * 15 / 16, rel_tol=1e-9)
    constant += before
    assert NULL_WEIGHT + (1 - NULL_WEIGHT) * (constant + variable) * sum(noise_weights()) <= 1


@pytest.mark.parametrize("sessions", [1, 2, 3, 4, 7, 24])
@pytest.mark.parametrize("machines", [1, 2, 3, 8])
@pytest.mark.parametrize("draws", [1, 2, 9])
def test_the_parts_of_a_history_share_one_stake(sessions: int, machines: int, draws: int) -> None:
    division = Division(draws, sessions, machines)

    def choices(whole: bool) -> float:
        """Sum over all draws, and over every other choice of sessions or of machines."""
        everything = part(division, whole=whole)
        if sessions > 1:
            assert part(division, whole=whole, sessions=sessions) == everything
        return (
            everything
            + sum(
                comb(sessions, chosen) * part(division, whole=whole, sessions=chosen)
                for chosen in range(1, sessions)
            )
            + sum(
                comb(machines, chosen) * part(division, whole=whole, machines=chosen)
                for chosen in range(1, machines)
            )
        )

    assert isclose(choices(whole=True), 0.5, rel_tol=1e-12)
    if draws > 1:
        stretches = sum(1 for stop in range(draws + 1) for start in range(stop)) - 1
        assert isclose(stretches * choices(whole=False), 0.5, rel_tol=1e-12)


def test_what_a_part_weighs() -> None:
    alone, both = Division(10, 3), Division(10, 3, 4)
    assert part(Division(10)) == part(Division(10), sessions=1) == 1 / 2
    assert part(alone) == part(both) == part(both, machines=4) == 1 / 4
    assert isclose(part(alone, sessions=1), 1 / 2 * 1 / 4 / 3)
    assert isclose(part(both, sessions=1), 1 / 2 * 1 / 8 / 3)
    assert isclose(part(both, machines=1), 1 / 2 * 1 / 8 / 4)
    assert isclose(part(both, machines=1, whole=False), 1 / 2 * 1 / 8 / 4 / 54)
    with pytest.raises(ValueError, match="not of both"):
        part(both, sessions=1, machines=1)


def test_a_division_counts_draws_without_a_name_as_one_more() -> None:
    assert Division.of([None] * 3, [None] * 3) == Division(3)
    assert Division.of(["a", None, "a", "b"], ["x", "x", "y", "x"]) == Division(4, 3, 2)


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
def test_the_seeds_of_a_generator_share_half_of_the_starts(seeds: int) -> None:
    small = min(seeds, 2**32)
    total = Fraction(small, seed_odds(seeds, 0)) + Fraction(
        seeds - small, seed_odds(seeds, seeds - 1)
    )
    assert Fraction(99, 200) < total <= Fraction(1, 2)
    assert seed_odds(seeds, small - 1) == seed_odds(seeds, 0)
    assert seed_odds(2**64, 2**32) > seed_odds(2**64, 2**32 - 1)


def test_of_many_bets_each_pays_the_odds_of_its_own_seed() -> None:
    stream = find_preset("pcg32").stream
    seeds = [0, 2**32 - 1, 2**32, 2**64 - 1]
    alignments, whole = np.zeros((len(seeds), 3), np.int64), np.ones(len(seeds), np.bool_)
    bets = Bets(stream, np.array(seeds, np.uint64), alignments, whole)
    alike = weight(presets=len(presets_of(stream))) * (1 - NULL_WEIGHT) * part(Division(9))
    told = [math.log2(alike) - math.log2(seed_odds(2**64, seed)) for seed in seeds]
    assert log2_stakes(bets, Division(9)).tolist() == pytest.approx(told)


@pytest.mark.parametrize("bits", [31, 48, 19968])
def test_all_starts_of_a_generator_share_one_stake(bits: int) -> None:
    seeds, states = Fraction(1, 2), Fraction(2**bits, state_odds(bits))
    # Formulas of n symbols: 31**n of them. Those of up to 60 have 85 % of what all have.
    formulas = sum(Fraction(FORMULA_SYMBOLS**count, formula_odds(count)) for count in range(1, 61))
    rest = Fraction(FORMULA_SYMBOLS, FORMULA_SYMBOLS + 1) ** 61 / 8
    assert formulas + rest + Fraction(1, 8) * Fraction(1, FORMULA_SYMBOLS + 1) == Fraction(1, 8)
    assert seeds + states + Fraction(1, table_odds()) + formulas + rest <= 1


def test_noise_rates_share_one_stake() -> None:
    assert len(noise_weights()) == len(NOISE_RATES)
    assert sum(noise_weights()) == 1
    assert noise_weights()[NOISE_RATES.index(0.0)] == 0.5
