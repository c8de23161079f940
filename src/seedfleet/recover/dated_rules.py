"""Rules that give every date its seeds: a table, or a formula over the parts of the date."""

from __future__ import annotations

import ast
import csv
import datetime as dt
import json
import operator
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from seedfleet.evidence.start_prior import formula_odds, table_odds
from seedfleet.recover.options import OptionsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["DatedRule", "SeedFormula", "SeedTable", "parse_formula", "parse_rule", "parse_table"]

_MAX_FORMULA = 200  # characters
_MAX_RANGE = 2**24  # seeds of one date
_LAST_SEED = 2**64 - 1
_OPEN_RANGE = re.compile(r"\s*\+\s*(\d+)\s*\.\.\s*(\d+)\s*$")
_SYMBOL = re.compile(r"[a-z]+|\d|//|\.\.|\S")
_PARTS: dict[str, Callable[[dt.date], int]] = {
    "year": lambda date: date.year,
    "month": lambda date: date.month,
    "day": lambda date: date.day,
    "ordinal": dt.date.toordinal,
    "yday": lambda date: date.timetuple().tm_yday,
    "weekday": dt.date.weekday,
    "unix": lambda date: (date - dt.date(1970, 1, 1)).days * 86_400,
}
_OPERATORS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


class DatedRule(Protocol):
    """Which seeds a date may have."""

    @property
    def text(self) -> str:
        """The rule, as answers print it."""

    @property
    def odds(self) -> int:
        """One over its prior weight among all starts."""

    def seeds_of(self, date: dt.date) -> tuple[range, ...]:
        """Return the date's seeds, within ``[0, 2**64)``; none where the rule says nothing."""


@dataclass(frozen=True)
class SeedTable:
    """Seeds listed by date.

    What it says is not paid for, so its evidence holds only where the table was made without a
    look at the draws.
    """

    text: str
    rows: Mapping[dt.date, tuple[range, ...]]

    @property
    def odds(self) -> int:
        """One over the prior weight of a table."""
        return table_odds()

    def seeds_of(self, date: dt.date) -> tuple[range, ...]:
        """Return what is listed."""
        return self.rows.get(date, ())


@dataclass(frozen=True)
class SeedFormula:
    """A formula, and how far beyond its value the seeds of a date reach.

    Attributes
    ----------
    text
        As it was written.
    tree
        The formula.
    beyond
        What is added to its value: ``range(1)`` where that is the one seed.
    """

    text: str
    tree: ast.expr
    beyond: range

    @cached_property
    def odds(self) -> int:
        """One over the prior weight of a formula of this length."""
        return formula_odds(len(_SYMBOL.findall(self.text)))

    def seeds_of(self, date: dt.date) -> tuple[range, ...]:
        """Return the seeds of a date; none where they would lie outside ``[0, 2**64)``."""
        try:
            value = _value(self.tree, date)
        except ZeroDivisionError:
            return ()
        first, last = value + self.beyond[0], value + self.beyond[-1]
        return (range(first, last + 1),) if 0 <= first <= last <= _LAST_SEED else ()


def parse_rule(text: str, table: str | None) -> SeedFormula | SeedTable:
    """Read a formula, or the content of the table of that name.

    Raises
    ------
    OptionsError
        With everything that is wrong.
    """
    return parse_formula(text) if table is None else parse_table(text, table)


def parse_formula(text: str) -> SeedFormula:
    """Read a formula such as ``year*10000+month*100+day`` or ``unix+0..86399``.

    Whole numbers, ``year``, ``month``, ``day``, ``ordinal`` (days since 0001-01-01, which is 1),
    ``yday`` (1..366), ``weekday`` (Monday is 0) and ``unix`` (seconds at midnight UTC), with
    ``+ - * // %`` and parentheses; at the end ``+A..B`` for a range of seeds.

    Raises
    ------
    OptionsError
        It is something else.
    """
    beyond, body = range(1), text
    end = _OPEN_RANGE.search(text)
    problems = []
    if end is not None:
        beyond, body = range(int(end[1]), int(end[2]) + 1), text[: end.start()]
        if not 1 <= len(beyond) <= _MAX_RANGE:
            problems.append(f"{text}: {end[1]}..{end[2]} is no range of at most {_MAX_RANGE} seeds")
    if len(text) > _MAX_FORMULA:
        raise OptionsError([f"a formula has at most {_MAX_FORMULA} characters"])
    try:
        tree = ast.parse(body.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError):
        raise OptionsError([*problems, f"{text}: no formula can be read in this"]) from None
    problems += [f"{text}: {each}" for each in _refused(tree)]
    if problems:
        raise OptionsError(list(dict.fromkeys(problems)))
    return SeedFormula(text, tree, beyond)


