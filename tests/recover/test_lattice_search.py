"""The lattice of top bits: planted seeds, starts, power and controls."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted import UNWATCHED, planted_draws, question, random_draws, with_noise

from seedfleet.generators import AtState, Stream, compiled, reference
from seedfleet.generators.boundings import FLOOR_26_27, FLOOR_48, JAVA_NEXT_INT, MODULO
from seedfleet.generators.families.lcg48 import DRAND48, JAVA_RANDOM
from seedfleet.recover.congruential import lattice_search
from seedfleet.recover.congruential.lattice_search import searches, top_bits
from seedfleet.sieve import constant_skip_positions

_DOUBLE = Stream(JAVA_RANDOM, FLOOR_26_27)
_NEXT_INT = Stream(JAVA_RANDOM, JAVA_NEXT_INT)
_DRAND48 = Stream(DRAND48, FLOOR_48)


def seeds_found(stream: Stream, seed: int, skip: int, modulus: int, *, draws: int) -> set[object]:
    values = planted_draws(stream, seed, count=draws, skip=skip, modulus=modulus)
    asked = question(values, modulus=modulus, skips=range(skip, skip + 1))
    return {each.start for each in searches([stream], asked)[0].run(UNWATCHED).survivors}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stream", "modulus", "draws"),
    [
        *[(_DOUBLE, modulus, 60) for modulus in (4, 5, 10, 49, 100, 365, 1000, 4096)],
        *[(_DRAND48, modulus, 60) for modulus in (7, 10, 49, 999, 1000)],
        *[(_NEXT_INT, modulus, 60) for modulus in (4, 16, 1024)],
        # As few draws as tell 48 bits and some more, beside five that are held out.
        *[(_DOUBLE, modulus, draws) for modulus, draws in ((10, 24), (49, 16), (1000, 12))],
    ],
)
def test_planted_seeds_are_found(stream: Stream, modulus: int, draws: int) -> None:
    rng = np.random.default_rng(modulus)
    trials, found = 20, 0
    for _ in range(trials):
        seed = stream.generator.seeds[int(rng.integers(stream.generator.seed_count))]
        skip = int(rng.integers(501))
        found += seed in seeds_found(stream, seed, skip, modulus, draws=draws)
    assert found >= 0.95 * trials


@pytest.mark.slow
@pytest.mark.parametrize("skip", [15, 31, 255])
def test_skips_at_which_low_bits_lose_their_period(skip: int) -> None:
    assert 987654321 in seeds_found(_DOUBLE, 987654321, skip, 1000, draws=60)


@given(
    stream=st.sampled_from([_DOUBLE, _DRAND48]),
    state=st.integers(0, 2**48 - 1),
    modulus=st.integers(3, 2000) | st.integers(3, 2**31),
)
def test_a_state_lies_between_the_ends_of_its_draw(
    stream: Stream, state: int, modulus: int
) -> None:
    """The ends are tight: words beyond them give other draws, whatever word follows them."""
    family = top_bits(stream, modulus)
    assert family is not None
    shift, last = family.lcg.output_shift, 2**stream.generator.output_bits - 1
    dtype = np.uint64 if shift == 0 else np.uint32
    rest = family.draw_words - 1

    def draw(word: int, second: int) -> int:
        words = [dtype(word), *[dtype(second)] * rest]
        return int(stream.bounding.value(*words, np.int64(modulus)))

    value = draw(state >> shift, 2**31)
    low = lattice_search._first_state(family, value, last) >> shift
    high = lattice_search._first_state(family, value + 1, 0) >> shift
    assert low <= state >> shift < high
    assert draw(low, last) >= value
    assert low == 0 or draw(low - 1, last) < value
    assert draw(high - 1, 0) <= value
    assert high > last or draw(high, 0) > value


def test_a_stream_without_a_seed_is_named_by_its_state() -> None:
    start = AtState((0xABCDEF012345,))
    positions = constant_skip_positions(80, 2)
    values, _ = compiled.at_positions(_DRAND48, start, 1000, positions)
    asked = replace(question(values[:40]), offsets=range(50))
    (survivor,) = searches([_DRAND48], asked)[0].run(UNWATCHED).survivors
    assert survivor.start == start
    drawn, _ = compiled.at_positions(_DRAND48, survivor.start, 1000, positions)
    assert np.array_equal(drawn, values)


def test_a_late_beginning_is_named_by_the_seed_and_its_offset() -> None:
    values = planted_draws(_DRAND48, 4242, count=60, skip=1)[7:]
    asked = replace(question(values), offsets=range(50))
    (survivor,) = searches([_DRAND48], asked)[0].run(UNWATCHED).survivors
    assert (survivor.start, survivor.alignment.offset) == (4242, 14)


@pytest.mark.slow
def test_windows_find_the_seed_behind_wrong_draws() -> None:
    values = with_noise(planted_draws(_DOUBLE, 31337, count=200, skip=4), 0.1)
    first, *windows = searches([_DOUBLE], question(values))
    found = [each.start for search in windows for each in search.run(UNWATCHED).survivors]
    assert set(found) == {31337}
    assert first.coverage.power(0.0) > 0.99
    assert first.coverage.power(0.1) < windows[0].coverage.power(0.1)
    assert windows[0].coverage.power(0.1) > 0.95


@pytest.mark.slow
@pytest.mark.parametrize(("stream", "modulus"), [(_DOUBLE, 10), (_DRAND48, 1000), (_NEXT_INT, 64)])
def test_controls_pass(stream: Stream, modulus: int) -> None:
    asked = question(random_draws(100, modulus=modulus), modulus=modulus, skips=range(501))
    controls = searches([stream], asked)[0].controls(np.random.default_rng(1))
    assert [control.kind for control in controls] == ["negative", "positive"]
    assert all(control.passed for control in controls), controls


def test_controls_notice_a_lattice_that_finds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lattice_search, "points_in_boxes", lambda *_: ([], 0))
    controls = searches([_DOUBLE], question(random_draws(60)))[0].controls(np.random.default_rng(1))
    assert [control.passed for control in controls] == [False, False]


def test_random_draws_leave_nothing() -> None:
    search = searches([_DOUBLE], question(random_draws(60), skips=range(40)))[0]
    assert search.run(UNWATCHED).survivors == ()


def test_streams_of_other_kinds_are_left_to_other_attacks() -> None:
    assert top_bits(_NEXT_INT, 1000) is None
    assert top_bits(Stream(JAVA_RANDOM, MODULO), 1000) is None
    assert top_bits(_DOUBLE, 2) is None  # single bits


def test_draws_are_those_of_the_readable_definition() -> None:
    drawn = list(islice(reference.draws(_DRAND48, 99, 1000), 40))
    assert 99 in {
        each.start
        for each in searches([_DRAND48], question(np.array(drawn)))[0].run(UNWATCHED).survivors
    }
