"""Linear generators: what draws show, what states give, and what a search finds."""

from dataclasses import replace
from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted import UNWATCHED, planted_draws, question, random_draws, with_noise

from seedfleet.evidence.part_prior import Division
from seedfleet.generators import AtState, Generator, Stream, compiled, find_preset, streams
from seedfleet.generators.boundings import (
    BIT_COUNT,
    FLOOR_27_26,
    FLOOR_32,
    FLOOR_53,
    GO_INT31N,
    LEMIRE,
    MASK,
    MODULO,
    MODULO_31,
)
from seedfleet.generators.definition import Bounding
from seedfleet.generators.families.mt19937 import MT19937, MT19937_PHP_521
from seedfleet.generators.families.v8 import V8_SUM, V8_WORD
from seedfleet.generators.families.xorshift import XORSHIFT32, XORSHIFT128
from seedfleet.recover.linear.attack import searches
from seedfleet.recover.linear.families import linear_families, shown_bits
from seedfleet.recover.linear.rows import fill_rows, ran_on, trace_words, unknown_count
from seedfleet.recover.linear.search import LinearSearch
from seedfleet.recover.linear.states import (
    StateFound,
    origin_of,
    seed_before,
    seed_behind_text,
    solve_state,
)
from seedfleet.recover.linear.survivors import Solved, linear_survivors
from seedfleet.recover.linear.whole_state import WholeStateSearch
from seedfleet.recover.scope import Scope
from seedfleet.recover.scoring import weigh
from seedfleet.recover.search import Survivor
from seedfleet.sieve import constant_skip_positions
from seedfleet.sieve.weighing import Alignment

_V8 = find_preset("v8_math_random").stream
_V8_53 = find_preset("v8_math_random_53").stream
_XORSHIFT128 = Stream(XORSHIFT128, MODULO)
_SMALL = [XORSHIFT32, XORSHIFT128, V8_WORD]


def value_of(bounding: Bounding, words: list[int], radix: int, bits: int) -> int:
    word = np.uint64 if bits > 32 else np.uint32
    with np.errstate(over="ignore"):
        return int(bounding.value(*(word(each) for each in words), np.int64(radix)))


@given(
    bounding=st.sampled_from(
        [MODULO, MODULO_31, MASK, LEMIRE, BIT_COUNT, FLOOR_32, FLOOR_53, FLOOR_27_26, GO_INT31N]
    ),
    radix=st.sampled_from([2, 10, 12, 49, 100, 999, 1000, 1024, 65536]),
    words=st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)),
)
def test_a_word_has_the_bits_that_its_value_shows(
    bounding: Bounding, radix: int, words: tuple[int, int]
) -> None:
    bits = 64 if bounding in {FLOOR_53, GO_INT31N} else 32
    taken = [word % 2**bits for word in words[: bounding.words]]
    value = value_of(bounding, taken, radix, bits)
    if value >= radix:  # rejected
        return
    (mask,), (shown,) = shown_bits(bounding, bits, radix, np.array([value]))
    assert taken[0] & int(mask) == int(shown)


@pytest.mark.parametrize(
    ("bounding", "bits", "modulus", "expected"),
    [
        (MODULO, 32, 1000, 3.0),
        (MODULO, 32, 49, 0.0),
        (MODULO, 32, 2**40, 32.0),
        (FLOOR_53, 64, 1000, 8.04),  # published for V8
        (LEMIRE, 32, 1024, 10.0),
        (GO_INT31N, 64, 1000, 3.0),  # of bits 32 on
    ],
)
def test_bits_a_draw(bounding: Bounding, bits: int, modulus: int, expected: float) -> None:
    values = np.arange(min(modulus, 2000))
    masks, _ = shown_bits(bounding, bits, modulus, values)
    mean = sum(int(mask).bit_count() for mask in masks) / len(values)
    assert mean == pytest.approx(expected, abs=0.005)


def test_leading_bits_are_all_that_the_interval_shares() -> None:
    masks, shown = shown_bits(LEMIRE, 32, 10, np.arange(10))
    # From 0.1 to 0.2 (binary 0.00011 to 0.00110) words share two leading zeros and no more.
    assert int(masks[1]) == 0xC0000000
    assert int(shown[1]) == 0
    # From 0.4 to 0.5 (0.01100 to 0.01111) they share 011.
    assert (int(masks[4]), int(shown[4])) == (0xE0000000, 0x60000000)


def random_state(generator: Generator, seed: int) -> tuple[int, ...]:
    linear = generator.linear
    assert linear is not None
    width = unknown_count(generator) // linear.words
    words = np.random.default_rng(seed).integers(0, 2**width, linear.words, dtype=np.uint64)
    return tuple(words.tolist())


