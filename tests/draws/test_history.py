"""The value that `load` returns."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import seedfleet.draws
from seedfleet.draws import DrawsError, History, load


@pytest.fixture
def history(tmp_path: Path) -> History:
    path = tmp_path / "pick3.txt"
    path.write_text(
        "date,session,draw\n2015-01-01,midday,1\n2015-01-01,evening,2\n2015-01-02,midday,3\n"
    )
    return load(path)


def test_public_names() -> None:
    assert seedfleet.draws.__all__ == ["DrawsError", "History", "load"]


def test_session_names_in_order_of_appearance(history: History) -> None:
    assert history.session_names == ("midday", "evening")


def test_select_keeps_order_modulus_and_origin(history: History) -> None:
    midday = history.select("midday")
    assert midday.values.tolist() == [1, 3]
    assert [str(date) for date in midday.dates] == ["2015-01-01", "2015-01-02"]
    assert midday.sessions == ("midday", "midday")
    assert (midday.modulus, midday.sha256) == (history.modulus, history.sha256)


def test_select_refuses_an_unknown_session(history: History) -> None:
    with pytest.raises(DrawsError, match="'noon'") as caught:
        history.select("noon")
    assert caught.value.problems == ("no session 'noon': there are 'midday', 'evening'",)


def test_values_cannot_be_changed(history: History) -> None:
    with pytest.raises(ValueError, match="read-only"):
        history.values[0] = 5
    with pytest.raises(ValueError, match="read-only"):
        history.select("midday").values[0] = 5
    with pytest.raises(dataclasses.FrozenInstanceError):
        history.modulus = 7  # type: ignore[misc]


def test_the_given_array_stays_its_owners(history: History) -> None:
    values = np.array([4, 5, 6])
    other = dataclasses.replace(history, values=values)
    values[0] = 9
    assert other.values.tolist() == [4, 5, 6]


def test_a_history_checks_its_parts(history: History) -> None:
    with pytest.raises(ValueError, match="outside"):
        dataclasses.replace(history, modulus=3)
    with pytest.raises(ValueError, match="values with"):
        dataclasses.replace(history, values=np.array([1]))


def test_an_error_shows_every_problem() -> None:
    assert str(DrawsError("no", ("line 1: a", "line 2: b"))) == "no\n  line 1: a\n  line 2: b"
