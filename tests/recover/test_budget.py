"""What is searched when time is short, and what is said of the rest."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from planted import history_of, planted_draws, random_draws, silent

from seedfleet.evidence import Verdict
from seedfleet.generators import Stream
from seedfleet.generators.boundings import JAVA_NEXT_INT
from seedfleet.generators.families.lcg48 import JAVA_RANDOM
from seedfleet.recover import DEEP, Options, Recovery, Status, portfolio, recover
from seedfleet.recover.budget import Budget
from seedfleet.recover.controls import Control, positive_control
from seedfleet.recover.search import Coverage, Found, Question, Search, Survivor
from seedfleet.recover.watch import Watch
from seedfleet.sieve.weighing import Alignment

_JAVA = Stream(JAVA_RANDOM, JAVA_NEXT_INT)
_SEED = 20_240_229_123


class Clock:
    """Seconds that pass only when somebody says so."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.compiled_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    def compile(self, for_s: float) -> None:
        self.now_s += for_s
        self.compiled_s += for_s


@dataclass
class Planned:
    """A search of 100 starts that takes as long as it says, or stops when its watch has expired."""

    coverage: Coverage
    clock: Clock
    finds: tuple[Survivor, ...] = ()
    open: int = 0
    compiles_s: float = 0.0  # before anything is tested
    runs: int = 0
    controls_s: float = 0.0
    controlled: int = 0
    slower: float = 1.0  # than it said

    def run(self, watch: Watch) -> Found:
        self.runs += 1
        self.clock.compile(self.compiles_s)
        for tested in range(1, 101):
            self.clock.now_s += self.slower * self.coverage.cost_s / 100
            watch.progress(tested / 100)
            if watch.expired():
                return Found(self.finds, tested, len(self.finds))
        return Found(self.finds, 100 - self.open, len(self.finds), undecided=self.open)

    def controls(self, rng: np.random.Generator) -> tuple[Control, ...]:
        del rng
        self.controlled += 1
        self.clock.now_s += self.controls_s
        return (positive_control(4, 4.0, text="4 seeds planted"),)


def planned(question: Question, clock: Clock, name: str, cost_s: float) -> Planned:
    coverage = Coverage(
        attack=name,
        streams=(_JAVA,),
        scopes=question.scopes,
        skips=range(1),
        space=100,
        draws_used=5,
        power=lambda _noise: 1.0,
        cost_s=cost_s,
    )
    return Planned(coverage, clock)


def recovered(
    monkeypatch: pytest.MonkeyPatch,
    searches: Callable[..., tuple[Search, ...]],
    clock: Clock,
    *,
    budget_s: float | None,
) -> Recovery:
    """Recover from some draws of a stream with these searches, and no controls."""
    monkeypatch.setattr(portfolio, "searches", searches)
    return recover(
        history_of(planted_draws(_JAVA, _SEED, count=60)),
        Options(budget_s=budget_s, controls=False),
        progress=silent,
        clock=clock,
        compiled_s=lambda: clock.compiled_s,
    )


def run(
    monkeypatch: pytest.MonkeyPatch,
    costs: dict[str, float],
    *,
    budget_s: float | None,
    found: str | None = None,
) -> dict[str, tuple[Status, float | None]]:
    """Recover with searches of these costs, in the order in which they were taken."""
    clock = Clock()

    def searches(_streams: object, question: Question, _backend: object) -> tuple[Search, ...]:
        made = [planned(question, clock, name, cost_s) for name, cost_s in costs.items()]
        for each in made:
            if each.coverage.attack == found:
                survivor = Survivor(_JAVA, question.scopes[0], _SEED, Alignment(0, 0, 0))
                each.finds = (survivor,)
        return tuple(made)

    recovery = recovered(monkeypatch, searches, clock, budget_s=budget_s)
    return {
        record.coverage.attack: (record.status, record.budget_needed_s)
        for record in recovery.searches
    }