@pytest.mark.slow
@pytest.mark.parametrize("generator", [*_SMALL, MT19937, MT19937_PHP_521])
def test_rows_say_the_bits_of_every_word(generator: Generator) -> None:
    state = random_state(generator, 5)
    width = generator.output_bits
    last = 700 if unknown_count(generator) > 1000 else 300
    places = np.array([0, 1, 63, 64, 65, 129, 200, last])
    picks = np.repeat(np.arange(len(places)), 2)
    bits = np.tile([0, width - 1], len(places))
    unknowns = unknown_count(generator)
    rows = np.zeros((len(picks), -(-unknowns // 64)), dtype=np.uint64)
    assert fill_rows(generator, places, (picks, bits), rows)
    step = unknowns // len(state)
    packed = sum(word << step * index for index, word in enumerate(state))
    (words,) = trace_words(generator, [state], places).T
    for row, pick, bit in zip(rows, picks, bits, strict=True):
        coefficients = int.from_bytes(row.astype("<u8").tobytes(), "little")
        assert (coefficients & packed).bit_count() % 2 == int(words[pick]) >> int(bit) & 1


@pytest.mark.parametrize("generator", _SMALL)
def test_back_and_on_again(generator: Generator) -> None:
    state = random_state(generator, 9)
    linear = generator.linear
    assert linear is not None
    whole = (*state, *linear.controls)
    for ahead in (0, 1, 63, 64, 65, 1000, 12345):
        words, steps = origin_of(generator, state, ahead)
        assert 0 <= steps < linear.cycle
        assert ran_on(generator, words, steps + ahead) == whole
    assert origin_of(generator, state, -5) == (state, 5)


@pytest.mark.slow
@pytest.mark.parametrize(("generator", "seed"), [(V8_WORD, 1), (V8_WORD, 2**32 - 1)])
@pytest.mark.parametrize("cycles", [0, 1, 20])
def test_v8_seed_behind_a_state(generator: Generator, seed: int, cycles: int) -> None:
    draws = 64 * cycles + 100
    stream = Stream(generator, FLOOR_53)
    values = planted_draws(stream, seed, count=draws)[64 * cycles :]
    (family,) = linear_families([stream], 1000, values)
    # Places of a fresh cycle, whose block is served from its first place on.
    found = solve_state(family, values, np.arange(len(values)))
    assert found is not None
    assert [seed_before(generator, words) for words in found.states] == [(seed, 64 * cycles)]


def test_too_few_draws_decide_nothing() -> None:
    values = planted_draws(_XORSHIFT128, 3, count=20)
    (family,) = linear_families([_XORSHIFT128], 1000, values)
    found = solve_state(family, values, np.arange(20))
    assert found is not None
    assert (found.rank, found.states) == (60, ())


def found_by(
    stream: Stream, values: Any, *, searching: int = 1, **asked: Any
) -> tuple[Survivor, ...]:
    """Return what the first searches find."""
    made = searches([stream], question(values, **asked))[:searching]
    found = (survivor for search in made for survivor in search.run(UNWATCHED).survivors)
    return tuple(dict.fromkeys(found))


def predicts(survivor: Survivor, stream: Stream, seed: int, modulus: int, offset: int = 0) -> bool:
    """Tell whether a survivor gives the next 50 draws, under the skip that it names."""
    count, skip = len(survivor.scope.values), survivor.alignment.skip_min
    positions = constant_skip_positions(count + 50, skip)
    draws, _ = compiled.at_positions(stream, seed, modulus, positions + offset)
    own = positions + survivor.alignment.offset
    values, _ = compiled.at_positions(survivor.stream, survivor.start, modulus, own)
    return np.array_equal(values, draws)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stream", "modulus", "count", "skip", "offset"),
    [
        (_V8, 1000, 90, 0, 0),
        (_V8_53, 1000, 70, 4, 77),
        (_V8, 10, 160, 2, 0),
        (_V8, 49, 120, 1, 0),
        (_V8_53, 100, 110, 0, 640),
        (_XORSHIFT128, 1000, 90, 0, 3),
        (_XORSHIFT128, 1000, 90, 5, -3),
        (_V8, 1000, 90, 2, -2),
        (_XORSHIFT128, 10, 240, 7, 0),
        (Stream(XORSHIFT32, MODULO), 1000, 50, 500, 0),
    ],
)
def test_planted_seed(stream: Stream, modulus: int, count: int, skip: int, offset: int) -> None:
    seed = 987654321
    positions = constant_skip_positions(count, skip) + offset
    values, _ = compiled.at_positions(stream, seed, modulus, positions)
    skips = range(skip, skip + 1) if skip > 10 else range(9)
    survivors = found_by(stream, values, modulus=modulus, skips=skips)
    assert any(predicts(each, stream, seed, modulus, offset) for each in survivors)
    if stream.generator is not XORSHIFT32:  # every state of which is a seed
        alignments = {each.alignment for each in survivors if each.start == seed}
        assert alignments == {Alignment(offset, skip, skip)}


@pytest.mark.slow
def test_a_state_that_no_seed_leads_to() -> None:
    start = AtState((0x123456789ABCDEF, 0xFEDCBA987654321, 17))
    values, _ = compiled.at_positions(_V8, start, 1000, constant_skip_positions(150, 4))
    survivors = found_by(_V8, values, skips=range(4, 6))
    assert {each.start for each in survivors} == {start}
    assert {each.alignment for each in survivors} == {Alignment(0, 4, 4)}


@pytest.mark.slow
def test_phases_that_are_one_for_ever_are_one_survivor() -> None:
    start = AtState((0x123456789ABCDEF, 0xFEDCBA987654321, 17))
    values, _ = compiled.at_positions(_V8, start, 1000, constant_skip_positions(50, 63))
    (survivor,) = found_by(_V8, values, searching=2, skips=range(63, 64))
    positions = constant_skip_positions(200, 63)
    draws, _ = compiled.at_positions(_V8, start, 1000, positions)
    again, _ = compiled.at_positions(_V8, survivor.start, 1000, positions)
    assert np.array_equal(draws, again)


@pytest.mark.slow
def test_noise_is_survived_by_a_clean_window() -> None:
    values = with_noise(planted_draws(_XORSHIFT128, 5, count=400, skip=2), 0.02)
    first, *others = searches([_XORSHIFT128], question(values))
    assert first.run(UNWATCHED).survivors == ()
    starts = {s.start for search in others for s in search.run(UNWATCHED).survivors}
    assert starts == {5}


@pytest.mark.slow
@pytest.mark.parametrize("modulus", [10, 1000])
def test_random_draws_have_no_survivor(modulus: int) -> None:
    values = random_draws(300, modulus=modulus)
    assert found_by(_V8, values, modulus=modulus, skips=range(3)) == ()


def test_a_search_stops_when_its_time_is_up() -> None:
    class Late:
        def progress(self, share: float) -> None:
            raise AssertionError(share)

        def expired(self) -> bool:
            return True

    values = planted_draws(_XORSHIFT128, 5, count=100)
    (search, *_) = searches([_XORSHIFT128], question(values))
    found = search.run(Late())
    assert (found.survivors, found.tested) == ((), 0)


@pytest.mark.slow
@pytest.mark.parametrize("stream", [_V8, _XORSHIFT128])
def test_controls_pass(stream: Stream) -> None:
    values = planted_draws(stream, 5, count=120)
    (search, *_) = searches([stream], question(values))
    negative, positive = search.controls(np.random.default_rng(1))
    assert negative.passed
    assert 100 <= negative.expected <= 1000
    assert positive.passed
    assert positive.observed == 4


@pytest.mark.parametrize(
    "stream",
    [
        Stream(V8_SUM, FLOOR_53),
        Stream(MT19937, MASK),
        find_preset("python_randrange").stream,
        find_preset("lua_random").stream,
        find_preset("xoshiro256pp").stream,
        find_preset("xorshift64").stream,
    ],
)
def test_not_solvable(stream: Stream) -> None:
    assert searches([stream], question(random_draws(200))) == ()


@pytest.mark.slow
def test_streams_that_show_the_same_are_one_family() -> None:
    families = linear_families(streams(), 1000, np.arange(1000))
    groups = [{stream.name for stream in family.streams} for family in families]
    assert {_V8.name, _V8_53.name} in groups
    assert {"mt19937 / word % m", "mt19937 / mt_rand(0, m-1)"} in groups


def test_an_odd_modulus_shows_no_low_bits() -> None:
    assert (
        searches([_XORSHIFT128, Stream(MT19937, MODULO)], question(random_draws(90), modulus=49))
        == ()
    )


def test_large_states_start_with_the_least_skip() -> None:
    values = random_draws(30)
    made = searches([Stream(MT19937, MODULO)], question(values, skips=range(501)))
    assert all(isinstance(search, WholeStateSearch) for search in made)
    assert [search.coverage.skips for search in made][:2] == [range(1), range(1, 3)]
    assert made[-1].coverage.skips.stop == 501
    assert 6900 <= made[0].coverage.least_draws <= 7000
    small = searches([_V8], question(values, skips=range(501)))
    assert isinstance(small[0], LinearSearch)
    assert small[0].coverage.skips == range(501)


def survivors_from(words: int) -> list[Survivor]:
    """Name a state of MT19937 that many words after its seed, as elimination would give it."""
    stream = Stream(MT19937, MODULO)
    with np.errstate(over="ignore"):
        start = MT19937.seed_state(np.uint64(12345))
    linear = MT19937.linear
    assert linear is not None
    state = ran_on(MT19937, tuple(int(word) for word in start[: linear.words]), words)
    state = tuple(np.roll(state[: linear.words], -state[-1]).tolist())
    values, _ = compiled.at_positions(stream, 12345, 1000, np.arange(words, words + 60))
    (family,) = linear_families([stream], 1000, values)
    return linear_survivors(family, Scope(values, 55), range(55), [Solved(state, 0, 0)])


@pytest.mark.slow
def test_a_seed_is_named_as_far_back_as_the_prior_reaches() -> None:
    (near,) = survivors_from(2**16 - 1)
    assert (near.start, near.alignment) == (12345, Alignment(2**16 - 1, 0, 0))
    (far,) = survivors_from(2**16)
    assert isinstance(far.start, AtState)
    assert far.alignment == Alignment(0, 0, 0)
    told = seed_behind_text(MT19937, far.start)
    assert told == "seed 12345 leads to this state after 65,536 words"
    weighed = weigh(far, question(far.scope.values), Division(60))
    assert weighed.scored.log2_weight > -inf


@pytest.mark.slow
def test_a_state_that_no_seed_is_near_to_says_how_far_was_looked() -> None:
    start = AtState((0x123456789ABCDEF, 0xFEDCBA987654321, 64))
    text = seed_behind_text(V8_WORD, start)
    assert text == "none of the 2^32 - 1 seeds leads to this state within 4,096 words"
    assert seed_behind_text(V8_WORD, AtState((*start.words[:2], 17))) is None


def whole_state_search(values: Any, starts: tuple[int, ...] = (0,)) -> WholeStateSearch:
    """Search for a small state as for a large one: from hardly more equations than unknowns."""
    asked = replace(question(values), skips=range(1))
    (family,) = linear_families([_XORSHIFT128], 1000, values)
    return WholeStateSearch(family, asked, starts=starts)


def test_a_system_that_decides_nothing_is_not_counted_as_tested() -> None:
    search = whole_state_search(planted_draws(_XORSHIFT128, 3, count=60))
    found = search.run(UNWATCHED)
    assert (found.survivors, found.tested) == ((), 0)
    assert found.undecided == search.coverage.space
    assert found.remark is not None
    assert found.remark.endswith(" of 128 unknowns decided, 7 equations to spare")


def test_a_contradiction_decides() -> None:
    search = whole_state_search(random_draws(120), starts=(0, 50))
    found = search.run(UNWATCHED)
    assert (found.tested, found.undecided) == (search.coverage.space, 0)
    assert found.remark is not None
    assert found.remark.startswith("2 systems, 0 without contradiction; ")
    assert found.remark.endswith(" equations to spare, which contradict the others")


def test_rank_and_surplus_in_words() -> None:
    found = StateFound(19968, 19937, 0, 912, True, ((),))
    assert found.text == (
        "19,937 of 19,968 unknowns decided, 31 that matter to no word, 912 equations to spare"
    )


def test_windows_that_show_too_little_are_left_open() -> None:
    values = np.full(300, 1)  # an odd value of few words shows one bit, most others none
    values[:60] = 0
    (family,) = linear_families([_V8], 3, np.arange(3))
    assert [len(family.equations(np.array([value]))) for value in range(3)] == [1, 0, 1]
    asked = replace(question(values, modulus=3), skips=range(1))
    search = LinearSearch(family, asked, starts=(0, 60))
    found = search.run(UNWATCHED)
    assert found.tested + found.undecided == search.coverage.space
    assert found.undecided == search.coverage.space
    assert found.remark == "2 of 2 windows show too few bits"


def test_a_window_near_the_end_reaches_back() -> None:
    values = planted_draws(_XORSHIFT128, 5, count=105)
    (family,) = linear_families([_XORSHIFT128], 1000, values)
    asked = replace(question(values), skips=range(1))
    search = LinearSearch(family, asked, starts=(90,))
    found = search.run(UNWATCHED)
    assert {survivor.start for survivor in found.survivors} == {5}
    assert (found.tested, found.undecided) == (search.coverage.space, 0)
