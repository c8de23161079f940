"""When the draws of a history were made, and when the coming ones will be."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedfleet.evidence.part_prior import Division
from seedfleet.recover.dated_rules import parse_rule
from seedfleet.recover.options import OptionsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seedfleet.draws import History
    from seedfleet.recover.dated_rules import DatedRule
    from seedfleet.recover.options import Options
    from seedfleet.recover.scope import Scope

__all__ = ["Calendar", "Occasion", "calendar_of", "rule_problems"]

_DAY = dt.timedelta(1)
_LOOKED_AT = 28  # last days that show the rhythm, and
_LEAST_DAYS = 14  # days without which a weekday was not seen twice


@dataclass(frozen=True)
class Occasion:
    """One coming draw: its date, its place among the date's draws from 0 on, and its session."""

    date: dt.date
    place: int
    session: str | None


@dataclass(frozen=True, eq=False)
class Calendar:
    """The occasions of the draws that are analysed, and the rule from dates to seeds.

    Attributes
    ----------
    rule
        Which seeds a date may have.
    dates, sessions, machines
        Of each draw, in the history's order; None where the file says nothing.
    division
        Of the history.
    """

    rule: DatedRule
    dates: tuple[dt.date | None, ...]
    sessions: tuple[str | None, ...]
    machines: tuple[str | None, ...]
    division: Division

    def dates_of(self, scope: Scope) -> tuple[dt.date | None, ...]:
        """Return the date of each draw of a scope that is no segment."""
        return tuple(self.dates[index] for index in self._indexes(scope))

    def coming(self, scope: Scope, count: int) -> tuple[Occasion, ...]:
        """Return the next occasions, where the last four weeks have a rhythm.

        That is: every day on which there were draws has them on the same weekdays without a gap,
        with the same sessions on the same weekday; the last date alone may lack some of its draws.
        Empty where there is none, or less than two weeks to see it in. O(draws + count).
        """
        days = self._sessions_by_date(scope)
        rhythm = _rhythm(days)
        if not rhythm:
            return ()
        occasions = _occasions(rhythm, max(days), len(days[max(days)]))
        return tuple(occasion for occasion, _ in zip(occasions, range(count), strict=False))

    def _indexes(self, scope: Scope) -> Iterator[int]:
        for index, (session, machine) in enumerate(zip(self.sessions, self.machines, strict=True)):
            if scope.session in (None, session) and scope.machine in (None, machine):
                yield index

    def _sessions_by_date(self, scope: Scope) -> dict[dt.date, list[str | None]]:
        days: dict[dt.date, list[str | None]] = {}
        for index in self._indexes(scope):
            date = self.dates[index]
            if date is None:
                return {}  # a draw without a date may lie anywhere
            days.setdefault(date, []).append(self.sessions[index])
        return days


def calendar_of(history: History, options: Options, analysed: range) -> Calendar | None:
    """Return the dates of the draws to be analysed with the rule asked about; None without one.

    Raises
    ------
    OptionsError
        It is no rule.
    """
    if options.date_seeds is None:
        return None
    part = slice(analysed.start, analysed.stop)
    sessions, machines = history.sessions[part], history.machines[part]
    return Calendar(
        rule=parse_rule(options.date_seeds, options.date_table),
        dates=history.dates[part],
        sessions=sessions,
        machines=machines,
        division=Division.of(sessions, machines),
    )


def rule_problems(history: History, options: Options, analysed: range) -> list[str]:
    """Say what stands against a rule from dates to seeds; empty without one. O(draws)."""
    try:
        calendar = calendar_of(history, options, analysed)
    except OptionsError as error:
        return list(error.problems)
    if calendar is None:
        return []
    dates = set(calendar.dates) - {None}
    if not dates:
        return ["seeds by date: the draws have no dates"]
    if not any(date and calendar.rule.seeds_of(date) for date in dates):
        return [f"seeds by date: {calendar.rule.text} gives no date of the draws a seed"]
    return []


def _rhythm(days: dict[dt.date, list[str | None]]) -> dict[int, Sequence[str | None]]:
    """Return the sessions of each weekday that has draws; empty without a rhythm."""
    if not days or (max(days) - min(days)).days + 1 < _LEAST_DAYS:
        return {}
    last = max(days)
    first = max(min(days), last - (_LOOKED_AT - 1) * _DAY)
    span = [first + index * _DAY for index in range((last - first).days + 1)]
    rhythm: dict[int, Sequence[str | None]] = {}
    for date in span[:-1]:
        if date in days and rhythm.setdefault(date.weekday(), days[date]) != days[date]:
            return {}
    whole = rhythm.get(last.weekday())
    if whole is None or days[last] != list(whole)[: len(days[last])]:
        return {}
    kept = all((date in days) == (date.weekday() in rhythm) for date in span)
    return rhythm if kept else {}


def _occasions(
    rhythm: dict[int, Sequence[str | None]], last: dt.date, drawn: int
) -> Iterator[Occasion]:
    """Yield what follows the first `drawn` draws of the last date, without end."""
    date, place = last, drawn
    while True:
        for later, session in enumerate(rhythm.get(date.weekday(), ())[place:], start=place):
            yield Occasion(date, later, session)
        date, place = date + _DAY, 0
