"""What the parsers hand on: records with their places, and the problems met on the way."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from seedfleet.draws.history import DrawsError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

__all__ = [
    "GARBAGE_SAMPLE",
    "PLACEHOLDER_DRAW",
    "Problems",
    "Record",
    "Records",
    "counted",
    "name_problem",
    "quoted",
]

_MAX_PROBLEMS = 10_000  # beyond it they are counted: memory stays bounded whatever the file
_MAX_QUOTED = 60  # characters of a foreign text that a message repeats
_MAX_PLACES = 20  # places that one note lists
_MIN_GARBAGE = 100  # unreadable records from which on one problem speaks for all of them

# After so many records a parser looks whether they make sense before it reads the rest.
GARBAGE_SAMPLE = 10_000

# Stands in the records for what a problem was reported about. Loading fails at its end, and until
# then the record's other fields can be checked too.
PLACEHOLDER_DRAW = 0


class Record(NamedTuple):
    """One draw as the file tells it."""

    draw: int
    date: dt.date | None
    session: str | None
    machine: str | None


@dataclass(frozen=True)
class Records:
    """Records in the order of the file, with the numbers that name their places."""

    place: str  # how a record is named: "$[{}]" with its index or "line {}" with its line
    draw_place: str  # the same for its draw
    rows: list[Record] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    digit_count: int | None = None  # how many columns of single digits make a draw, if they do
    notes: list[str] = field(default_factory=list)

    def append(self, number: int, record: Record) -> None:
        self.numbers.append(number)
        self.rows.append(record)

    def places(self, indices: Sequence[int]) -> str:
        """Name the records with these indices; of many, the first ones and how many more."""
        names = [self.place.format(self.numbers[i]) for i in indices[:_MAX_PLACES]]
        more = len(indices) - len(names)
        return ", ".join(names) + (f" and {more} more" if more else "")


class Problems:
    """Collects what is wrong with one file, so that everything is told at once."""

    def __init__(self, summary: str) -> None:
        self._summary = summary
        self._listed: list[str] = []
        self._unlisted = 0

    def __len__(self) -> int:
        return len(self._listed) + self._unlisted

    def add(self, problem: str) -> None:
        if len(self._listed) < _MAX_PROBLEMS:
            self._listed.append(problem)
        else:
            self._unlisted += 1

    def add_all(self, problems: Iterable[str], *, count: int) -> None:
        """Add `count` problems of one kind; those beyond the limit are never put into words."""
        listed = min(count, _MAX_PROBLEMS - len(self._listed))
        self._listed += islice(problems, listed)
        self._unlisted += count - listed

    def stop_if_garbage(self, since: int, *, unreadable: int, total: int, expected: str) -> None:
        """Where most records are unreadable, stop with one problem in place of one for each.

        Parameters
        ----------
        since
            How many problems there were before the records were read.
        unreadable, total
            Records without a draw that could be used, and all that were read so far.
        expected
            What the file should have been.
        """
        if unreadable > _MIN_GARBAGE and 2 * unreadable > total:
            first = self._listed[since]
            del self._listed[since:]
            self._unlisted = 0
            self.stop(f"{expected}; {unreadable} of {total} records are not like that: {first}, …")

    def stop(self, problem: str) -> NoReturn:
        """Give up: after this problem nothing more can be said about the file."""
        self.add(problem)
        raise self._error()

    def raise_if_any(self) -> None:
        if self._listed:
            raise self._error()

    def _error(self) -> DrawsError:
        more = (f"… and {self._unlisted} more problems",) if self._unlisted else ()
        return DrawsError(self._summary, (*self._listed, *more))


def counted(count: int, noun: str) -> str:
    """Put a number before a noun, in the plural where it needs one."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def quoted(value: object) -> str:
    """Show a foreign value in a message: short, printable, on one line."""
    match value:
        case dict():
            return "an object"
        case list():
            return "a list"
        case str():
            text = value[:_MAX_QUOTED]
            more = "…" if len(value) > _MAX_QUOTED else ""
            return json.dumps(text, ensure_ascii=not text.isprintable()) + more
        case _:
            return json.dumps(value)


def name_problem(name: str) -> str | None:
    """Say what is wrong with the name of a session or machine, if anything is."""
    if not name or not name.isprintable():
        return f"{quoted(name)} is not a name of printable characters"
    return None