def test_the_cheapest_come_first_and_what_does_not_fit_says_what_it_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken = run(monkeypatch, {"dear": 500.0, "cheap": 10.0, "middling": 30.0}, budget_s=100.0)
    assert list(taken) == ["cheap", "middling", "dear"]
    assert taken["cheap"] == taken["middling"] == (Status.COMPLETED, None)
    status, needed_s = taken["dear"]
    assert status is Status.OVER_BUDGET
    assert needed_s == pytest.approx(10 + 30 + 500 + 30)  # the last for the controls


def test_what_takes_longer_than_it_said_is_stopped_and_says_what_it_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original = Planned.run

    def twice_as_slow(self: Planned, watch: Watch) -> Found:
        self.coverage = Coverage(**{**vars(self.coverage), "cost_s": 2 * self.coverage.cost_s})
        return original(self, watch)

    monkeypatch.setattr(Planned, "run", twice_as_slow)
    taken = run(monkeypatch, {"sly": 80.0}, budget_s=100.0)
    status, needed_s = taken["sly"]
    assert status is Status.INCOMPLETE
    assert needed_s == pytest.approx(160 / 0.9, rel=0.02)


def test_of_a_long_budget_half_a_minute_is_kept_for_controls_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken = run(monkeypatch, {"fits": 1169.0}, budget_s=1200.0)
    assert taken["fits"] == (Status.COMPLETED, None)
    status, needed_s = run(monkeypatch, {"does not": 1171.0}, budget_s=1200.0)["does not"]
    assert status is Status.OVER_BUDGET
    assert needed_s == pytest.approx(1201.0)


@pytest.mark.parametrize(
    ("compiles_s", "statuses"),
    [
        (50.0, [Status.COMPLETED, Status.COMPLETED, Status.OVER_BUDGET]),
        (195.0, [Status.COMPLETED, Status.OVER_BUDGET, Status.OVER_BUDGET]),
    ],
)
def test_a_search_is_not_stopped_for_kernels_it_waits_for_and_others_are_kept_out_by_long_waits(
    monkeypatch: pytest.MonkeyPatch, compiles_s: float, statuses: list[Status]
) -> None:
    clock = Clock()

    def searches(_streams: object, question: Question, _backend: object) -> tuple[Search, ...]:
        costs = {"cheap": 1.0, "middling": 30.0, "dear": 80.0}
        made = [planned(question, clock, name, cost_s) for name, cost_s in costs.items()]
        made[0].compiles_s = compiles_s
        return tuple(made)

    recovery = recovered(monkeypatch, searches, clock, budget_s=100.0)
    assert [record.status for record in recovery.searches] == statuses
    assert recovery.searches[0].elapsed_s == pytest.approx(1.0)


def test_what_is_needed_is_more_than_was_given_where_compiling_took_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def needed(budget_s: float) -> dict[str, float | None]:
        clock = Clock()

        def searches(_streams: object, question: Question, _backend: object) -> tuple[Search, ...]:
            costs = {"cheap": 1.0, "middling": 30.0, "dear": 80.0}
            made = [planned(question, clock, name, cost_s) for name, cost_s in costs.items()]
            made[0].compiles_s = 195.0
            return tuple(made)

        recovery = recovered(monkeypatch, searches, clock, budget_s=budget_s)
        return {each.coverage.attack: each.budget_needed_s for each in recovery.searches}

    middling_s, dear_s = needed(100.0)["middling"], needed(100.0)["dear"]
    assert middling_s is not None
    assert dear_s is not None
    assert 100.0 < middling_s < dear_s
    # On a machine that is as slow at compiling again.
    assert needed(0.99 * middling_s)["middling"] is not None
    assert needed(1.01 * middling_s)["middling"] is None


def test_more_budget_is_more_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Planned.run

    def far_slower(self: Planned, watch: Watch) -> Found:
        slow = replace(self, coverage=replace(self.coverage, cost_s=20.0))
        return original(slow, watch)

    monkeypatch.setattr(Planned, "run", far_slower)
    status, needed_s = run(monkeypatch, {"sly": 0.1}, budget_s=60.0)["sly"]
    assert status is Status.INCOMPLETE
    assert needed_s is not None
    assert needed_s > 60.0
    assert run(monkeypatch, {"sly": 0.1}, budget_s=1.1 * needed_s)["sly"][0] is Status.COMPLETED


