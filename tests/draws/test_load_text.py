"""Tables and plain lists: what is read, and what is refused where."""

import datetime as dt
from pathlib import Path

import pytest

from seedfleet.draws import DrawsError, History, load

_TEXAS = "Pick 3 Morning,9,9,2013,3,9,8,20\nPick 3 Morning,9,10,2013,7,1,8,16\n"
_TEXAS_COLUMNS = ("game", "month", "day", "year", "digit", "digit", "digit", "sum")


def write(folder: Path, text: str) -> Path:
    path = folder / "draws.json"  # the suffix says nothing
    path.write_text(text, newline="")
    return path


def values(folder: Path, text: str, columns: tuple[str, ...] | None = None) -> list[int]:
    return [int(value) for value in load(write(folder, text), columns).values]


def problems(folder: Path, text: str, columns: tuple[str, ...] | None = None) -> tuple[str, ...]:
    with pytest.raises(DrawsError) as caught:
        load(write(folder, text), columns)
    return caught.value.problems


def notes(history: History) -> str:
    return "\n".join(history.notes)


def test_one_number_per_line(tmp_path: Path) -> None:
    assert values(tmp_path, "12\n007\n\n  3 \n") == [12, 7, 3]


@pytest.mark.parametrize(
    ("text", "skipped"),
    [
        ("# drawn by hand, in May\n12\n#\n7\n", 2),
        ("#generated\n12\n  # it's \"so\n7\n", 2),
        ("# a, b, c, d\nsession,draw\n# evening\nnoon,12\n## end, or so\nnoon,7\n", 3),
    ],
)
def test_comments_are_skipped_and_counted(text: str, skipped: int, tmp_path: Path) -> None:
    history = load(write(tmp_path, text))
    assert history.values.tolist() == [12, 7]
    assert f"Skipped {skipped} comments (lines that begin with #)." in history.notes


def test_what_names_a_column_or_a_row_is_no_comment(tmp_path: Path) -> None:
    text = "#,draw\n1,12\n2,7\n"
    assert values(tmp_path, text) == [12, 7]
    assert values(tmp_path, "game,draw\n#17,12\n#18,7\n#x,8\n") == [12, 7, 8]
    assert problems(tmp_path, "12\n7\n5\n#4\n") == ('line 4: "#4" is not an integer',)
    (line,) = problems(tmp_path, "# 1\n# 2\n")
    assert line.startswith("there are only comments")
    (line,) = problems(tmp_path, "# one\n12\n\nx\n7\n8\n9\n")
    assert line.startswith("line 4:")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system_count_alike(tmp_path: Path, end: str) -> None:
    assert values(tmp_path, f"draw{end}1{end}2{end}") == [1, 2]
    assert problems(tmp_path, f"1{end}{end}x{end}2") == ('line 3: "x" is not an integer',)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_table_with_a_header(tmp_path: Path, delimiter: str) -> None:
    text = "Date,SESSION,Draw,Machine,Jackpot\n2015-01-01,midday,052,A,9\n2015-01-02,,7,,\n"
    history = load(write(tmp_path, text.replace(",", delimiter)))
    assert history.values.tolist() == [52, 7]
    assert history.dates == (dt.date(2015, 1, 1), dt.date(2015, 1, 2))
    assert history.sessions == ("midday", None)
    assert history.machines == ("A", None)
    assert 'Ignored the column "Jackpot".' in history.notes


def test_quoted_cells_may_hold_the_delimiter(tmp_path: Path) -> None:
    history = load(write(tmp_path, 'session,draw\n"Midday, late", 5\n'))
    assert history.sessions == ("Midday, late",)
    assert history.values.tolist() == [5]


def test_space_before_a_quoted_cell_does_not_matter(tmp_path: Path) -> None:
    assert load(write(tmp_path, 'draw,session\n5, "a, b"\n')).sessions == ("a, b",)


def test_foreign_words_are_shown_as_they_are_written(tmp_path: Path) -> None:
    history = load(write(tmp_path, "draw,Größe,a\x07\n5,1,1\n"))
    assert 'Ignored the column "Größe".' in history.notes
    assert 'Ignored the column "a\\u0007".' in history.notes


def test_any_number_of_leading_zeros_is_fine(tmp_path: Path) -> None:
    assert values(tmp_path, "0" * 40 + "7\n" + "0" * 40 + "\n") == [7, 0]


def test_empty_calendar_cells_are_no_date(tmp_path: Path) -> None:
    assert load(write(tmp_path, "year,month,day,draw\n,,,5\n")).dates == (None,)
    (problem,) = problems(tmp_path, "year,month,day,draw\n2015,,1,5\n")
    assert problem.startswith('line 2: "2015-00-01" is not a date')


def test_many_unknown_columns_do_not_flood_the_notes(tmp_path: Path) -> None:
    names = ",".join(f"x{i}" for i in range(30))
    history = load(write(tmp_path, f"draw,{names}\n1{',' * 30}\n"))
    assert "Ignored 10 other columns." in history.notes
    assert len(history.notes) == 23


