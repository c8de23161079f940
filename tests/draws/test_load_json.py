"""JSON histories: what is read, and what is refused where."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seedfleet.draws import DrawsError, History, load


def write(folder: Path, content: object) -> Path:
    path = folder / "daily3.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def problems(path: Path, **options: Any) -> tuple[str, ...]:
    with pytest.raises(DrawsError) as caught:
        load(path, **options)
    return caught.value.problems


def notes(history: History) -> str:
    return "\n".join(history.notes)


def test_objects_with_everything(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        [
            {"date": "2015-01-01", "session": "midday", "draw": 852, "machine": "A"},
            {"date": "2015-01-01", "session": "evening", "draw": 7},
        ],
    )
    history = load(path)
    assert history.values.tolist() == [852, 7]
    assert history.values.dtype == np.int64
    assert history.dates == (dt.date(2015, 1, 1), dt.date(2015, 1, 1))
    assert history.sessions == ("midday", "evening")
    assert history.machines == ("A", None)
    assert (history.modulus, history.modulus_inferred) == (1000, True)
    assert (history.name, history.source) == ("daily3", str(path))
    assert len(history) == 2


def test_digest_is_of_the_bytes_of_the_file(tmp_path: Path) -> None:
    # sha256sum of the four bytes "[1]\n"
    path = write(tmp_path, "[1]\n")
    assert load(path).sha256 == "acc07b62f23f458923737c4cd4a66bd05d1e71eb4f384003baaf2dcc760d6349"


def test_flat_integers_keep_their_order_and_say_so(tmp_path: Path) -> None:
    history = load(write(tmp_path, [3, 1, 2, 1]))
    assert history.values.tolist() == [3, 1, 2, 1]
    assert history.dates == (None,) * 4
    assert "taken as oldest first" in notes(history)


def test_the_suffix_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "draws.csv"
    path.write_bytes(b"\xef\xbb\xbf [5, 6]")
    assert load(path).values.tolist() == [5, 6]


def test_unknown_keys_are_noted_once_with_how_often(tmp_path: Path) -> None:
    history = load(write(tmp_path, [{"draw": 1, "ball": 9}, {"draw": 2, "ball": 3}, {"draw": 3}]))
    assert 'Ignored the key "ball" (in 2 of 3 records).' in history.notes
    assert history.values.tolist() == [1, 2, 3]


def test_many_unknown_keys_do_not_flood_the_notes(tmp_path: Path) -> None:
    history = load(write(tmp_path, [{"draw": 1, f"key{i}": 0} for i in range(500)]))
    assert len(history.notes) < 30
    assert "Ignored 480 other keys." in history.notes


def test_null_is_absent(tmp_path: Path) -> None:
    history = load(write(tmp_path, [{"draw": 1, "date": None, "session": None, "machine": None}]))
    assert (history.dates, history.sessions, history.machines) == ((None,), (None,), (None,))


def test_space_around_names_does_not_tell_them_apart(tmp_path: Path) -> None:
    rows = [{"draw": i, "session": name} for i, name in enumerate([" midday", "midday", " midday"])]
    assert load(write(tmp_path, rows)).session_names == ("midday",)


def test_columns_do_not_apply_and_that_is_noted(tmp_path: Path) -> None:
    assert "columns" in notes(load(write(tmp_path, [1]), ("draw",)))


def test_every_wrong_value_is_told_with_its_path(tmp_path: Path) -> None:
    text = """[1, 1.0, true, "7", null, NaN, 1e999, -2, [3], 99999999999999999999, {"draw": "8"},
      {"date": "2015-02-30", "draw": 1}, {"date": 5, "session": "", "draw": {}},
      {"session": 3, "machine": "\\u0007", "draw": 1}, {"draw": 1, "draw": 2},
      {"draw": true, "date": "2015-W01-1", "session": 99999999999999999999}]"""
    told = problems(write(tmp_path, text))
    assert [problem.split(": ")[0] for problem in told] == [
        "$[1]",
        "$[2]",
        "$[3]",
        "$[4]",
        "$[5]",
        "$[6]",
        "$[8]",
        "$[9]",
        "$[10].draw",
        "$[11].date",
        "$[12].draw",
        "$[12].date",
        "$[12].session",
        "$[13].session",
        "$[13].machine",
        "$[14]",
        "$[15].draw",
        "$[15].date",
        "$[15].session",
        "$[0]",  # the first of the integers among objects
        "$[10], $[13], $[14]",  # without a date, unlike the others
    ]


def test_paths_lead_to_integers_as_to_objects(tmp_path: Path) -> None:
    assert problems(write(tmp_path, [1, "x", -2])) == (
        '$[1]: "x" is not an integer',
        "$[2]: -2 is not in [0, 10)",
    )
    assert problems(write(tmp_path, [{"draw": -2}])) == ("$[0].draw: -2 is not in [0, 10)",)


def test_what_is_wrong_with_a_value_is_shown(tmp_path: Path) -> None:
    told = problems(write(tmp_path, [[], {"draw": "y" * 500}, {"draw": float("nan")}]))
    assert told[0] == "$[0]: a list is not an integer"
    assert told[1].endswith('yyy"… is not an integer')
    assert len(told[1]) < 120
    assert told[2] == "$[2].draw: NaN is not an integer"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", "not a list"),
        ('{"draws": [1]}', "not a list"),
        ("[]", "the list is empty"),
        ("[1, 2", "line 1 column 6"),
        ("[1] 2", "not valid JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('[{"a":' * 100_000, "nested too deeply"),
        ("[" + "9" * 10_000 + "]", "10000 digits"),
    ],
)
def test_what_is_no_list_of_draws_is_one_problem(tmp_path: Path, text: str, expected: str) -> None:
    (problem,) = problems(write(tmp_path, text))
    assert expected in problem


def test_records_that_are_mostly_unreadable_are_one_problem(tmp_path: Path) -> None:
    (problem,) = problems(write(tmp_path, ["x"] * 300 + [1] * 200))
    assert "300 of 500" in problem
    assert "$[0]" in problem


def test_records_that_are_partly_unreadable_are_told_one_by_one(tmp_path: Path) -> None:
    assert len(problems(write(tmp_path, ["x"] * 200 + [1] * 300))) == 200


@pytest.mark.slow
def test_garbage_is_given_up_early_and_problems_are_bounded(tmp_path: Path) -> None:
    (problem,) = problems(write(tmp_path, "[" + "{}," * 50_000 + "{}]"))
    assert "10000 of 10000" in problem
    told = problems(write(tmp_path, [-1] * 12_000))
    assert told[-1] == "… and 2000 more problems"
    assert len(told) == 10_001


@pytest.mark.parametrize("wrap", [lambda balls: balls, lambda balls: {"numbers": balls}])
def test_lists_of_balls_are_named_with_what_to_do(wrap: Any, tmp_path: Path) -> None:
    path = write(tmp_path, [wrap([3, 12, 25, 33, 41, 49]), wrap([45, 7, 8, 22, 30, 1])])
    (told,) = problems(path)
    assert told.startswith("$: 6 numbers a draw without repetition, up to 45 here, look like balls")


def test_lists_beside_a_draw_are_no_balls(tmp_path: Path) -> None:
    rows = [{"draw": 5, "extra": [3, 12, 25]}, {"draw": 6, "extra": [45, 7, 8]}]
    assert load(write(tmp_path, rows)).values.tolist() == [5, 6]
