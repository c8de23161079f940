"""Seeds by date among the searches: coverage, controls that can fail, and what is foreseen."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from planted import UNWATCHED, history_of, random_draws, silent

from seedfleet.draws import History
from seedfleet.evidence import Verdict
from seedfleet.evidence.likelihood import bits_of_matches
from seedfleet.generators import compiled, find_preset
from seedfleet.recover import Options, Status, dated, dated_search, recover
from seedfleet.recover.calendar import calendar_of
from seedfleet.recover.dated import DatedFinding, coming_laws
from seedfleet.recover.dated_search import DatedSearch
from seedfleet.recover.scope import Scope
from seedfleet.recover.search import Question
from seedfleet.sieve import CpuBackend
from seedfleet.sieve.weighing import Alignment

_JAVA = find_preset("java_next_int").stream
_FIRST = dt.date(2020, 1, 1)
_OPTIONS = Options(
    searched=frozenset({"java_next_int"}),
    skips=range(1),
    variable_skip=None,
    date_seeds="ordinal*7",
)


def history(values: NDArray[np.int64], each: int) -> History:
    dates = tuple(_FIRST + dt.timedelta(index // each) for index in range(len(values)))
    return replace(history_of(values), dates=dates)


def dated_draws(
    count: int, each: int, *, offset: int = 0, beyond: Callable[[int], int] = lambda _: 0
) -> NDArray[np.int64]:
    """Return `count` dates' draws from seeds `ordinal * 7`, and what is added to them."""
    positions = offset + np.arange(each)
    seeds = [(_FIRST.toordinal() + index) * 7 + beyond(index) for index in range(count)]
    return np.concatenate([compiled.at_positions(_JAVA, s, 1000, positions)[0] for s in seeds])


def search(values: NDArray[np.int64], each: int, options: Options = _OPTIONS) -> DatedSearch:
    draws = history(values, each)
    question = Question(
        modulus=1000,
        scopes=(Scope(values, len(values) - 5),),
        skips=range(1),
        scan_skips=range(3),
        offsets=options.offsets,
        calendar=calendar_of(draws, options, range(len(draws))),
    )
    (only,) = dated_search.searches([_JAVA], question, CpuBackend())
    return only


def test_a_search_covers_what_the_rule_names_and_finds_it() -> None:
    planted = search(dated_draws(30, 2), 2)
    coverage = planted.coverage
    assert (coverage.space, coverage.alignments, coverage.told) == (30, 12, 1.0)
    found = planted.run(UNWATCHED)
    assert found.tested == 30
    assert found.passed == len(found.dated) >= 1
    assert found.dated[0].alignment.skip_max == 0
    assert search(random_draws(60), 2).run(UNWATCHED).passed == 0
    assert all(control.passed for control in planted.controls(np.random.default_rng(1)))


@pytest.mark.parametrize("offset", [-2, -1])
def test_a_first_draw_of_a_date_may_have_come_before_its_skip(offset: int) -> None:
    positions = offset + 2 + 3 * np.arange(3)
    seeds = [(_FIRST.toordinal() + index) * 7 for index in range(20)]
    drawn = [compiled.at_positions(_JAVA, seed, 1000, positions)[0] for seed in seeds]
    planted = search(np.concatenate(drawn), 3, replace(_OPTIONS, offsets=range(-2, 1)))
    assert planted.coverage.offsets == range(-2, 4)
    assert planted.coverage.alignments == 1 + 2 + 4 * 3
    assert planted.run(UNWATCHED).dated[0].alignment == Alignment(offset, 2, 2)
    assert all(control.passed for control in planted.controls(np.random.default_rng(1)))


def test_the_positive_control_sees_draws_looked_for_in_the_wrong_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    right = dated._positions
    monkeypatch.setattr(dated, "_positions", lambda *words: right(*words) + 1)
    controls = search(random_draws(60), 2).controls(np.random.default_rng(1))
    assert [control.passed for control in controls] == [True, False]


