"""When the coming draws are: by the rhythm of the last weeks, or not at all."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedfleet.evidence.part_prior import Division
from seedfleet.recover.calendar import Calendar
from seedfleet.recover.dated_rules import parse_formula
from seedfleet.recover.scope import Scope

_DAY = dt.timedelta(1)
_FIRST = dt.date(2020, 1, 1)
Row = tuple[dt.date | None, str | None]


def calendar(rows: list[Row]) -> Calendar:
    return Calendar(
        rule=parse_formula("ordinal"),
        dates=tuple(date for date, _ in rows),
        sessions=tuple(session for _, session in rows),
        machines=(None,) * len(rows),
        division=Division(len(rows)),
    )


def coming(rows: list[Row], count: int = 20, session: str | None = None) -> list[Row]:
    size = sum(session in (None, own) for _, own in rows)
    scope = Scope(np.zeros(size, dtype=np.int64), size, session=session)
    return [(each.date, each.session) for each in calendar(rows).coming(scope, count)]


def rhythmic(week: dict[int, list[str]], days: int) -> list[Row]:
    dates = [_FIRST + index * _DAY for index in range(days)]
    return [(date, session) for date in dates for session in week.get(date.weekday(), [])]


WEEKS = st.dictionaries(
    st.integers(0, 6),
    st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3, unique=True),
    min_size=1,
)


@given(week=WEEKS, known=st.integers(60, 150))
def test_a_rhythm_goes_on_from_any_draw(week: dict[int, list[str]], known: int) -> None:
    rows = rhythmic(week, days=7 * 200)
    assert coming(rows[:known]) == rows[known : known + 20]


@given(week=WEEKS, known=st.integers(60, 100), place=st.integers(1, 10))
def test_a_draw_that_is_missing_lately_leaves_no_rhythm(
    week: dict[int, list[str]], known: int, place: int
) -> None:
    rows = rhythmic(week, days=7 * 200)[:known]
    last = rows[-1][0]
    assert last is not None
    gone = rows.pop(-1 - place)
    assert gone[0] is not None
    # Those of the last date may come later; older than four weeks nobody looks.
    if gone[0] < last and (last - gone[0]).days < 14:
        assert coming(rows) == []


def test_each_session_has_a_rhythm_of_its_own_and_few_days_have_none() -> None:
    rows = rhythmic({day: ["a"] if day % 2 else ["a", "b"] for day in range(7)}, 35)
    assert {session for _, session in coming(rows, session="b")} == {"b"}
    assert {date.weekday() for date, _ in coming(rows, session="b") if date} == {0, 2, 4, 6}
    assert coming(rows[:15]) == []
    assert coming([]) == []
    assert coming([*rows, (None, "a")]) == []


@pytest.mark.parametrize("late", [0, 3])
def test_places_count_from_the_date_s_first_draw(late: int) -> None:
    rows = rhythmic({day: ["a", "b", "c"] for day in range(7)}, 30)
    rows = rows[: len(rows) - late]
    scope = Scope(np.zeros(len(rows) - 1, dtype=np.int64), 1)
    places = [each.place for each in calendar(rows[:-1]).coming(scope, 5)]
    assert places == [2, 0, 1, 2, 0]
