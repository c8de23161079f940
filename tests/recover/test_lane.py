"""The lane split decides every state: against brute force, and on planted seeds of 48 bits."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from planted import UNWATCHED, planted_draws, question, random_draws

from seedfleet.generators import AtState, Generator, PowerOfTwoLcg, Start, Stream, compiled
from seedfleet.generators.boundings import (
    JAVA_NEXT_INT,
    JAVA_NEXT_INT_DIGITS,
    MODULO,
    MODULO_31,
)
from seedfleet.generators.families.glibc_random import GLIBC_RAND_TYPE0
from seedfleet.generators.families.lcg48 import JAVA_LCG, JAVA_RANDOM, RAND48
from seedfleet.generators.families.msvc import MSVC
from seedfleet.recover.congruential.jumps import Observations
from seedfleet.recover.congruential.lane import LaneFamily, lane_families, solve
from seedfleet.recover.congruential.lane_search import Residues, searches
from seedfleet.recover.scans.state_scan import state_scans
from seedfleet.recover.watch import Unwatched
from seedfleet.sieve import constant_skip_positions
from seedfleet.sieve.weighing import Alignment

_JAVA = Stream(JAVA_RANDOM, JAVA_NEXT_INT)
_JAVA_LCG = Stream(JAVA_LCG, MODULO)
_DIGITS = Stream(JAVA_RANDOM, JAVA_NEXT_INT_DIGITS)


def toy(bits: int, shift: int, radix: int, parts: int, dropped: int) -> LaneFamily:
    lcg = PowerOfTwoLcg(0x5DEECE66D % 2**bits, 11, bits, shift, lambda state: state)
    return LaneFamily(lcg, radix, parts, dropped, ())


def residues_of(
    family: LaneFamily, plan: Observations, states: NDArray[np.uint64], k: int
) -> NDArray[np.uint64]:
    """Return the residue that word k of the plan shows for each state at its first word."""
    at_word = plan.multipliers[k] * states + plan.increments[k]
    words = (at_word % np.uint64(family.lcg.modulus)) >> np.uint64(family.lcg.output_shift)
    shown: NDArray[np.uint64] = (words >> np.uint64(family.dropped_bits)) % np.uint64(family.radix)
    return shown


def brute_force(
    family: LaneFamily, plan: Observations, residues: NDArray[np.int64]
) -> NDArray[np.uint64]:
    left = np.arange(family.lcg.modulus, dtype=np.uint64)
    for k, residue in enumerate(residues):
        left = left[residues_of(family, plan, left, k) == residue]
    return left


def assert_solved(family: LaneFamily, state: int, skip: int, draws: int) -> None:
    plan = Residues(family).observations(skip, draws)
    start = np.array([state], dtype=np.uint64)
    words = range(len(plan.multipliers))
    residues = np.array([residues_of(family, plan, start, k)[0] for k in words], dtype=np.int64)
    expected = brute_force(family, plan, residues)
    assert state in expected
    assert np.array_equal(np.sort(solve(family, plan, residues)), expected)


@pytest.mark.slow
@pytest.mark.parametrize(("parts", "draws"), [(1, 2), (1, 12), (3, 1), (3, 4)])
@pytest.mark.parametrize("dropped", [0, 1])
@pytest.mark.parametrize("radix", [6, 10, 48, 50, 1000])
def test_all_states_of_24_bits(radix: int, dropped: int, parts: int, draws: int) -> None:
    family = toy(24, 8, radix, parts, dropped)
    assert_solved(family, state=0xABCDEF, skip=radix % 4, draws=draws)


@pytest.mark.slow
def test_more_states_than_room_for_each_low_word() -> None:
    assert_solved(toy(22, 4, 6, 1, 0), state=0x2BCDEF, skip=1, draws=2)


@pytest.mark.slow
@settings(max_examples=60)
@given(
    state=st.integers(0, 2**18 - 1) | st.sampled_from([0, 2**18 - 1]),
    radix=st.sampled_from([6, 10, 12, 14, 20, 36, 50]),
    dropped=st.integers(0, 2),
    layout=st.sampled_from([(1, 2), (1, 3), (1, 15), (3, 1), (3, 6)]),
    skip=st.integers(0, 40) | st.sampled_from([15, 31, 255]),
)
def test_all_states_of_18_bits(
    state: int, radix: int, dropped: int, layout: tuple[int, int], skip: int
) -> None:
    parts, draws = layout
    assert_solved(toy(18, 6, radix, parts, dropped), state, skip, draws)


@given(
    state=st.integers(0, 2**48 - 1),
    skip=st.integers(0, 4095),
    parts=st.sampled_from([1, 3]),
    draws=st.integers(1, 6),
)
def test_observations_lie_where_the_draws_do(state: int, skip: int, parts: int, draws: int) -> None:
    lcg = JAVA_LCG.lcg
    assert lcg is not None
    plan = Residues(LaneFamily(lcg, 10, parts, 1, ())).observations(skip, draws)
    steps = [draw * (skip + 1) * parts + part for draw in range(draws) for part in range(parts)]
    jumps = zip(plan.multipliers.tolist(), plan.increments.tolist(), strict=True)
    assert [(a * state + c) % 2**48 for a, c in jumps] == [lcg.advance(state, n) for n in steps]


def java_rejects(seed: int, skip: int, modulus: int, *, draws: int) -> bool:
    """Tell whether Java rejects a word on the way: rare, and not allowed for by the lane split."""
    plain = Stream(JAVA_RANDOM, MODULO_31)
    values, unrejected = (
        planted_draws(stream, seed, count=draws, skip=skip, modulus=modulus)
        for stream in (_JAVA, plain)
    )
    return not np.array_equal(values, unrejected)


def seeds_found(stream: Stream, seed: int, skip: int, modulus: int, *, draws: int) -> set[Start]:
    """Plant a seed, and return the seeds that the search names for its stream."""
    values = planted_draws(stream, seed, count=draws, skip=skip, modulus=modulus)
    asked = question(values, modulus=modulus, skips=range(skip, skip + 1))
    found = searches([stream], asked)[0].run(UNWATCHED)
    assert all(survivor.alignment.skip_max == skip for survivor in found.survivors)
    return {survivor.start for survivor in found.survivors if survivor.stream == stream}


seeds_of_48_bits = st.integers(0, 2**48 - 1) | st.sampled_from([0, 1, 2**48 - 1])
# Where 16 divides skip + 1, the low words lose most of their period.
skips = st.integers(0, 500) | st.sampled_from([15, 31, 255])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stream", "modulus"),
    [
        (_JAVA, 1000),
        (_JAVA_LCG, 1000),
        # Low words as long as a machine word, and lanes that would make them longer.
        (_JAVA_LCG, 3 * 2**16),
        (_JAVA_LCG, 3 * 2**17),
        (_JAVA_LCG, 3 * 2**29),
    ],
)
@settings(max_examples=25)
@given(seed=seeds_of_48_bits, skip=skips)
def test_planted_seed_comes_back_as_its_language_takes_it(
    stream: Stream, modulus: int, seed: int, skip: int
) -> None:
    assume(stream != _JAVA or not java_rejects(seed, skip, modulus, draws=40))
    assert seed in seeds_found(stream, seed, skip, modulus, draws=40)


@pytest.mark.slow
@settings(max_examples=15)
@given(seed=seeds_of_48_bits, skip=st.integers(0, 500) | st.just(15))
def test_planted_seed_modulo_100(seed: int, skip: int) -> None:
    assume(not java_rejects(seed, skip, 100, draws=40))
    assert seed in seeds_found(_JAVA, seed, skip, 100, draws=40)


@pytest.mark.slow
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1) | st.sampled_from([0, 2**32 - 1]), skip=skips)
def test_planted_srand48_seed(seed: int, skip: int) -> None:
    assert seed in seeds_found(Stream(RAND48, MODULO_31), seed, skip, 1000, draws=40)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stream", "modulus", "seed", "skip"),
    [
        (_JAVA, 10, 0, 0),
        (_JAVA, 10, 2**48 - 1, 15),
        (_JAVA, 6, 161803398874989, 3),
        (_DIGITS, 1000, 2**48 - 1, 0),
        (_DIGITS, 1000, 161803398874989, 5),
        (_DIGITS, 100, 42, 2),
    ],
)
def test_planted_seed_where_a_word_tells_little(
    stream: Stream, modulus: int, seed: int, skip: int
) -> None:
    assert seed in seeds_found(stream, seed, skip, modulus, draws=60)


def test_families_join_streams_that_show_the_same_residues() -> None:
    families = lane_families([_JAVA, _DIGITS, Stream(RAND48, MODULO_31)], 1000)
    assert [(family.radix, family.parts, len(family.streams)) for family in families] == [
        (1000, 1, 2),
        (10, 3, 1),
    ]


def test_powers_of_two_that_java_takes_from_the_top_are_left_to_the_lattice_of_top_bits() -> None:
    assert lane_families([_JAVA], 1024) == ()
    (family,) = lane_families([_JAVA_LCG], 1024)
    assert (family.lcg.modulus_bits, family.low_bits, family.high_bits) == (26, 26, 0)


@pytest.mark.slow
@pytest.mark.parametrize("stream", [_JAVA_LCG, Stream(RAND48, MODULO_31), Stream(MSVC, MODULO)])
@pytest.mark.parametrize("modulus", [2, 64, 1024, 4096])
@pytest.mark.parametrize("skip", [0, 15, 342])
def test_low_bits_alone_give_every_draw_to_come(stream: Stream, modulus: int, skip: int) -> None:
    seed, fitted = 123454321, 70
    values = planted_draws(stream, seed, count=fitted + 200, skip=skip, modulus=modulus)
    asked = question(values[: fitted + 5], modulus=modulus, skips=range(skip, skip + 1))
    survivors = searches([stream], asked)[0].run(UNWATCHED).survivors
    assert len(survivors) <= 2**8  # where 16 divides skip + 1, the first low bits never matter
    assert all(
        np.array_equal(
            planted_draws(stream, each.start, count=fitted + 200, skip=skip, modulus=modulus),
            values,
        )
        for each in survivors
        if isinstance(each.start, int)
    )
    assert any(isinstance(each.start, int) for each in survivors)


@pytest.mark.parametrize("modulus", [2**15, 2**16, 2**20, 2**31])
def test_a_power_of_two_beyond_the_words_shows_them_whole(modulus: int) -> None:
    stream = Stream(MSVC, MODULO)
    assert 2027 in seeds_found(stream, 2027, 2, modulus, draws=20)
    (family,) = lane_families([stream], modulus)
    assert (family.lane_bits, family.high_bits) == (15, 0)
    # Numbers that are no words have no state.
    plan = Residues(family).observations(0, 2)
    words = planted_draws(stream, 2027, count=2, modulus=modulus)
    assert len(solve(family, plan, words)) > 0
    assert not solve(family, plan, words + 2**15)


def found_share(stream: Stream, modulus: int, *, trials: int, skips: int, draws: int) -> float:
    rng = np.random.default_rng(modulus)
    found = 0
    for _ in range(trials):
        seed = stream.generator.seeds[int(rng.integers(stream.generator.seed_count))]
        skip = int(rng.integers(skips))
        found += seed in seeds_found(stream, seed, skip, modulus, draws=draws)
    return found / trials


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stream", "modulus", "draws"),
    [
        *[(_JAVA, modulus, 60) for modulus in (5, 7, 49, 101, 365, 999)],
        # As few draws as tell 48 bits and some more, beside five that are held out.
        *[(_JAVA, modulus, draws) for modulus, draws in ((10, 23), (49, 16), (100, 15))],
        *[(_JAVA_LCG, modulus, 60) for modulus in (10, 49, 999)],
        *[(Stream(RAND48, MODULO_31), modulus, 60) for modulus in (10, 49, 999)],
        (Stream(MSVC, MODULO), 6, 60),
        (Stream(GLIBC_RAND_TYPE0, MODULO), 6, 60),
    ],
)
def test_planted_seeds_are_found_whatever_the_modulus(
    stream: Stream, modulus: int, draws: int
) -> None:
    assert found_share(stream, modulus, trials=20, skips=501, draws=draws) >= 0.95


@pytest.mark.parametrize("generator", [MSVC, GLIBC_RAND_TYPE0], ids=lambda g: str(g.name))
def test_few_states_without_lanes_are_left_to_a_walk_along_them(generator: Generator) -> None:
    stream, asked = Stream(generator, MODULO), question(random_draws(60, modulus=49), modulus=49)
    assert searches([stream], asked) == ()
    assert [walk.coverage.streams for walk in state_scans([stream], asked)] == [(stream,)]


@pytest.mark.parametrize(("dropped", "offsets"), [(5, range(30)), (100, range(1)), (700, range(1))])
def test_a_state_in_the_middle_is_named_by_the_seed_and_its_offset(
    dropped: int, offsets: range
) -> None:
    stream, skip = Stream(RAND48, MODULO_31), 3
    values = planted_draws(stream, 777, count=70 + dropped, skip=skip)[dropped:]
    asked = replace(question(values, skips=range(skip, skip + 1)), offsets=offsets)
    (survivor,) = searches([stream], asked)[0].run(UNWATCHED).survivors
    outputs = dropped * (skip + 1)
    if outputs <= 1024:
        assert (survivor.start, survivor.alignment.offset) == (777, outputs)
    else:  # the seed is out of reach: the state stands for it
        assert isinstance(survivor.start, AtState)
    positions = constant_skip_positions(len(values), skip) + survivor.alignment.offset
    drawn, _ = compiled.at_positions(stream, survivor.start, 1000, positions)
    assert np.array_equal(drawn, values)


def test_offsets_that_were_asked_for_come_first() -> None:
    values = planted_draws(_JAVA_LCG, 777, count=70)[5:]
    asked = replace(question(values, skips=range(1)), offsets=range(5, 9))
    (survivor,) = searches([_JAVA_LCG], asked)[0].run(UNWATCHED).survivors
    assert (survivor.start, survivor.alignment.offset) == (777, 5)


@pytest.mark.parametrize("offset", [-1, -3])
@pytest.mark.parametrize("asked_for", [range(1), range(-8, 1), range(-3, 0)])
def test_a_seed_is_named_where_the_first_draw_came_before_its_skip(
    offset: int, asked_for: range
) -> None:
    """Also where every state is a seed's, if the others are much longer."""
    for stream in (Stream(RAND48, MODULO_31), _JAVA):
        values = planted_draws(stream, 777, count=60, skip=3, offset=offset)
        asked = replace(question(values, skips=range(3, 4)), offsets=asked_for)
        (survivor,) = searches([stream], asked)[0].run(UNWATCHED).survivors
        if 0 in asked_for or stream != _JAVA:
            assert (survivor.start, survivor.alignment) == (777, Alignment(offset, 3, 3))
        else:  # the first of those that were asked for
            assert survivor.alignment == Alignment(-3, 3, 3)