def _refused(tree: ast.expr) -> list[str]:
    """Say what of a formula is not among the few things that one may hold."""
    match tree:
        case ast.Name(name):
            known = ", ".join(_PARTS)
            return [] if name in _PARTS else [f"{name} is none of {known}"]
        case ast.Constant(int() as value) if not isinstance(value, bool):
            return []
        case ast.UnaryOp(ast.USub(), operand):
            return _refused(operand)
        case ast.BinOp(left, act, right) if type(act) in _OPERATORS:
            return _refused(left) + _refused(right)
        case _:
            return [f"{ast.unparse(tree)} is no sum, difference, product, // or % of whole numbers"]


def _value(tree: ast.expr, date: dt.date) -> int:
    """Evaluate a formula that nothing in was refused."""
    match tree:
        case ast.Name(name):
            return _PARTS[name](date)
        case ast.UnaryOp(_, operand):
            return -_value(operand, date)
        case ast.BinOp(left, act, right):
            return _OPERATORS[type(act)](_value(left, date), _value(right, date))
        case ast.Constant(int() as value):
            return value
        case _:
            raise TypeError(f"{ast.dump(tree)} is no part of a formula")


def parse_table(text: str, name: str) -> SeedTable:
    """Read a table of seeds by date, from CSV or JSON.

    CSV: ``date,seed[,seed...]``, with or without a line of headings. JSON: an object
    ``{"2015-01-01": 5, "2015-01-02": [7, "9..12"]}``. A seed is a whole number or a range ``A..B``.

    Parameters
    ----------
    text
        The file's content.
    name
        What to call it in answers and problems.

    Raises
    ------
    OptionsError
        With everything that is wrong.
    """
    problems: list[str] = []
    rows: dict[dt.date, tuple[range, ...]] = {}
    for place, date, cells in _records(text, name, problems):
        try:
            seeds = tuple(_seed_range(cell) for cell in cells)
            day = dt.date.fromisoformat(date)
        except ValueError as error:
            problems.append(f"{place}: {error}")
            continue
        if not seeds or day in rows:
            problems.append(f"{place}: {'no seed' if not seeds else f'{date} has come before'}")
        rows[day] = seeds
    if not rows and not problems:
        problems.append(f"{name}: it lists no date")
    if problems:
        raise OptionsError(problems)
    return SeedTable(name, rows)


def _records(text: str, name: str, problems: list[str]) -> list[tuple[str, str, list[Any]]]:
    """Return place, date and seeds of each record of a table."""
    if not text.lstrip().startswith(("{", "[")):
        lines = [row for row in csv.reader(text.splitlines()) if any(map(str.strip, row))]
        if lines and lines[0][0].strip().lower() == "date":
            del lines[0]
        cells = [[cell.strip() for cell in row if cell.strip()] for row in lines]
        return [(f"{name}: {row[0]}", row[0], list(row[1:])) for row in cells]
    try:
        loaded = json.loads(text)
    except ValueError as error:
        problems.append(f"{name}: {error}")
        return []
    if not isinstance(loaded, dict):
        problems.append(f"{name}: the JSON of a table is one object, with dates for names")
        return []
    return [
        (f"{name}: {date}", date, seeds if isinstance(seeds, list) else [seeds])
        for date, seeds in loaded.items()
    ]


def _seed_range(cell: Any) -> range:
    """Read a seed or a range of them.

    Raises
    ------
    ValueError
        It is neither.
    """
    found = re.fullmatch(r"(\d+)(?:\.\.(\d+))?", str(cell))
    if isinstance(cell, bool) or found is None:
        raise ValueError(f"{cell!r} is no seed and no range A..B")
    first, last = int(found[1]), int(found[2] or found[1])
    if not (first <= last <= _LAST_SEED and last - first < _MAX_RANGE):
        raise ValueError(f"{cell} is not within 0..2**64 - 1, or has more than {_MAX_RANGE} seeds")
    return range(first, last + 1)