def test_digits_are_joined_in_order_and_decide_the_modulus(tmp_path: Path) -> None:
    history = load(write(tmp_path, "digit,digit,digit\n0,0,7\n1,2,3\n"))
    assert history.values.tolist() == [7, 123]
    assert (history.modulus, history.modulus_inferred) == (1000, True)
    assert "3 digit columns" in notes(history)


def test_numbered_digits_are_joined_by_their_numbers(tmp_path: Path) -> None:
    assert values(tmp_path, "digit2,digit1\n5,1\n") == [15]


def test_table_without_a_header(tmp_path: Path) -> None:
    history = load(write(tmp_path, _TEXAS), _TEXAS_COLUMNS)
    assert history.values.tolist() == [398, 718]
    assert history.dates == (dt.date(2013, 9, 9), dt.date(2013, 9, 10))
    assert 'Ignored the column "game".' in history.notes


def test_a_header_is_skipped_where_columns_are_named(tmp_path: Path) -> None:
    history = load(write(tmp_path, "When,What\n2015-01-01,5\n"), ("date", "draw"))
    assert history.values.tolist() == [5]
    assert "Skipped line 1" in notes(history)


def test_named_columns_choose_the_delimiter(tmp_path: Path) -> None:
    assert values(tmp_path, "a, b, c;5\n", ("game", "draw")) == [5]


def test_sum_without_digits_is_ignored(tmp_path: Path) -> None:
    assert 'Ignored the column "sum".' in load(write(tmp_path, "draw,sum\n12,9\n")).notes


def test_american_dates_are_read_and_noted(tmp_path: Path) -> None:
    history = load(write(tmp_path, "date,draw\n1/2/2015,5\n2015-01-03,6\n01/04/2015,7\n"))
    assert [str(date) for date in history.dates] == ["2015-01-02", "2015-01-03", "2015-01-04"]
    assert "Read 2 dates as month/day/year." in history.notes


@pytest.mark.parametrize(
    ("text", "option"),
    [
        (_TEXAS, "game,month,day,year,digit,digit,digit,sum"),
        ("2015-01-01,midday,852\n", "date,game,draw"),
        ("1/31/2015;0;5;2\n", "date,digit,digit,digit"),
        ("2015\t1\t31\t852\n", "year,month,day,draw"),
        ("31,1,2015,1,2,3,6", "day,month,year,digit,digit,digit,sum"),
        ("draw,85\n", "game,draw"),
        ("Drawn on,Number\n2015-01-01,85\n", "date,draw"),
    ],
)
def test_missing_header_is_answered_with_the_option_that_helps(
    tmp_path: Path, text: str, option: str
) -> None:
    (problem,) = problems(tmp_path, text)
    assert problem.endswith(f"--columns {option}")
    first_line = text.splitlines()[0].replace("\t", "\\t")
    assert f'line 1: "{first_line}"' in problem
    known = tuple(option.replace("game", "session").split(","))
    assert len(load(write(tmp_path, text), known)) >= 1


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("date,session", "line 1: no column is named draw or digit"),
        ("draw,digit", "line 1: draw and digit say the same"),
        ("draw,draw", "line 1: 'draw' is named more than once"),
        ("draw,year,month", "line 1: year, month and day must be named together"),
        ("draw,date,year,month,day", "line 1: date and year, month, day say the same"),
        ("digit1,digit3", "line 1: digit columns must be all plain or numbered"),
        ("digit,digit1", "line 1: digit columns must be all plain or numbered"),
        (",".join(["digit"] * 10), "line 1: 10 digit columns are more than 9"),
    ],
)
def test_contradicting_columns_are_refused(tmp_path: Path, header: str, expected: str) -> None:
    (problem,) = problems(tmp_path, header + "\n")
    assert problem.startswith(expected)


def test_every_contradiction_of_the_columns_is_told(tmp_path: Path) -> None:
    told = problems(tmp_path, _TEXAS, ("date", "date", "month", "digit", "draw", "x", "y", "z"))
    assert [problem.split(": ")[0] for problem in told] == ["columns"] * 4


def test_number_of_columns_must_fit(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, _TEXAS, ("date", "draw"))
    assert problem.startswith("line 1: 8 cells, but columns names 2")