def test_planning_is_not_charged(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()

    def searches(_streams: object, question: Question, _backend: object) -> tuple[Search, ...]:
        clock.now_s += 200.0  # on a machine that is busy with other things
        return (planned(question, clock, "fits", 80.0),)

    recovery = recovered(monkeypatch, searches, clock, budget_s=100.0)
    assert [record.status for record in recovery.searches] == [Status.COMPLETED]


def test_short_searches_begin_until_twice_the_budget_is_spent() -> None:
    clock = Clock()
    budget = Budget(100.0, clock)
    clock.now_s += 95.0
    assert not budget.has_time_for(2.0)
    assert budget.has_time_for(0.4)
    assert budget.until_s(0.4) > budget.spent_s
    clock.now_s += 110.0
    assert not budget.has_time_for(0.4)


def test_without_a_budget_everything_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = run(monkeypatch, {"dear": 1e6, "cheap": 10.0}, budget_s=None)
    assert [status for status, _ in taken.values()] == [Status.COMPLETED] * 2


def test_a_few_draws_that_fit_by_chance_split_nothing() -> None:
    # Some state of minstd gives any four draws: 40 bits, against 31 of states and all skips.
    options = Options(
        searched=frozenset({"minstd"}),
        variable_skip=None,
        controls=False,
        noise=0.0,
        budget_s=None,
    )
    recovery = recover(history_of(random_draws(200)), options, progress=silent)
    assert any(record.found and record.found.passed for record in recovery.searches)
    assert {record.status for record in recovery.searches} <= {Status.COMPLETED}
    assert all(item.survivor.scope.segment is None for item in recovery.items)


def test_what_is_found_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = run(monkeypatch, {"dear": 50.0, "cheap": 1.0}, budget_s=None, found="cheap")
    assert [status for status, _ in taken.values()] == [Status.COMPLETED, Status.NOT_NEEDED]


@pytest.mark.slow
def test_a_budget_too_small_for_any_search_tells_nothing_of_the_draws() -> None:
    options = Options(budget_s=1e-6, searched=frozenset({"java.util.Random"}))
    recovery = recover(history_of(random_draws(200)), options, progress=silent)
    assert recovery.verdict is Verdict.UNDER_POWERED
    assert recovery.reason == "no search fitted into the budget"
    assert {record.status for record in recovery.searches} == {Status.OVER_BUDGET}


@pytest.mark.parametrize(("budget_s", "controlled"), [(100.0, 0), (160.0, 1)])
def test_what_the_draws_leave_open_needs_no_time_and_controls_only_time_that_is_left(
    monkeypatch: pytest.MonkeyPatch, budget_s: float, controlled: int
) -> None:
    clock = Clock()
    values = planted_draws(_JAVA, _SEED, count=60)
    made: list[Planned] = []

    def searches(_streams: object, question: Question, _backend: object) -> tuple[Search, ...]:
        made.extend(planned(question, clock, name, 40.0) for name in ("open", "decided"))
        made[0].open = 25
        made[1].coverage = replace(made[1].coverage, controls_s=50.0)
        return tuple(made)

    monkeypatch.setattr(portfolio, "searches", searches)
    recovery = recover(history_of(values), Options(budget_s=budget_s), progress=silent, clock=clock)
    left_open, decided = recovery.searches
    assert left_open.status is Status.INCOMPLETE
    assert left_open.reason == "the draws leave 25% of the starts open"
    assert left_open.budget_needed_s is None
    assert decided.status is Status.COMPLETED
    assert [each.controlled for each in made] == [0, controlled]


def test_controls_that_would_outlast_the_budget_are_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    made: list[Planned] = []

    def searches(_streams: object, question: Question, _backend: object) -> tuple[Search, ...]:
        made.extend(planned(question, clock, name, 40.0) for name in ("one", "two", "three"))
        for each in made:
            each.controls_s = 12.0  # 120 s of the searches leave time for two of them
        return tuple(made)

    monkeypatch.setattr(portfolio, "searches", searches)
    values = planted_draws(_JAVA, _SEED, count=60)
    recover(history_of(values), Options(budget_s=150.0), progress=silent, clock=clock)
    assert [each.controlled for each in made] == [1, 1, 0]
    assert clock.now_s == pytest.approx(1000.0 + 144.0)


@pytest.mark.parametrize(("controls_s", "controlled"), [(4.0, [1, 0]), (6.0, [0, 0])])
def test_one_short_control_runs_where_the_searches_took_all_the_time(
    monkeypatch: pytest.MonkeyPatch, controls_s: float, controlled: list[int]
) -> None:
    clock = Clock()
    made: list[Planned] = []

    def searches(_streams: object, question: Question, _backend: object) -> tuple[Search, ...]:
        made.extend(planned(question, clock, name, 0.45) for name in ("one", "two"))
        for each in made:
            each.coverage = replace(each.coverage, controls_s=controls_s)
            each.controls_s = controls_s
        return tuple(made)

    monkeypatch.setattr(portfolio, "searches", searches)
    values = planted_draws(_JAVA, _SEED, count=60)
    recover(history_of(values), Options(budget_s=1.0), progress=silent, clock=clock)
    assert [each.controlled for each in made] == controlled


@pytest.mark.parametrize(
    ("controls_s", "said"),
    [
        (12.0, "; the search that found it was not finished"),
        (
            20.0,
            "; the search that found it was not finished; no control of it was run",
        ),
    ],
)
def test_what_a_search_found_before_it_was_stopped_stands_by_controls_of_that_search(
    monkeypatch: pytest.MonkeyPatch, controls_s: float, said: str
) -> None:
    clock = Clock()
    made: list[Planned] = []

    def searches(_streams: object, question: Question, _backend: object) -> tuple[Search, ...]:
        made.extend(planned(question, clock, name, cost) for name, cost in (("a", 30), ("b", 80)))
        survivor = Survivor(_JAVA, question.scopes[0], _SEED, Alignment(0, 0, 0))
        made[0].finds, made[0].slower = (survivor,), 5.0
        made[0].coverage = replace(made[0].coverage, controls_s=controls_s)
        return tuple(made)

    monkeypatch.setattr(portfolio, "searches", searches)
    values = planted_draws(_JAVA, _SEED, count=60)
    recovery = recover(history_of(values), Options(budget_s=100.0), progress=silent, clock=clock)
    finder, other = recovery.searches
    assert (finder.status, other.status) == (Status.INCOMPLETE, Status.NOT_NEEDED)
    assert recovery.verdict is Verdict.RECOVERED
    assert recovery.reason.endswith(f"predicts those held out{said}")
    assert [bool(each.controls) for each in recovery.searches] == [controls_s < 15, False]


def test_a_search_that_was_stopped_and_found_nothing_that_stands_has_no_controls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock()
    made: list[Planned] = []

    def searches(_streams: object, question: Question, _backend: object) -> tuple[Search, ...]:
        made.append(planned(question, clock, "stopped", 30.0))
        made[0].finds = (Survivor(_JAVA, question.scopes[0], 4711, Alignment(0, 0, 0)),)
        made[0].slower = 5.0
        return tuple(made)

    monkeypatch.setattr(portfolio, "searches", searches)
    values = planted_draws(_JAVA, _SEED, count=60)
    recover(history_of(values), Options(budget_s=100.0), progress=silent, clock=clock)
    assert made[0].controlled == 0


def test_deep_searches_can_be_asked_for() -> None:
    deep: dict[str, Any] = dict(DEEP)
    options = Options(**deep, searched=frozenset({"php_mt_rand"}))
    coverages = portfolio.planned(history_of(random_draws(200)), options)
    assert any(coverage.offsets[-1] == 226 for coverage in coverages)
    assert any(coverage.skips == range(21) for coverage in coverages)


@pytest.mark.slow
def test_what_wants_for_time_is_not_said_to_want_for_draws() -> None:
    # Some searches have too few of these draws, others enough of them and no time.
    options = Options(budget_s=1e-6)
    recovery = recover(history_of(random_draws(100)), options, progress=silent)
    statuses = {record.status for record in recovery.searches}
    assert statuses >= {Status.OVER_BUDGET, Status.UNDER_POWERED}
    told = "no search that these draws are enough for fitted into the budget"
    assert (recovery.verdict, recovery.reason) == (Verdict.UNDER_POWERED, told)
