"""What the columns of a table mean: their names, read or guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedfleet.draws._dates import parse_iso, parse_month_first
from seedfleet.draws._records import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedfleet.draws._records import Problems

__all__ = [
    "Layout",
    "guess_columns",
    "is_header",
    "looks_like_data",
    "names_a_draw",
    "parse_layout",
]

_SINGLE = ("date", "year", "month", "day", "session", "machine", "draw", "sum")
_DIGIT = re.compile(r"digit([1-9][0-9]?)?")
_MAX_DIGIT_COLUMNS = 9  # 10**9 is the largest power of ten that a modulus can be


@dataclass(frozen=True)
class Layout:
    """Where a row holds what, as indices of cells; None where it does not."""

    width: int
    date: int | None = None
    year_month_day: tuple[int, int, int] | None = None
    session: int | None = None
    machine: int | None = None
    draw: int | None = None
    digits: tuple[int, ...] = ()
    total: int | None = None  # the sum of the digits
    ignored: tuple[str, ...] = ()


def is_header(cells: Sequence[str]) -> bool:
    """Whether a first row holds names: one that is known, and nothing that could be a record."""
    return any(_is_known(cell) for cell in cells) and not looks_like_data(cells)


def names_a_draw(cells: Sequence[str]) -> bool:
    """Whether a header says where the draw is, or its digits."""
    return any(name == "draw" or _DIGIT.fullmatch(name) for name in map(str.casefold, cells))


def looks_like_data(cells: Sequence[str]) -> bool:
    """Whether any cell is an integer or a date, as in a record and never in a header."""
    return any(_is_integer(cell) or _is_date(cell) for cell in cells)


def _is_known(name: str) -> bool:
    return name.casefold() in _SINGLE or _DIGIT.fullmatch(name.casefold()) is not None


def _is_integer(cell: str) -> bool:
    return re.fullmatch(r"[+-]?[0-9]+", cell) is not None


def _is_date(cell: str) -> bool:
    return (parse_iso(cell) or parse_month_first(cell)) is not None


def parse_layout(names: Sequence[str], place: str, problems: Problems) -> Layout:
    """Find out what the columns with these names mean.

    Parameters
    ----------
    names
        One for each column; case and surrounding space do not matter.
    place
        What to put before a problem: `line 1` or `columns`.
    problems
        Receives what is wrong with single names.

    Raises
    ------
    DrawsError
        If the names do not say where the draw is, or say it twice.
    """
    folded = [name.strip().casefold() for name in names]
    found = {name: folded.index(name) for name in _SINGLE if name in folded}
    wrong = [f"{name!r} is named more than once" for name in found if folded.count(name) > 1]
    digits = _digit_columns(folded, wrong)
    calendar = [found[name] for name in ("year", "month", "day") if name in found]
    if calendar and len(calendar) < 3:
        wrong.append("year, month and day must be named together")
    if calendar and "date" in found:
        wrong.append("date and year, month, day say the same; name one of them")
    if digits and "draw" in found:
        wrong.append("draw and digit say the same; name one of them")
    if not digits and "draw" not in found:
        wrong.append(f"no column is named draw or digit; there are {_listed(names)}")
    for reason in wrong[:-1]:
        problems.add(f"{place}: {reason}")
    if wrong:
        problems.stop(f"{place}: {wrong[-1]}")
    ignored = [name for name in names if not _is_known(name.strip())]
    if "sum" in found and not digits:
        ignored.append("sum")
    return Layout(
        width=len(names),
        date=found.get("date"),
        year_month_day=(calendar[0], calendar[1], calendar[2]) if calendar else None,
        session=found.get("session"),
        machine=found.get("machine"),
        draw=found.get("draw"),
        digits=digits,
        total=found.get("sum") if digits else None,
        ignored=tuple(dict.fromkeys(ignored)),
    )


def _digit_columns(folded: Sequence[str], wrong: list[str]) -> tuple[int, ...]:
    """Return the digit columns, most significant first: in their order, or by their numbers."""
    matches = [(index, _DIGIT.fullmatch(name)) for index, name in enumerate(folded)]
    numbered = [(match[1], index) for index, match in matches if match]
    if len(numbered) > _MAX_DIGIT_COLUMNS:
        wrong.append(f"{len(numbered)} digit columns are more than {_MAX_DIGIT_COLUMNS}")
    if all(number is None for number, _ in numbered):
        return tuple(index for _, index in numbered)
    by_number = sorted((int(number or 0), index) for number, index in numbered)
    if [number for number, _ in by_number] != list(range(1, len(by_number) + 1)):
        wrong.append("digit columns must be all plain or numbered digit1, digit2, … without gaps")
    return tuple(index for _, index in by_number)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(quoted(name) for name in names)


def guess_columns(cells: Sequence[str]) -> str:
    """Return the value for `--columns` that most likely fits a row, for a person to correct."""
    names = ["game"] * len(cells)
    for index, cell in enumerate(cells):
        if _is_date(cell):
            names[index] = "date"
    first = _guess_calendar(cells, names)
    rest = [i for i in range(first, len(cells)) if names[i] == "game" and _is_integer(cells[i])]
    digits = [i for i in rest if len(cells[i]) == 1]
    if len(digits) < 2 and rest:
        names[rest[0]] = "draw"
        return ",".join(names)
    for index in digits:
        names[index] = "digit"
    total = str(sum(int(cells[i]) for i in digits))
    for index in rest:
        if index not in digits and cells[index] == total:
            names[index] = "sum"
    # A sum below ten looks like one digit more.
    if len(digits) > 2 and 2 * int(cells[digits[-1]]) == int(total) != 0:
        names[digits[-1]] = "sum"
    return ",".join(names)


def _guess_calendar(cells: Sequence[str], names: list[str]) -> int:
    """Name three neighbouring cells that could be a calendar day; return where the rest begins."""
    for i in range(len(cells) - 2):
        for order in (("month", "day", "year"), ("year", "month", "day"), ("day", "month", "year")):
            parts = dict(zip(order, cells[i : i + 3], strict=True))
            iso = f"{parts['year']}-{parts['month']:0>2}-{parts['day']:0>2}"
            if "date" not in names and parse_iso(iso):
                names[i : i + 3] = order
                return i + 3
    return 0