def test_every_wrong_row_is_told_with_its_line(tmp_path: Path) -> None:
    rows = [
        "2015-01-01,midday,1.5",
        "2015-02-29,midday,1",
        "2/30/2015,midday,x",
        "2015-01-04,mid\x07day,1",
        "2015-01-05,midday",
        "2015-01-06,midday,",
        "2015-01-07,midday,-3",
        "2015-01-08,midday," + "9" * 30,
        ",midday,4",
        "2015-01-10,midday,+4",
        "2015-01-11,midday,٣",
    ]
    told = problems(tmp_path, "date,session,draw\n" + "\n".join(rows))
    assert [problem.split(": ")[0] for problem in told] == [
        "line 2",
        "line 3",
        "line 4",
        "line 4",
        "line 5",
        "line 6",
        "line 7",
        "line 9",
        "line 11",
        "line 12",
        "line 8",
        "line 10",
    ]
    assert "an integer of 30 digits" in told[7]
    assert told[-2:] == (
        "line 8: -3 is not in [0, 10)",
        "line 10: no date, unlike the other 9; give all records a date, or none",
    )


def test_digits_and_their_sum_are_checked(tmp_path: Path) -> None:
    text = "digit,digit,sum\n1,2,3\n1,2,4\n1,10,11\n1,-1,0\n1,,1\n1,2,\n"
    assert problems(tmp_path, text) == (
        'line 3: the digits add up to 3, not to "4"',
        'line 4: "10" is not a digit 0 to 9',
        'line 5: "-1" is not a digit 0 to 9',
        'line 6: "" is not a digit 0 to 9',
        'line 7: the digits add up to 3, not to ""',
    )


def test_two_digit_years_are_refused(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "year,month,day,draw\n13,9,9,1\n")
    assert problem.startswith('line 2: "13-09-09" is not a date')


@pytest.mark.parametrize(
    "text",
    [
        "the quick brown fox\njumps\n",
        "<html>,<b>\n<p>\n",
        "draws\n1\n2\n",
        '"unclosed\n' * 30_000,
        ",,,\n;;\n",
        "1," * 5_000,
        "1 2 3\n4 5 6\n",
        "x" * 200_000,
        "5\n" + "garbage line\n" * 20_000,
    ],
)
def test_what_is_no_list_of_draws_is_one_problem(tmp_path: Path, text: str) -> None:
    (problem,) = problems(tmp_path, text)
    assert "expected a JSON list, a table with a header" in problem
    assert len(problem) < 400


def test_garbage_is_given_up_early(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "5\n" + "garbage line\n" * 20_000)
    assert "9999 of 10000" in problem


def test_a_header_alone_holds_no_draws(tmp_path: Path) -> None:
    assert problems(tmp_path, "date,draw\n\n") == ("there is a header and no record below it",)


def test_no_named_columns_are_the_same_as_none(tmp_path: Path) -> None:
    assert values(tmp_path, "draw\n1\n", ()) == [1]


_BALLS = ("3 12 25 33 41 49", "45 7 8 22 30 1", "9 5 40 14 38 27")


@pytest.mark.parametrize(
    ("header", "date", "delimiter"),
    [
        ("", "", ","),
        ("", "2020-01-01,", ","),
        ("", "2020-01-01,", " "),
        ("", "1,9,2020,", ","),
        ("", "", " "),
        ("date,n1,n2,n3,n4,n5,bonus", "2020-01-01,", ","),
        ("game,n1,n2,n3,n4,n5,bonus", "6/49,", ","),
    ],
)
def test_balls_are_named_with_what_to_do(
    header: str, date: str, delimiter: str, tmp_path: Path
) -> None:
    rows = [date + balls.replace(" ", delimiter) for balls in _BALLS]
    (told,) = problems(tmp_path, "\n".join([header, *rows] if header else rows))
    assert told.startswith(f"line {2 if header else 1}: 6 numbers a draw without repetition, up to")
    assert "up to 45 here, look like balls" in told
    assert "without replacement are no values modulo m" in told
    assert "write that ball less 1, one a line, and give --modulus" in told


@pytest.mark.parametrize(
    "rows",
    [
        "Pick 3,9,9,2013,3,9,8,20\nPick 3,9,10,2013,7,1,8,16",  # digits and their sum
        "2020-01-01,5,12,17\n2020-01-02,8,8,21",  # a number comes twice
        "2020-01-01,512,117,23\n2020-01-02,8,801,21",  # more than balls go up to
        "2020-01-01,3,12,25,33,41,49",  # one row tells nothing
    ],
)
def test_other_tables_are_not_taken_for_balls(rows: str, tmp_path: Path) -> None:
    (told,) = problems(tmp_path, rows)
    assert "balls" not in told
    assert "is no header with a known name" in told


def test_named_columns_of_a_table_of_balls_are_read(tmp_path: Path) -> None:
    rows = "\n".join(balls.replace(" ", ",") for balls in _BALLS)
    assert values(tmp_path, rows, ("draw", *"xxxxx")) == [3, 45, 9]


def test_a_draw_beside_columns_like_balls_is_read(tmp_path: Path) -> None:
    rows = [f"{draw},{balls.replace(' ', ',')}" for draw, balls in enumerate(_BALLS)]
    assert values(tmp_path, "\n".join(["draw,n1,n2,n3,n4,n5,n6", *rows])) == [0, 1, 2]
