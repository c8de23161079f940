"""What searches promise: every covered seed decided, their power, and controls that can fail."""

from math import inf

import numpy as np
import pytest
from planted import UNWATCHED, planted_draws, question, random_draws

from seedfleet.generators import Stream, streams
from seedfleet.generators.boundings import JAVA_NEXT_INT
from seedfleet.generators.families.lcg48 import JAVA_RANDOM
from seedfleet.recover import attacks
from seedfleet.recover.congruential import lane_search
from seedfleet.recover.congruential.lane import lane_families, solve
from seedfleet.recover.congruential.lane_search import Residues, searches
from seedfleet.recover.congruential.window_search import WindowSearch
from seedfleet.recover.controls import negative_control, positive_control
from seedfleet.recover.scope import Scope
from seedfleet.recover.search import Question, Search
from seedfleet.sieve import local_backend

_JAVA = Stream(JAVA_RANDOM, JAVA_NEXT_INT)


def lane(*, modulus: int = 1000, length: int = 20, starts: tuple[int, ...] = (0,)) -> WindowSearch:
    (family,) = lane_families([_JAVA], modulus)
    asked = question(random_draws(100, modulus=modulus), modulus=modulus)
    return WindowSearch(Residues(family), asked, asked.scopes[0], length=length, starts=starts)


_EVERY_POWER = [(2**power, 6) for power in range(1, 32)]
_EVERY_LENGTH = [(2**31, draws) for draws in (1, 2, 3, 4, 5, 7, 8, 60)]
_ODD = [(2**31 - odd, draws) for odd in (1, 19) for draws in (2, 60)]


@pytest.mark.slow
@pytest.mark.parametrize(("modulus", "draws"), [*_EVERY_POWER, *_EVERY_LENGTH, *_ODD])
def test_every_search_of_the_catalogue_says_what_it_covers(modulus: int, draws: int) -> None:
    values = random_draws(draws, modulus=modulus)
    asked = Question(
        modulus=modulus,
        scopes=(Scope(values, max(1, draws - 5)),),
        skips=range(2),
        scan_skips=range(2),
        variable_skip=(0, 1),
    )
    for search in attacks.searches(streams(), asked, local_backend()):
        assert 0 <= search.coverage.power(0.0) <= 1
        assert 0 < search.coverage.cost_s < inf
        assert search.coverage.pairs > 0


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.01, 0.05, 0.1, 0.25])
@pytest.mark.parametrize("starts", [(0,), (0, 3, 40), tuple(range(0, 60, 4))])
def test_power_is_the_share_of_histories_with_a_clean_window(
    starts: tuple[int, ...], noise: float
) -> None:
    length, trials = 12, 40_000
    clean = np.random.default_rng(5).random((trials, max(starts) + length)) >= noise
    found = np.zeros(trials, dtype=bool)
    for start in starts:
        found |= clean[:, start : start + length].all(axis=1)
    power = lane(length=length, starts=starts).coverage.power(noise)
    assert abs(found.mean() - power) <= 4 * np.sqrt(power * (1 - power) / trials)


def test_power_without_noise() -> None:
    assert lane(modulus=1024 * 3).coverage.power(0.0) < lane().coverage.power(0.0)
    kept = [(1 - 648 / 2**31) ** (20 * (skip + 1)) for skip in question(random_draws(30)).skips]
    assert lane().coverage.power(0.0) == pytest.approx(sum(kept) / len(kept), abs=1e-12)


@pytest.mark.slow
def test_a_window_finds_the_seed_behind_wrong_draws() -> None:
    values = planted_draws(_JAVA, 987654321, count=120, skip=4)
    values[:70] = random_draws(70)
    _, *windows = searches([_JAVA], question(values))
    starts = [start for search in windows for start in search._starts]
    assert sorted(starts) == list(range(len(starts)))  # no start thrice, none left out
    hits = {
        (s.start, s.alignment.skip_max)
        for search in windows
        for s in search.run(UNWATCHED).survivors
    }
    assert hits == {(987654321, 4)}


@pytest.mark.slow
@pytest.mark.parametrize("modulus", [6, 10, 1000, 1_000_000, 1_500_000_000])
def test_controls_of_the_lane_split_pass(modulus: int) -> None:
    controls = lane(modulus=modulus, length=40 if modulus > 10 else 60).controls(
        np.random.default_rng(1)
    )
    # Two residues of the largest modulus leave nothing to chance, so there is nothing to count.
    # Below 100 high words are found by a lattice, which has a control of its own.
    negative = 0 if modulus > 10**9 else 2 if modulus < 1000 else 1
    kinds = ["negative"] * negative + ["positive"]
    assert [control.kind for control in controls] == kinds
    assert all(control.passed for control in controls), controls
    # Java rejects three words in ten at the largest of these, and the lane split needs all of them.
    assert (controls[-1].expected < 0.01) == (modulus > 10**9), controls


def passed(search: Search) -> dict[str, bool]:
    return {c.kind: c.passed for c in search.controls(np.random.default_rng(2))}


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.5, 3])
def test_negative_controls_notice_a_kernel_that_passes_too_few_or_too_many(
    share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken_solve(*args: object, **options: object) -> list[int]:
        states = solve(*args, **options)  # type: ignore[arg-type]
        return (states * 3)[: round(share * len(states))]

    monkeypatch.setattr(lane_search, "solve", broken_solve)
    assert not passed(lane())["negative"]


@pytest.mark.slow
def test_positive_controls_notice_a_kernel_that_misses_the_planted_seed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert passed(lane())["positive"]

    monkeypatch.setattr(lane_search, "solve", lambda *_, **__: [])
    assert not passed(lane())["positive"]


def test_a_negative_control_allows_the_scatter_that_it_sees() -> None:
    assert negative_control([60, 65, 62, 63], 62.5, text="").passed
    # 6 standard errors of 250 independent trials are 95.
    assert negative_control([86, 86, 86, 86], 62.5, text="").passed
    assert not negative_control([87, 87, 87, 86], 62.5, text="").passed
    assert not negative_control([38, 38, 39, 39], 62.5, text="").passed
    assert negative_control([0, 0, 250, 150], 62.5, text="").passed
    control = negative_control([1, 2], 1.5, text="as told")
    assert (control.expected, control.observed, control.text) == (3.0, 3, "as told")


def test_a_negative_control_fails_no_counts_that_happen_to_lie_close_together() -> None:
    assert negative_control([500, 500, 501], 515.0, text="").passed


def test_a_planted_seed_that_must_come_back_and_does_not_fails_a_positive_control() -> None:
    assert positive_control(4, 4.0, text="").passed
    assert not positive_control(3, 4.0, text="").passed
    assert positive_control(3, 3.6, text="").passed, "where a word may have been rejected"