def test_the_negative_control_sees_a_search_that_lets_all_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    right = dated.dated_findings

    def generous(*words: Any, **more: Any) -> tuple[DatedFinding, ...]:
        found = right(*words, **more)
        bits = (25.0,) * 5
        return tuple(replace(f, scored=replace(f.scored, fitted_bits=bits)) for f in found)

    monkeypatch.setattr(dated_search, "dated_findings", generous)
    negative, _ = search(random_draws(60), 2).controls(np.random.default_rng(1))
    assert not negative.passed
    assert negative.observed > 0


def test_what_many_seeds_a_date_can_tell_at_most() -> None:
    # Three draws a date leave one of 60 seeds; one draw is often given by another seed as well.
    told = {}
    for each in (1, 3):
        options = replace(_OPTIONS, date_seeds="ordinal*7+0..59")
        values = dated_draws(20, each, beyond=lambda index: index % 60)
        planted = search(values, each, options)
        told[each] = planted.coverage.told
        found = planted.run(UNWATCHED).dated
        earned = max(finding.scored.known_bits[0] for finding in found)
        perfect = bits_of_matches(len(values), len(values), 1000)[0] * told[each]
        assert abs(perfect - earned) < 10  # by chance, more or fewer seeds give the same draws
    assert (told[1], told[3]) == pytest.approx((0.4155, 0.8027), abs=1e-3)


@pytest.mark.slow
def test_too_many_seeds_a_date_are_under_powered() -> None:
    options = replace(_OPTIONS, date_seeds="unix+0..86399")
    answer = recover(history(random_draws(60), 1), options, progress=silent)
    (record,) = [each for each in answer.searches if each.coverage.rule_odds is not None]
    assert record.status is Status.UNDER_POWERED
    assert record.draws_needed > 10_000


@pytest.mark.slow
def test_one_draw_a_date_leaves_no_choice_among_equal_places() -> None:
    # Offset 1 without skip and offset 0 with skip 1 are the same draw where a date has only one.
    answer = recover(history(dated_draws(40, 1, offset=1), 1), _OPTIONS, progress=silent)
    assert answer.verdict is Verdict.RECOVERED
    assert len({finding.scored.equivalence for finding in answer.dated}) == 1
    assert len(answer.dated) == 2
    (told,) = answer.predictions
    assert (told.date, told.draw) == (
        _FIRST + dt.timedelta(40),
        dated_draws(41, 1, offset=1)[-1],
    )


@pytest.mark.slow
def test_a_stream_that_all_dates_share_is_not_taken_for_seeds_by_date() -> None:
    values, _ = compiled.at_positions(_JAVA, 5, 1000, np.arange(80))
    answer = recover(history(values, 2), _OPTIONS, progress=silent)
    assert answer.verdict is Verdict.RECOVERED
    assert answer.dated == ()
    assert answer.items[0].survivor.start == 5
    following, _ = compiled.at_positions(_JAVA, 5, 1000, np.array([80]))
    assert [each.draw for each in answer.predictions] == following.tolist()


def test_the_first_draws_of_a_date_choose_among_its_seeds() -> None:
    options = replace(_OPTIONS, date_seeds="ordinal*7+0..5")
    values = dated_draws(20, 3, beyond=lambda index: index % 6)
    cut = len(values) - 1
    (finding, *_) = search(values[:cut], 3, options).run(UNWATCHED).dated
    laws = coming_laws(finding, (1.0, 0.0, 0.0, 0.0, 0.0), _FIRST + dt.timedelta(19), 3)
    law = laws[2][0][1]
    assert law.probability(int(values[cut])) == pytest.approx(1.0)
    fresh = coming_laws(finding, (1.0, 0.0, 0.0, 0.0, 0.0), _FIRST + dt.timedelta(20), 1)
    assert len(fresh[0][0][1].named) == 6