def test_no_seed_is_looked_for_behind_the_first_draw() -> None:
    """Every state of java.util.Random is a seed's, so that any offset would have one."""
    values = planted_draws(_JAVA, 777, count=60, skip=1)
    for asked_for in (range(-8, 1), range(-8, -5)):
        asked = replace(question(values, skips=range(1, 2)), offsets=asked_for)
        (survivor,) = searches([_JAVA], asked)[0].run(UNWATCHED).survivors
        assert (survivor.start, survivor.alignment) == (777, Alignment(0, 1, 1))


class ExpiredAtOnce(Unwatched):
    def expired(self) -> bool:
        return True


def test_a_search_out_of_time_says_how_little_it_decided() -> None:
    values = planted_draws(_JAVA, 5, count=40)
    search = searches([_JAVA], question(values))[0]
    found = search.run(ExpiredAtOnce())
    assert (found.survivors, found.tested) == ((), 0)
    assert search.coverage.space == 2**48


@pytest.mark.slow
@pytest.mark.parametrize("modulus", [10, 100])
def test_controls_do_not_hang_on_a_shuffle_that_hardly_ever_fits(modulus: int) -> None:
    # The low bits alternate: most shuffles contradict that, and the others let hundreds pass.
    asked = question(random_draws(500, modulus=modulus), modulus=modulus)
    (search, *_) = searches([Stream(GLIBC_RAND_TYPE0, MODULO)], asked)
    for seed in range(30):
        assert all(control.passed for control in search.controls(np.random.default_rng(seed)))
