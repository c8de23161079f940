"""A verdict of recovered rests on one class of streams, of one part of the history."""

from dataclasses import replace

import numpy as np
import pytest
from planted import planted_draws

from seedfleet.evidence import Verdict
from seedfleet.evidence.likelihood import NOISE_RATES
from seedfleet.evidence.part_prior import Division
from seedfleet.generators import Stream
from seedfleet.generators.boundings import JAVA_NEXT_INT
from seedfleet.generators.families.lcg48 import JAVA_RANDOM
from seedfleet.recover.answer import SearchRecord, Status
from seedfleet.recover.dated import DatedFinding, DatedQuestion
from seedfleet.recover.dated_rules import parse_formula
from seedfleet.recover.judgement import Judgement, judge
from seedfleet.recover.scope import Scope
from seedfleet.recover.scoring import Weighed, weigh
from seedfleet.recover.search import Coverage, Question, Survivor
from seedfleet.sieve.weighing import Alignment

_JAVA = Stream(JAVA_RANDOM, JAVA_NEXT_INT)
_VALUES = planted_draws(_JAVA, 4711, count=60)
_WHOLE, _NOON, _NIGHT = (Scope(_VALUES, 54, session) for session in (None, "noon", "night"))
_ENDED = Scope(_VALUES, 54, segment=(0, 60), draws_after=60)
_LAST = Scope(_VALUES, 54, segment=(60, 120))
_BY_DATE = DatedQuestion(1000, _NOON, [None] * 60, parse_formula("ordinal"), Division(60))
_QUESTION = Question(1000, (_WHOLE, _NOON, _NIGHT), range(1), range(1))


def found(scope: Scope, fit: float, predicted: float, seed: int = 1) -> Weighed:
    """Make a survivor whose stakes are so many bits on the fitted and the held-out draws."""
    survivor = Survivor(_JAVA, scope, seed, Alignment(0, 0, 0))
    item = weigh(survivor, _QUESTION, Division(120, sessions=2))
    against = -max(replace(item.scored, fitted_bits=(0.0,) * 5).stakes(held_out=False))
    never = (-np.inf,) * (len(NOISE_RATES) - 1)
    return replace(
        item,
        scored=replace(
            item.scored,
            equivalence=(scope.part, seed),
            fitted_bits=(against + fit, *never),
            known_bits=(against + fit + predicted, *never),
        ),
    )


def test_where_it_is_open_with_which_draw_a_stream_began_the_likelier_part_is_named() -> None:
    later = Scope(_VALUES, 54, segment=(61, 120))
    judgement = judged(found(later, 50, 30), found(_LAST, 60, 30), found(later, 45, 30, seed=2))
    assert judgement.reason.startswith("of draws 60 to 119, one stream")


def uniform(_: Scope) -> float:
    return 0.0


def judged(*items: Weighed) -> Judgement:
    return judge(items, [], [], _QUESTION, uniform)


@pytest.mark.parametrize(
    ("fit", "predicted", "verdict"),
    [
        (41, 21, Verdict.RECOVERED),
        (39, 21, Verdict.SIGNAL),
        (41, 19, Verdict.SIGNAL),
        (19, 99, Verdict.UNDER_POWERED),
    ],
)
def test_one_stream_has_to_earn_all_of_it(fit: float, predicted: float, verdict: Verdict) -> None:
    assert judged(found(_WHOLE, fit, predicted)).verdict is verdict


@pytest.mark.parametrize("by_date", [False, True])
def test_a_stream_has_to_beat_that_the_draws_are_not_uniform(*, by_date: bool) -> None:
    def judged_at(fit: float) -> Verdict:
        item = found(_NOON, fit, 30)
        if not by_date:
            return judge([item], [], [], _QUESTION, uneven_at_noon).verdict
        dated = DatedFinding(_JAVA, Alignment(0, 0, 0), item.scored, _BY_DATE)
        return judge([], [dated], [], _QUESTION, uneven_at_noon).verdict

    def uneven_at_noon(scope: Scope) -> float:
        return 25.0 if scope is _NOON else 0.0

    assert judged_at(66) is Verdict.RECOVERED
    assert judged_at(64) is Verdict.SIGNAL
    assert judged_at(44) is Verdict.UNDER_POWERED


