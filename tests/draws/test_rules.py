"""The rules of cleaning: modulus, dates, order, duplicates, sessions."""

import json
from pathlib import Path
from typing import Any

import pytest

from seedfleet.draws import DrawsError, History, load

Row = tuple[str, str, int]


def write(folder: Path, content: object) -> Path:
    path = folder / "daily3.json"
    path.write_text(json.dumps(content))
    return path


def dated(folder: Path, *rows: Row) -> Path:
    return write(folder, [{"date": d, "session": s, "draw": v} for d, s, v in rows])


def problems(path: Path, **options: Any) -> tuple[str, ...]:
    with pytest.raises(DrawsError) as caught:
        load(path, **options)
    return caught.value.problems


def note(history: History, start: str) -> str:
    (found,) = [text for text in history.notes if text.startswith(start)]
    return found


@pytest.mark.parametrize(
    ("largest", "modulus"),
    [(0, 10), (9, 10), (10, 100), (99, 100), (100, 1000), (999_999_999, 10**9)],
)
def test_modulus_is_the_least_power_of_ten_above(
    tmp_path: Path, largest: int, modulus: int
) -> None:
    history = load(write(tmp_path, [0, largest]))
    assert (history.modulus, history.modulus_inferred) == (modulus, True)
    assert str(modulus) in note(history, "Inferred the modulus")


def test_a_given_modulus_is_not_inferred(tmp_path: Path) -> None:
    history = load(write(tmp_path, [0, 36]), modulus=37)
    assert (history.modulus, history.modulus_inferred) == (37, False)
    assert not any("modulus" in text for text in history.notes)


def test_draws_outside_the_modulus_are_told_one_by_one(tmp_path: Path) -> None:
    assert problems(write(tmp_path, [0, 37, 36, -1, 99]), modulus=37) == (
        "$[1]: 37 is not in [0, 37)",
        "$[3]: -1 is not in [0, 37)",
        "$[4]: 99 is not in [0, 37)",
    )
    path = write(tmp_path, [{"draw": 1}, {"draw": 500}])
    assert problems(path, modulus=100) == ("$[1].draw: 500 is not in [0, 100)",)


def test_a_modulus_beyond_two_to_the_31_cannot_be_inferred(tmp_path: Path) -> None:
    (problem,) = problems(write(tmp_path, [5, 10**9]))
    assert problem.startswith("$[1]: 1000000000 is too large to infer a modulus")
    assert load(write(tmp_path, [5, 2**31 - 1]), modulus=2**31).modulus == 2**31
    assert problems(write(tmp_path, [2**31])) == (f"$[0]: {2**31} is not in [0, {2**31})",)


@pytest.mark.parametrize("modulus", [1, 0, -5, 2**31 + 1, True, 10.0])
def test_a_bad_modulus_is_told_with_everything_else(tmp_path: Path, modulus: Any) -> None:
    told = problems(write(tmp_path, [1, "x"]), modulus=modulus, sessions=("noon",))
    assert [text.split(":")[0] for text in told] == ["modulus", "$[1]", "no session 'noon'"]


def test_some_dates_missing_is_a_problem_that_says_where(tmp_path: Path) -> None:
    rows = [{"draw": 1, "date": "2015-01-01"}, {"draw": 2}, {"draw": 3}]
    (problem,) = problems(write(tmp_path, rows))
    assert problem.startswith("$[1], $[2]: no date, unlike the other 1;")


def test_places_are_listed_up_to_a_limit(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"draw": 1} for _ in range(50)]
    (problem,) = problems(write(tmp_path, [*rows, {"draw": 1, "date": "2015-01-01"}]))
    assert "$[19] and 30 more: no date" in problem


def test_newest_first_is_reversed_as_a_whole(tmp_path: Path) -> None:
    history = load(
        dated(
            tmp_path,
            ("2015-01-02", "evening", 4),
            ("2015-01-02", "midday", 3),
            ("2015-01-01", "evening", 2),
            ("2015-01-01", "midday", 1),
        )
    )
    assert history.values.tolist() == [1, 2, 3, 4]
    assert history.sessions == ("midday", "evening", "midday", "evening")
    assert note(history, "Reversed the order")


def test_oldest_first_stays_as_it_is(tmp_path: Path) -> None:
    history = load(dated(tmp_path, ("2015-01-01", "b", 2), ("2015-01-01", "a", 1)))
    assert history.values.tolist() == [2, 1]
    assert not any("order" in text for text in history.notes)


def test_disorder_is_sorted_and_ties_keep_their_order(tmp_path: Path) -> None:
    history = load(
        dated(
            tmp_path,
            ("2015-01-02", "b", 4),
            ("2015-01-02", "a", 3),
            ("2015-01-01", "b", 2),
            ("2015-01-03", "b", 5),
        )
    )
    assert history.values.tolist() == [2, 4, 3, 5]
    assert note(history, "Sorted by date")


def test_repeated_records_are_dropped_and_conflicting_ones_kept(tmp_path: Path) -> None:
    history = load(
        dated(
            tmp_path,
            ("2015-01-01", "a", 1),
            ("2015-01-01", "a", 1),
            ("2015-01-01", "b", 1),
            ("2015-01-01", "a", 7),
            ("2015-01-02", "a", 1),
            ("2015-01-01", "a", 7),
        )
    )
    assert history.values.tolist() == [1, 1, 7, 1]
    assert "Dropped 2 records" in note(history, "Dropped")
    assert "$[1], $[5]" in note(history, "Dropped")
    assert note(history, "Kept").endswith("$[3].")


def test_machines_tell_records_apart(tmp_path: Path) -> None:
    rows = [{"date": "2015-01-01", "draw": 5, "machine": machine} for machine in "ABA"]
    history = load(write(tmp_path, rows))
    assert history.machines == ("A", "B")


def test_undated_records_are_never_duplicates(tmp_path: Path) -> None:
    history = load(write(tmp_path, [{"draw": 5, "session": "a"}] * 3))
    assert history.values.tolist() == [5, 5, 5]


def test_sessions_are_kept_by_name(tmp_path: Path) -> None:
    path = dated(tmp_path, ("2015-01-01", "midday", 990), ("2015-01-01", "evening", 1))
    history = load(path, sessions=("evening",))
    assert history.values.tolist() == [1]
    assert history.modulus == 1000, "the modulus belongs to the game, not to the session"
    assert "1 of 2" in note(history, "Kept only evening")


def test_an_unknown_session_lists_the_ones_there_are(tmp_path: Path) -> None:
    path = dated(tmp_path, ("2015-01-01", "midday", 1), ("2015-01-01", "evening", 1))
    assert problems(path, sessions=("noon", "midday", "night")) == (
        "no session 'noon': there are 'midday', 'evening'",
        "no session 'night': there are 'midday', 'evening'",
    )
    assert problems(write(tmp_path, [1]), sessions=("noon",)) == (
        "no session 'noon': no draw names a session",
    )


@pytest.mark.parametrize(("least", "told"), [(1, True), (0, False)])
def test_draws_that_may_count_from_one_are_told_of(
    tmp_path: Path, least: int, *, told: bool
) -> None:
    path = tmp_path / "balls.txt"
    path.write_text("\n".join(str(least + i * 5 % 49) for i in range(300)), encoding="utf-8")
    hint = "No draw is 0: if they are 1 to 49, take 1 off each and give --modulus 49."
    assert (hint in load(path).notes) is told
