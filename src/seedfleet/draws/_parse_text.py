"""Histories in text: one number per line, or a table with or without a header."""

from __future__ import annotations

import csv
import datetime as dt
import io
from itertools import chain, islice
from typing import TYPE_CHECKING, NoReturn

from seedfleet.draws._balls import SAMPLED_ROWS, ball_advice
from seedfleet.draws._columns import (
    Layout,
    guess_columns,
    is_header,
    looks_like_data,
    names_a_draw,
    parse_layout,
)
from seedfleet.draws._dates import parse_iso, parse_month_first
from seedfleet.draws._records import (
    GARBAGE_SAMPLE,
    PLACEHOLDER_DRAW,
    Record,
    Records,
    counted,
    name_problem,
    quoted,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from seedfleet.draws._records import Problems

__all__ = ["parse_text"]

_EXPECTED = (
    "expected a JSON list, a table with a header such as date,session,draw, "
    "or one non-negative integer per line"
)
_DELIMITERS = ",;\t"
_MAX_COLUMNS = 64
_MAX_DIGITS = 18  # what surely fits into 64 bits
_MAX_NOTED_COLUMNS = 20

_Row = tuple[int, list[str]]  # the number of a line and its cells


def parse_text(text: str, columns: Sequence[str] | None, problems: Problems) -> Records:
    """Read the records of a text.

    Parameters
    ----------
    text
        The text, which is not only white space.
    columns
        Names of the columns of a table without a header.
    problems
        Receives what is wrong with single records.

    Raises
    ------
    DrawsError
        If the text as a whole cannot be understood, or holds no record.
    """
    text, comments = _without_comments(text)
    delimiter = _delimiter(text, columns)
    rows = _rows(text, delimiter, problems)
    first = next(rows, None)
    if first is None:
        problems.stop(f"there are only {'comments' if comments else 'empty cells'}; {_EXPECTED}")
    number, cells = first
    notes = (
        [f"Skipped {counted(comments, 'comment')} (lines that begin with #)."] if comments else []
    )
    if columns:
        layout = _named_layout(columns, first, problems)
        has_header = not looks_like_data(cells)
        if has_header:
            notes.append(f"Skipped line {number}, which holds names only: the columns were given.")
    elif is_header(cells):
        if not names_a_draw(cells):
            rows = _unless_balls(rows, problems)
        layout, has_header = parse_layout(cells, f"line {number}", problems), True
    elif len(cells) == 1 and looks_like_data(cells):
        layout, has_header = Layout(width=1, draw=0), False
    else:
        _refuse(first, rows, delimiter, problems)
    notes += _ignored_columns(layout)
    reader = _RowReader(layout, notes, problems)
    reader.read_all(rows if has_header else chain([first], rows))
    return reader.records


def _named_layout(columns: Sequence[str], first: _Row, problems: Problems) -> Layout:
    layout = parse_layout(columns, "columns", problems)
    number, cells = first
    if len(cells) != layout.width:
        problems.stop(
            f"line {number}: {len(cells)} cells, but columns names {layout.width}; "
            f"it begins {quoted(cells[0])}"
        )
    return layout


def _ignored_columns(layout: Layout) -> list[str]:
    names = layout.ignored
    notes = [f"Ignored the column {quoted(name)}." for name in names[:_MAX_NOTED_COLUMNS]]
    more = len(names) - len(notes)
    return [*notes, f"Ignored {more} other columns."] if more else notes


def _without_comments(text: str) -> tuple[str, int]:
    """Return the text with blank lines in place of comments, and how many these are."""
    if "#" not in text:
        return text, 0
    lines = io.StringIO(text, newline=None).readlines()
    comments = [number for number, line in enumerate(lines) if _is_comment(line)]
    for number in comments:
        lines[number] = "\n"
    return "".join(lines), len(comments)


def _is_comment(line: str) -> bool:
    """Tell whether a line begins with # and no cell does: neither a name nor a number of one."""
    line = line.strip()
    if not line.startswith("#") or line[1:].lstrip(" ")[:1] in set(_DELIMITERS):
        return False
    is_one_cell = not any(delimiter in line for delimiter in _DELIMITERS)
    return line[1:2] in {"", " ", "#"} or (is_one_cell and not line[1:2].isdigit())


def _delimiter(text: str, columns: Sequence[str] | None) -> str:
    """Choose the delimiter that splits the first line into the named columns, or into the most."""
    lines = io.StringIO(text, newline=None)
    line = next((line for line in lines if not line.isspace()), "")
    counts = {delimiter: line.count(delimiter) for delimiter in _DELIMITERS}
    if columns:
        for delimiter, count in counts.items():
            if count + 1 == len(columns):
                return delimiter
    return max(counts, key=counts.__getitem__)


def _rows(text: str, delimiter: str, problems: Problems) -> Iterator[_Row]:
    """Yield the rows that are not blank, with the numbers of their (last) lines."""
    # Whole-text splitting would hold a second copy of a large file.
    reader = csv.reader(io.StringIO(text, newline=None), delimiter=delimiter, skipinitialspace=True)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield reader.line_num, cells
    except csv.Error as error:
        problems.stop(f"line {reader.line_num}: {error}; {_EXPECTED}")


def _refuse(first: _Row, rest: Iterator[_Row], delimiter: str, problems: Problems) -> NoReturn:
    """Say why a text without a known header is not understood, and what would help."""
    number, cells = first
    line = quoted(delimiter.join(cells))
    is_data = looks_like_data(" ".join(cells).split())
    rest = _unless_balls(chain([first] if is_data else [], rest), problems)
    _, sample = next(rest, first)
    if not 1 < len(cells) == len(sample) <= _MAX_COLUMNS or not looks_like_data(sample):
        problems.stop(f"line {number}: {_EXPECTED}, not {line}")
    problems.stop(
        f"line {number}: {line} is no header with a known name (date, year, month, day, session, "
        f"machine, draw, digit, sum); name its {len(cells)} columns, for example with "
        f"--columns {guess_columns(sample)}"
    )


def _unless_balls(rows: Iterator[_Row], problems: Problems) -> Iterator[_Row]:
    """Return the rows, or stop with advice where they look like lottery balls."""
    sample = list(islice(rows, SAMPLED_ROWS))
    advice = ball_advice(cells for _, cells in sample)
    if advice is not None:
        problems.stop(f"line {sample[0][0]}: {advice}")
    return chain(sample, rows)


class _RowReader:
    """Reads the rows of a table whose layout is known."""

    def __init__(self, layout: Layout, notes: list[str], problems: Problems) -> None:
        self.records = Records(
            "line {}", "line {}", digit_count=len(layout.digits) or None, notes=notes
        )
        self._layout = layout
        self._problems = problems
        self._total = 0
        self._unreadable = 0
        self._month_first = 0
        self._dates: dict[str, dt.date] = {}  # by its text: most dates come several times

    def read_all(self, rows: Iterable[_Row]) -> None:
        since = len(self._problems)
        for number, cells in rows:
            if self._total == GARBAGE_SAMPLE:
                self._stop_if_garbage(since)
            self._total += 1
            self._read(number, cells)
        self._stop_if_garbage(since)
        if not self._total:
            self._problems.stop("there is a header and no record below it")
        if self._month_first:
            self.records.notes.append(
                f"Read {counted(self._month_first, 'date')} as month/day/year."
            )

    def _stop_if_garbage(self, since: int) -> None:
        self._problems.stop_if_garbage(
            since,
            unreadable=self._unreadable,
            total=self._total,
            expected=_EXPECTED,
        )

    def _read(self, number: int, cells: list[str]) -> None:
        layout = self._layout
        if len(cells) != layout.width:
            reason = f"{len(cells)} cells in place of {layout.width}, from {quoted(cells[0])} on"
            self._unusable(number, reason)
            return
        draw = self._draw(number, cells)
        date = self._date(number, cells)
        session = self._name(number, cells, layout.session)
        machine = self._name(number, cells, layout.machine)
        self.records.append(number, Record(draw, date, session, machine))

    def _unusable(self, number: int, reason: str) -> int:
        self._unreadable += 1
        self._problems.add(f"line {number}: {reason}")
        return PLACEHOLDER_DRAW

    def _draw(self, number: int, cells: list[str]) -> int:
        layout = self._layout
        if layout.draw is not None:
            cell = cells[layout.draw]
            value = _integer(cell)
            return self._unusable(number, _not_an_integer(cell)) if value is None else value
        digits = [_integer(cells[index]) for index in layout.digits]
        draw = 0
        for digit, index in zip(digits, layout.digits, strict=True):
            if digit is None or not 0 <= digit <= 9:
                return self._unusable(number, f"{quoted(cells[index])} is not a digit 0 to 9")
            draw = 10 * draw + digit
        if layout.total is not None:
            total = sum(digit for digit in digits if digit is not None)
            if _integer(cells[layout.total]) != total:
                said = quoted(cells[layout.total])
                self._problems.add(f"line {number}: the digits add up to {total}, not to {said}")
        return draw

    def _date(self, number: int, cells: list[str]) -> dt.date | None:
        layout = self._layout
        if layout.date is not None:
            text, month_first = cells[layout.date], "/" in cells[layout.date]
        elif layout.year_month_day is not None:
            year, month, day = (cells[index] for index in layout.year_month_day)
            text, month_first = f"{year}-{month:0>2}-{day:0>2}", False
            if text == "-00-00":
                text = ""
        else:
            return None
        if not text:
            return None
        date = self._dates.get(text)
        if date is None:
            date = parse_month_first(text) if month_first else parse_iso(text)
            if date is None:
                self._problems.add(
                    f"line {number}: {quoted(text)} is not a date (YYYY-MM-DD or M/D/YYYY)"
                )
                return dt.date.min
            self._dates[text] = date
        self._month_first += month_first
        return date

    def _name(self, number: int, cells: list[str], index: int | None) -> str | None:
        name = "" if index is None else cells[index]
        problem = name_problem(name) if name else None
        if problem:
            self._problems.add(f"line {number}: {problem}")
        return name or None


def _integer(cell: str) -> int | None:
    if cell.isascii() and cell.isdigit() and len(cell) <= _MAX_DIGITS:
        return int(cell)
    sign, digits = (-1, cell[1:]) if cell.startswith("-") else (1, cell)
    digits = digits.lstrip("0") or digits[-1:]
    if digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS:
        return sign * int(digits)
    return None


def _not_an_integer(cell: str) -> str:
    if not cell:
        return "there is no draw"
    if cell.isascii() and cell.isdigit():
        return f"an integer of {len(cell)} digits is no draw"
    return f"{quoted(cell)} is not an integer"