def test_a_stream_need_not_beat_how_uneven_the_draws_are_that_it_leaves_to_others() -> None:
    def uneven_at_night(scope: Scope) -> float:
        return 900.0 if scope.session != "noon" else 0.0

    items = [found(_NOON, 41, 21)]
    assert judge(items, [], [], _QUESTION, uneven_at_night).verdict is Verdict.RECOVERED
    items = [found(_NOON, 39, 21)]
    assert judge(items, [], [], _QUESTION, uneven_at_night).verdict is Verdict.SIGNAL
    items = [found(_NIGHT, 800, 21)]
    assert judge(items, [], [], _QUESTION, uneven_at_night).verdict is Verdict.UNDER_POWERED


def test_what_one_stream_lacks_another_does_not_lend() -> None:
    ended, goes_on = found(_ENDED, 200, 30), found(_LAST, 25, 30)
    assert judged(ended, goes_on).verdict is Verdict.SIGNAL
    fits, predicts = found(_NOON, 45, 5), found(_NIGHT, 30, 60)
    assert judged(fits, predicts).verdict is Verdict.SIGNAL
    rivals = found(_WHOLE, 60, 30, seed=1), found(_WHOLE, 60, 30, seed=2)
    assert judged(*rivals).verdict is Verdict.SIGNAL


def test_several_streams_that_have_ended_are_told_as_several() -> None:
    one = (
        "one stream explains draws 0 to 59; nothing that was searched explains the draws after them"
    )
    assert judged(found(_ENDED, 200, 30)).reason == one
    later = Scope(_VALUES, 54, segment=(60, 90), draws_after=30)
    assert judged(found(_ENDED, 200, 30), found(later, 90, 30)).reason == (
        "2 streams explain parts of the draws; the last one explains draws 60 to 89; nothing that "
        "was searched explains the draws after those"
    )


def test_another_part_does_not_spoil_what_is_recovered() -> None:
    recovered, failing = found(_NOON, 60, 30), found(_NIGHT, 90, -80)
    judgement = judged(recovered, failing)
    assert judgement.verdict is Verdict.RECOVERED
    assert judgement.reason == (
        "recovered for session 'noon'; not beyond doubt for session 'night'"
    )


@pytest.mark.parametrize(
    ("scopes", "reason"),
    [
        ((_WHOLE,), "one stream explains the fitted draws and predicts those held out"),
        ((_NIGHT,), "recovered for session 'night'; nothing explains session 'noon'"),
        ((_NOON, _NIGHT), "recovered for session 'noon' and session 'night'"),
        (
            (_LAST,),
            "of draws 60 to 119, one stream explains the fitted draws and predicts those held out",
        ),
        (
            (Scope(_VALUES, 54, "noon", segment=(30, 90)),),
            "recovered for draws 30 to 89 of session 'noon'; nothing explains session 'night'",
        ),
    ],
)
def test_the_reason_names_the_part(scopes: tuple[Scope, ...], reason: str) -> None:
    judgement = judged(*(found(scope, 60, 30) for scope in scopes))
    assert judgement == Judgement(Verdict.RECOVERED, reason)


@pytest.mark.parametrize(
    ("status", "draws_needed", "power", "verdict"),
    [
        (Status.COMPLETED, 60, 0.5, Verdict.NO_EVIDENCE),
        (Status.COMPLETED, 61, 0.5, Verdict.UNDER_POWERED),
        (Status.COMPLETED, 60, 0.4, Verdict.UNDER_POWERED),
        (Status.INCOMPLETE, 60, 0.5, Verdict.UNDER_POWERED),
        (Status.OVER_BUDGET, 60, 0.5, Verdict.UNDER_POWERED),
    ],
)
def test_that_there_is_nothing_only_a_completed_search_with_enough_draws_tells(
    status: Status, draws_needed: int, power: float, verdict: Verdict
) -> None:
    coverage = Coverage("a method", (_JAVA,), (_WHOLE,), range(1), 2**48, 5, lambda _: power, 1.0)
    record = SearchRecord(coverage, status, None, draws_needed)
    assert judge([], [], [record], _QUESTION, uniform).verdict is verdict
