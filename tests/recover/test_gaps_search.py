"""Variable skips as a search: where streams start, the skips that they took, the controls."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from planted import UNWATCHED, with_noise

from seedfleet.generators import AtState, Stream, compiled
from seedfleet.generators.boundings import FLOOR_48, JAVA_NEXT_INT, MODULO_31
from seedfleet.generators.families.lcg48 import DRAND48, JAVA_RANDOM, RAND48
from seedfleet.recover.gaps import search as gaps_search
from seedfleet.recover.gaps.path import skips_of
from seedfleet.recover.gaps.search import GapsSearch, searches
from seedfleet.recover.gaps.solver import Gaps, Solved, gap_families
from seedfleet.recover.scope import Scope
from seedfleet.recover.search import Question, Survivor
from seedfleet.sieve.weighing import Alignment

_JAVA = Stream(JAVA_RANDOM, JAVA_NEXT_INT)
_RAND48 = Stream(RAND48, MODULO_31)
_DRAND48 = Stream(DRAND48, FLOOR_48)


def random_skips(count: int, least: int, most: int, *, seed: int) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(least, most + 1, count)


def drawn(
    stream: Stream, start: int | AtState, skips: NDArray[np.int64], modulus: int = 1000
) -> NDArray[np.int64]:
    values, _ = compiled.at_positions(stream, start, modulus, np.cumsum(skips + 1) - 1)
    return values


def asked(
    values: NDArray[np.int64],
    variable_skip: tuple[int, int] | None = (0, 8),
    *,
    noise: float = 0.0,
    modulus: int = 1000,
) -> Question:
    scope = Scope(values, len(values) - 5)
    return Question(
        modulus=modulus,
        scopes=(scope,),
        skips=range(9),
        scan_skips=range(3),
        variable_skip=variable_skip,
        noise=noise,
    )


@pytest.mark.slow
@pytest.mark.parametrize("stream", [_JAVA, _RAND48, _DRAND48])
@pytest.mark.parametrize("variable_skip", [(0, 8), (2, 5)])
def test_small_seeds_come_back_with_their_skips(
    stream: Stream, variable_skip: tuple[int, int]
) -> None:
    for seed in (0, 5, 20150101, 2**31 + 7):
        skips = random_skips(60, *variable_skip, seed=seed)
        skips[0] = variable_skip[seed % 2]  # the seed lies as near or as far as it may
        search, *_ = searches([stream], asked(drawn(stream, seed, skips), variable_skip))
        found = search.run(UNWATCHED)
        assert [survivor.start for survivor in found.survivors] == [seed]
        path = skips_of(found.survivors[0], 1000)
        assert np.array_equal(path.skips[path.certain], skips[path.certain])
        assert path.certain.mean() > 0.8
        assert path.matched.all()
        assert found.tested == 2**48


@pytest.mark.slow
def test_negative_seeds_are_small() -> None:
    values = drawn(_JAVA, -5, random_skips(60, 0, 8, seed=9))
    search, *_ = searches([_JAVA], asked(values))
    assert [survivor.start for survivor in search.run(UNWATCHED).survivors] == [2**48 - 5]


@pytest.mark.slow
def test_a_stream_without_a_seed_starts_from_a_state() -> None:
    start = AtState((0x123456789ABC,))
    skips = random_skips(40, 0, 8, seed=1)
    values = drawn(_DRAND48, start, skips)
    search, *_ = searches([_DRAND48], asked(values))
    (survivor,) = search.run(UNWATCHED).survivors
    assert isinstance(survivor.start, AtState)
    assert survivor.alignment == Alignment(0, 0, 8)
    assert skips_of(survivor, 1000).matched.all()


@pytest.mark.slow
def test_a_seed_is_named_for_each_stream_that_has_one() -> None:
    seed = 77  # of srand48; java.util.Random reaches the same states by seeds of 48 bits
    values = drawn(_RAND48, seed, random_skips(40, 0, 8, seed=2))
    search, *_ = searches([_JAVA, _RAND48], asked(values))
    survivors = search.run(UNWATCHED).survivors
    assert {survivor.stream for survivor in survivors} == {_JAVA, _RAND48}
    assert all(skips_of(survivor, 1000).matched.all() for survivor in survivors)
    # A state of the other kind, which srand48 leads to from no seed, has one name only.
    values = drawn(_JAVA, 12345, random_skips(40, 0, 8, seed=2))
    search, *_ = searches([_JAVA, _RAND48], asked(values))
    assert [survivor.start for survivor in search.run(UNWATCHED).survivors] == [12345]


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [[0, 1, 2], [0], [4, 17], [1, 12, 40]])
def test_windows_past_wrong_draws_lead_back_to_the_seed(wrong: list[int]) -> None:
    skips = random_skips(90, 0, 8, seed=3)
    values = drawn(_JAVA, 987654321, skips)
    values[wrong] = (values[wrong] + 500) % 1000
    first, apart, *_ = searches([_JAVA], asked(values, noise=0.05))
    assert first.run(UNWATCHED).survivors == () or wrong[0] > first.coverage.draws_used
    survivors = apart.run(UNWATCHED).survivors
    assert [survivor.start for survivor in survivors] == [987654321]
    path = skips_of(survivors[0], 1000)
    assert np.array_equal(path.skips[path.certain], skips[path.certain])
    assert path.matched.sum() >= len(values) - len(wrong)


@pytest.mark.slow
def test_power_is_the_share_of_noisy_histories_that_are_found() -> None:
    noise, found, trials = 0.15, 0, 24
    for trial in range(trials):
        skips = random_skips(35, 0, 4, seed=trial)
        values = with_noise(drawn(_JAVA, 1000 + trial, skips), noise, seed=trial)
        _, apart, *_ = searches([_JAVA], asked(values, (0, 4), noise=noise))
        starts = {survivor.start for survivor in apart.run(UNWATCHED).survivors}
        found += 1000 + trial in starts
    power = apart.coverage.power(noise)
    assert 0.3 < power < 0.8
    assert abs(found - trials * power) < 4 * (trials * power * (1 - power)) ** 0.5


def test_a_window_that_must_be_clean_has_the_power_of_its_length() -> None:
    first, apart, between = searches([_DRAND48], asked(np.zeros(200, np.int64), noise=0.1))
    assert first.coverage.power(0.1) == pytest.approx(0.9**first.coverage.draws_used)
    each = 0.9**apart.coverage.draws_used
    expected = 1 - (1 - each) ** apart.coverage.windows
    assert apart.coverage.power(0.1) == pytest.approx(expected, abs=0.02)
    assert apart.coverage.power(0.1) < between.coverage.power(0.1) <= 1
    assert between.coverage.power(0.0) == 1.0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stream", "modulus", "variable_skip"),
    [(_JAVA, 1000, (0, 8)), (_DRAND48, 1000, (0, 20)), (_JAVA, 100, (0, 2))],
)
def test_controls_agree_with_chance(
    stream: Stream, modulus: int, variable_skip: tuple[int, int]
) -> None:
    values = np.random.default_rng(5).integers(0, modulus, 60)
    search, *_ = searches([stream], asked(values, variable_skip, modulus=modulus))
    negative, positive = search.controls(np.random.default_rng(6))
    assert negative.passed
    assert 100 <= negative.expected <= 1000
    assert positive.passed
    assert positive.observed == 4


@pytest.mark.slow
def test_random_draws_leave_nothing() -> None:
    values = np.random.default_rng(7).integers(0, 1000, 100)
    for search in searches([_JAVA], asked(values, noise=0.1))[:2]:
        found = search.run(UNWATCHED)
        assert found.survivors == ()
        assert found.tested == 2**48


@pytest.mark.parametrize("variable_skip", [None, (3, 3), (0, 999), (0, 2000)])
def test_nothing_is_covered_where_nothing_can_be_told(
    variable_skip: tuple[int, int] | None,
) -> None:
    assert searches([_JAVA], asked(np.zeros(50, np.int64), variable_skip)) == ()


def test_what_would_take_days_is_not_offered() -> None:
    found = searches([_JAVA], asked(np.zeros(500, np.int64), modulus=10))
    assert {search.coverage.variable_skip for search in found} == {(0, 1), (0, 2), (0, 3)}
    assert searches([_JAVA], asked(np.zeros(500, np.int64), modulus=6)) == ()


@given(
    draws=st.lists(st.integers(0, 2), min_size=1, max_size=4),
    seed=st.integers(0, 1000),
    skips=st.sampled_from([(0, 2), (1, 2), (0, 3)]),
)
def test_skips_are_those_of_the_paths_with_the_fewest_misses(
    draws: list[int], seed: int, skips: tuple[int, int]
) -> None:
    values = np.array(draws)
    survivor = Survivor(_JAVA, Scope(values, len(values)), seed, Alignment(1, *skips))
    path = skips_of(survivor, 3)
    every = np.array(list(product(range(skips[0], skips[1] + 1), repeat=len(draws))))
    places = np.cumsum(every + 1, axis=1)  # offset 1: the first draw stands at 1 + skip
    stream, _ = compiled.at_positions(_JAVA, seed, 3, np.arange(30))
    misses = (stream[places] != values).sum(axis=1)
    best = every[misses == misses.min()]
    assert path.skips.tolist() in best.tolist()
    assert (~path.matched).sum() == misses.min()
    assert np.cumsum(path.skips).tolist() == np.cumsum(best, axis=1).min(axis=0).tolist()
    fixed = places[misses == misses.min()]
    same = (fixed == fixed[0]).all(axis=0)
    assert path.certain.tolist() == [
        bool(here and before) for here, before in zip(same, [True, *same[:-1]], strict=True)
    ]


@pytest.mark.parametrize("windows", [*range(1, 60), 255])
def test_all_windows_done_are_all_states_tested(
    windows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = asked(np.arange(100))
    (family,) = gap_families([_JAVA], 1000)
    starts = tuple(range(windows))
    search = GapsSearch(family, Gaps(1, 9), asking.scopes[0], length=20, starts=starts, noise=0.0)
    shares = iter([1.0] * windows + [1.0] * (windows - 1) + [0.75])
    monkeypatch.setattr(gaps_search, "solve", lambda *_, **__: Solved((), next(shares)))
    assert search.run(UNWATCHED).tested == 2**48
    assert search.run(UNWATCHED).tested == 2**48 - -(-(2**46) // windows)


def test_scopes_are_searched_one_by_one() -> None:
    question = asked(np.zeros(60, np.int64))
    scopes = (question.scopes[0], Scope(np.ones(50, np.int64), 45))
    found = searches([_JAVA], replace(question, scopes=scopes))
    assert {search.coverage.scopes for search in found} == {(scope,) for scope in scopes}
