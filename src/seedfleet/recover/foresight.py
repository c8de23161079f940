"""The draws to come, where streams go on and where dates seed them anew."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from seedfleet.evidence import mix
from seedfleet.evidence.prediction import foretell
from seedfleet.recover.dated import coming_laws
from seedfleet.recover.judgement import scores_of
from seedfleet.recover.scoring import Prediction, abstained, predict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedfleet.evidence.prediction import DrawLaw
    from seedfleet.recover.calendar import Calendar, Occasion
    from seedfleet.recover.dated import DatedFinding
    from seedfleet.recover.scope import Scope
    from seedfleet.recover.scoring import Weighed
    from seedfleet.recover.search import Question

__all__ = ["foresee"]

_HOLDS = 0.5  # posterior that a part's dated streams must pass together
_HEARD = 1e-6  # posterior below which a stream says nothing worth its time

_Heard = list[tuple["DatedFinding", tuple[float, ...]]]


def foresee(
    items: Sequence[Weighed], dated: Sequence[DatedFinding], question: Question, count: int
) -> tuple[Prediction, ...]:
    """Return the next draws, as far as what goes on tells them.

    Where the streams that dates seed hold more than half, their draws have the dates on which they
    are to be expected; without a rhythm of the dates nothing is told.

    Parameters
    ----------
    items, dated
        All that goes on, each kind by falling posterior.
    count
        Draws ahead.
    """
    known = mix(scores_of(items, dated), held_out=True)
    by_part: dict[object, _Heard] = {}
    for finding, row in zip(dated, known.posterior[len(items) :], strict=True):
        if sum(row) > _HEARD:
            by_part.setdefault(finding.question.scope.part, []).append((finding, row))
    sure = {part: heard for part, heard in by_part.items() if _weight(heard) > _HOLDS}
    if not sure or question.calendar is None:
        alone = mix(scores_of(items, ()), held_out=True)
        return predict(items, alone, modulus=question.modulus, count=count)
    told = [sure[None]] if None in sure else list(sure.values())
    predictions = [
        each for heard in told for each in _of_scope(heard, question.calendar, question, count)
    ]
    return tuple(predictions) or abstained(modulus=question.modulus, count=count)


def _weight(heard: _Heard) -> float:
    return sum(sum(row) for _, row in heard)


def _of_scope(
    heard: _Heard, calendar: Calendar, question: Question, count: int
) -> list[Prediction]:
    """Mix what the findings of one scope say of its coming draws."""
    scope = heard[0][0].question.scope
    predictions: list[Prediction] = []
    for date, occasions in groupby(calendar.coming(scope, count), key=lambda each: each.date):
        own = list(occasions)
        laws: list[list[tuple[float, DrawLaw]]] = [[] for _ in range(own[-1].place + 1)]
        for finding, row in heard:
            for told, more in zip(laws, coming_laws(finding, row, date, len(laws)), strict=True):
                told.extend(more)
        for occasion in own:
            ahead = len(predictions) + 1
            predictions.append(
                _prediction(laws[occasion.place], occasion, scope, question.modulus, ahead)
            )
    return predictions


def _prediction(
    laws: Sequence[tuple[float, DrawLaw]],
    occasion: Occasion,
    scope: Scope,
    modulus: int,
    ahead: int,
) -> Prediction:
    forecast = foretell(laws, modulus)
    value = forecast.value
    return Prediction(
        value,
        1 / modulus if value is None else forecast.law.probability(value),
        occasion.session,
        ahead,
        scope.machine,
        occasion.date,
    )
