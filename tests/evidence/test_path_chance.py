"""What chance lets through a walk, against every stream there is, and against real generators."""

from itertools import product
from math import inf, isclose, log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedfleet.evidence.path_chance import PathChance, WalkShape, walk_chance
from seedfleet.generators import Stream
from seedfleet.generators.boundings import MODULO
from seedfleet.generators.families.xorshift32 import XORSHIFT32
from seedfleet.sieve import CpuBackend, Leg, Walk


def passes(seen: tuple[int, ...], shape: WalkShape) -> bool:
    """Follow sets of (position, misses), from leg to leg."""
    states = {(start, 0) for start in range(shape.start_width)}
    index = 0
    for count, needed in shape.legs:
        for draw in shape.draws[index : index + count]:
            if index > 0:
                gaps = range(shape.least_gap, shape.most_gap + 1)
                states = {(at + gap, misses) for at, misses in states for gap in gaps}
            states = {(at, misses + (seen[at] != draw)) for at, misses in states}
            states = {(at, misses) for at, misses in states if misses <= count - needed}
            index += 1
        states = {(at, 0) for at, _misses in states}
    return bool(states)


def exact_chance(shape: WalkShape) -> float:
    length = shape.start_width + (len(shape.draws) - 1) * shape.most_gap
    streams = list(product(range(shape.modulus), repeat=length))
    return sum(passes(each, shape) for each in streams) / len(streams)


SMALL = [
    WalkShape(np.array([0, 1, 1]), 3, 1, 2, 2, ((3, 3),)),
    WalkShape(np.array([2, 2, 2, 0]), 3, 1, 2, 1, ((2, 2), (2, 2))),
    WalkShape(np.array([0, 1, 2]), 3, 2, 3, 3, ((3, 2),)),
    WalkShape(np.array([1, 1, 0, 1]), 2, 1, 3, 3, ((2, 1), (2, 2))),
    WalkShape(np.array([0, 0, 1, 2]), 3, 1, 2, 2, ((2, 2), (2, 1))),
    WalkShape(np.array([0, 1, 1]), 6, 1, 2, 1, ((3, 2),)),
    WalkShape(np.array([2, 2, 0, 1]), 4, 1, 2, 1, ((2, 1), (2, 2))),
]


@pytest.mark.slow
@pytest.mark.parametrize("shape", SMALL)
def test_the_estimate_agrees_with_every_stream_tried(shape: WalkShape) -> None:
    exact = exact_chance(shape)
    chance = walk_chance(shape, rng=np.random.default_rng(1), streams=40_000)
    assert chance.relative_error < 0.02
    assert abs(2**chance.log2_estimate / exact - 1) < 4 * chance.relative_error
    assert chance.log2_bound >= log2(exact)


@pytest.mark.slow
@pytest.mark.parametrize(("needed", "count"), [(3, 2**26), (2, 2**19)])
def test_the_estimate_agrees_with_the_survivors_of_a_real_generator(
    needed: int, count: int
) -> None:
    # The walk of the back end, where about 130 and 400 are expected; scatter as Poisson's.
    values, seeds = np.array([17, 3, 59]), range(5_000_000, 5_000_000 + count)
    walk = Walk(np.array([[0, 4]]), values, 400, 1, 5, (Leg(3, needed),))
    observed = len(CpuBackend().walk(Stream(XORSHIFT32, MODULO), walk, seeds).seeds)
    shape = WalkShape(values, 400, 1, 5, 5, ((3, needed),))
    chance = walk_chance(shape, rng=np.random.default_rng(2), streams=20_000)
    expected = 2 ** chance.log2_expected_pairs(len(seeds))
    error = (expected + (expected * chance.relative_error) ** 2) ** 0.5
    assert expected > 100
    assert abs(observed - expected) < 4 * error


def test_small_probabilities_keep_their_precision() -> None:
    draws = np.random.default_rng(3).integers(0, 2**31, 200)
    shape = WalkShape(draws, 2**31, 1, 51, 51, ((100, 100), (100, 100)))
    chance = walk_chance(shape, rng=np.random.default_rng(4), streams=20)
    assert isclose(chance.log2_bound, 200 * (log2(51) - 31), rel_tol=1e-12)
    assert isclose(chance.log2_estimate, chance.log2_bound, abs_tol=1e-5)
    assert isclose(chance.log2_bound_on_pairs(2**32, 4), chance.log2_bound + 34)


@settings(max_examples=30)
@given(data=st.data())
def test_the_bound_is_the_number_of_paths_times_their_chance(data: st.DataObject) -> None:
    modulus, gaps = data.draw(st.integers(2, 2000)), data.draw(st.integers(1, 60))
    count, width = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 60))
    shape = WalkShape(np.zeros(count, np.int64), modulus, 3, 2 + gaps, width, ((count, count),))
    chance = walk_chance(shape, rng=np.random.default_rng(5), streams=20)
    expected = log2(width) + (count - 1) * log2(gaps) - count * log2(modulus)
    assert isclose(chance.log2_bound, min(0, expected), abs_tol=1e-9)


def test_gaps_as_many_as_values_tell_nothing() -> None:
    shape = WalkShape(np.arange(10), 10, 1, 60, 60, ((10, 10),))
    chance = walk_chance(shape, rng=np.random.default_rng(6), streams=4000)
    assert chance.log2_bound == 0
    assert chance.log2_estimate == pytest.approx(0, abs=5 * chance.relative_error)


def test_the_estimate_is_a_function_of_its_seed() -> None:
    shape = SMALL[4]
    first, again, other = (
        walk_chance(shape, rng=np.random.default_rng(seed), streams=200) for seed in (7, 7, 8)
    )
    assert first == again != other


def test_a_small_probability_with_misses_keeps_its_precision() -> None:
    draws = np.random.default_rng(3).integers(0, 1000, 12)
    shape = WalkShape(draws, 1000, 1, 51, 51, ((6, 5), (6, 5)))
    chance = walk_chance(shape, rng=np.random.default_rng(4), streams=400)
    # A draw that misses may stand at any of 51 positions: the bound counts those paths 51**2 times.
    assert chance.relative_error < 0.1
    overlap = chance.log2_bound - chance.log2_estimate
    assert 8 < overlap < 2 * log2(51) + 1


def test_no_survivor_among_the_simulated_leaves_the_bound() -> None:
    # So many paths that some of them could pass, though hardly any stream has one.
    shape = WalkShape(np.zeros(40, np.int64), 10, 1, 5, 5, ((40, 30),))
    chance = walk_chance(shape, rng=np.random.default_rng(9), streams=20)
    assert chance == PathChance(0.0, -inf, inf)


def test_what_is_no_walk_is_refused_with_all_its_problems() -> None:
    with pytest.raises(ValueError, match=r"draws must .*; gaps 2..1 .*; a start of 0 .*; the legs"):
        WalkShape(np.array([9]), 9, 2, 1, 0, ())
    with pytest.raises(ValueError, match=r"modulus 1 .*; each leg has"):
        WalkShape(np.array([0]), 1, 1, 1, 1, ((1, 2),))
    with pytest.raises(ValueError, match="at least 20 streams are needed, not 19"):
        walk_chance(SMALL[0], rng=np.random.default_rng(1), streams=19)
