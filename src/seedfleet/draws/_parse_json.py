"""Histories in JSON: a list of objects, or a flat list of integers."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from seedfleet.draws._balls import SAMPLED_ROWS, ball_advice
from seedfleet.draws._dates import parse_iso
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
    from collections.abc import Iterator

    from seedfleet.draws._records import Problems

__all__ = ["parse_json"]

_EXPECTED = (
    'expected a JSON list of integers or of objects like {"date": "2015-01-01", '
    '"session": "midday", "draw": 852}'
)
_KNOWN = frozenset({"date", "session", "draw", "machine"})
_MAX_DIGITS = 18  # what surely fits into 64 bits
_MAX_NOTED_KEYS = 20


class _LongInteger(str):
    """An integer of more digits than any draw has; Python limits how many it would convert."""

    __slots__ = ()


class _RepeatedKey(dict[str, Any]):
    """An object that gives one of its keys twice."""


def _integer(text: str) -> int | _LongInteger:
    return int(text) if len(text) <= _MAX_DIGITS else _LongInteger(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    return record if len(record) == len(pairs) else _RepeatedKey(record)


def parse_json(text: str, problems: Problems) -> Records:
    """Read the records of a JSON document.

    Parameters
    ----------
    text
        The document.
    problems
        Receives what is wrong with single records.

    Raises
    ------
    DrawsError
        If the document is not a list at all, or an empty one.
    """
    try:
        document = json.loads(text, parse_int=_integer, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        problems.stop(
            f"line {error.lineno} column {error.colno}: not valid JSON ({error.msg}); {_EXPECTED}"
        )
    except RecursionError:
        problems.stop(f"$: nested too deeply; {_EXPECTED}")
    if not isinstance(document, list):
        problems.stop(f"$: {quoted(document)} is not a list; {_EXPECTED}")
    if not document:
        problems.stop(f"$: the list is empty; {_EXPECTED}")
    kinds = {type(element) for element in document}
    if kinds == {int}:
        return _flat(document)
    advice = ball_advice(_number_lists(document[:SAMPLED_ROWS]))
    if advice is not None:
        problems.stop(f"$: {advice}")
    reader = _ElementReader(problems, objects=any(issubclass(kind, dict) for kind in kinds))
    reader.read_all(document)
    return reader.records


def _number_lists(elements: list[Any]) -> Iterator[list[str]]:
    """Yield the lists of integers among some elements, or in the fields of those without a draw."""
    for element in elements:
        fields = element if isinstance(element, dict) else {"": element}
        for value in fields.values():
            is_list = isinstance(value, list) and {type(number) for number in value} == {int}
            if is_list and type(fields.get("draw")) is not int:
                yield [str(number) for number in value]


def _flat(draws: list[int]) -> Records:
    rows = [Record(draw, None, None, None) for draw in draws]
    return Records("$[{}]", "$[{}]", rows, list(range(len(rows))))


class _ElementReader:
    """Reads a list of which not every element is an integer, and maybe none is an object."""

    def __init__(self, problems: Problems, *, objects: bool) -> None:
        self.records = Records("$[{}]", "$[{}].draw" if objects else "$[{}]")
        self._objects = objects
        self._problems = problems
        self._unreadable = 0
        self._bare_integers: list[int] = []  # where, in a list of objects
        self._unknown_keys: Counter[str] = Counter()
        # What texts mean, once they were found right: most come many times.
        self._dates: dict[str, dt.date] = {}
        self._names: dict[str, str] = {}

    def read_all(self, elements: list[Any]) -> None:
        since = len(self._problems)
        for index, element in enumerate(elements):
            if index == GARBAGE_SAMPLE:
                self._stop_if_garbage(since, total=index)
            if isinstance(element, dict):
                self._read_object(index, element)
            elif type(element) is not int:
                self._unusable(f"$[{index}]", element)
            elif self._objects:
                self._bare_integers.append(index)
            else:
                self.records.append(index, Record(element, None, None, None))
        self._stop_if_garbage(since, total=len(elements))
        if self._bare_integers:
            first = self._bare_integers[0]
            count = len(self._bare_integers)
            self._problems.add(
                f"$[{first}]: an integer among objects ({count} such); "
                "a list holds one or the other"
            )
        self._note_unknown_keys()

    def _stop_if_garbage(self, since: int, *, total: int) -> None:
        self._problems.stop_if_garbage(
            since, unreadable=self._unreadable, total=total, expected=_EXPECTED
        )

    def _read_object(self, index: int, record: dict[str, Any]) -> None:
        if isinstance(record, _RepeatedKey):
            self._problems.add(f"$[{index}]: a key is given twice")
        if not record.keys() <= _KNOWN:
            self._unknown_keys.update(record.keys() - _KNOWN)
        draw = record.get("draw")
        if type(draw) is not int:
            draw = self._unusable(f"$[{index}].draw", draw)
        date, session = self._date(index, record), self._name(index, record, "session")
        machine = self._name(index, record, "machine")
        self.records.append(index, Record(draw, date, session, machine))

    def _unusable(self, place: str, value: object) -> int:
        """Say why a value is no draw."""
        self._unreadable += 1
        if value is None:
            reason = "there is no draw"
        elif isinstance(value, _LongInteger):
            reason = f"an integer of {len(value)} digits is no draw"
        else:
            reason = f"{quoted(value)} is not an integer"
        self._problems.add(f"{place}: {reason}")
        return PLACEHOLDER_DRAW

    def _date(self, index: int, record: dict[str, Any]) -> dt.date | None:
        text = record.get("date")
        if text is None:
            return None
        date = self._dates.get(text) if isinstance(text, str) else None
        if date is None:
            date = parse_iso(text) if isinstance(text, str) else None
            if date is None:
                self._problems.add(
                    f"$[{index}].date: {quoted(text)} is not a date written YYYY-MM-DD"
                )
                return dt.date.min
            self._dates[text] = date
        return date

    def _name(self, index: int, record: dict[str, Any], key: str) -> str | None:
        name = record.get(key)
        if name is None:
            return None
        if type(name) is str and name in self._names:
            return self._names[name]
        if not isinstance(name, str) or isinstance(name, _LongInteger):
            self._problems.add(f"$[{index}].{key}: {quoted(name)} is not a string")
            return None
        stripped = name.strip()
        problem = name_problem(stripped)
        if problem:
            self._problems.add(f"$[{index}].{key}: {problem}")
        else:
            self._names[name] = stripped
        return stripped

    def _note_unknown_keys(self) -> None:
        total = counted(len(self.records.rows), "record")
        for key, count in self._unknown_keys.most_common(_MAX_NOTED_KEYS):
            self.records.notes.append(f"Ignored the key {quoted(key)} (in {count} of {total}).")
        more = len(self._unknown_keys) - _MAX_NOTED_KEYS
        if more > 0:
            self.records.notes.append(f"Ignored {more} other keys.")
