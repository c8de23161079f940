"""Constraints as data: fragments of JSON Schema, and what they find wrong, in words.

A key is declared once, as a fragment. The published schemas are made of the fragments, and so are
the checks here, which understand the few words of JSON Schema that are used. `description` says in
words what `pattern` says in signs: it completes the sentence "this must be ...".
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Check", "Fragment", "KeyTable", "kind"]

Fragment = Mapping[str, Any]
_Test = Callable[[Any], object]
_Rule = tuple[_Test, Callable[[Any], str]]  # what holds, and words if it does not

_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "array": (list,),
    "object": (dict,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
_MOST_SHOWN: Final = 80


class Check:
    """One fragment, ready to be applied to many values.

    Parameters
    ----------
    fragment
        A JSON Schema with a `type` and any of `minLength`, `enum`, `pattern` (with
        `description`), `items`, `minItems`, `maxItems`, `minimum`, `exclusiveMinimum`, `maximum`,
        `propertyNames`, `additionalProperties`.
    """

    __slots__ = ("_items", "_names", "_rules", "_types", "_values", "_wanted", "holds")

    def __init__(self, fragment: Fragment) -> None:
        wanted = fragment["type"]
        self._wanted: list[str] = [wanted] if isinstance(wanted, str) else wanted
        self._types = frozenset(each for word in self._wanted for each in _TYPES[word])
        self._rules = tuple(_rules(fragment))
        self._items, self._names, self._values = (
            Check(fragment[word]) if word in fragment else None
            for word in ("items", "propertyNames", "additionalProperties")
        )
        # Tells whether a value keeps to the fragment; this is what nearly all values are asked.
        self.holds = _all_of(self._has_type, self._types, tuple(self._all_tests()))

    def _all_tests(self) -> Iterator[_Test]:
        yield from (rule for rule, _ in self._rules)
        if self._items is not None:
            item_holds = self._items.holds
            yield lambda value: all(map(item_holds, value))
        if self._names is not None:
            name_holds = self._names.holds
            yield lambda value: all(map(name_holds, value))
        if self._values is not None:
            value_holds = self._values.holds
            yield lambda value: all(map(value_holds, value.values()))

    def problems(self, value: Any, where: str) -> Iterator[str]:
        """List what is wrong with a value, each problem with its `$.path`."""
        if not self._has_type(value):
            yield f"{where}: {_shown(value)} is no {' or '.join(self._wanted)}"
            return
        for rule, words in self._rules:
            if not rule(value):
                yield f"{where}: {words(value)}"
        if self._items is not None:
            for number, item in enumerate(value):
                yield from self._items.problems(item, f"{where}[{number}]")
        if self._names is not None:
            for name in value:
                yield from self._names.problems(name, f"{where} (a name)")
        if self._values is not None:
            for name, item in value.items():
                yield from self._values.problems(item, f"{where}.{name}")

    def _has_type(self, value: object) -> bool:
        return type(value) in self._types or (
            not isinstance(value, bool) and isinstance(value, tuple(self._types))
        )


class KeyTable:
    """The keys that an object may have.

    Parameters
    ----------
    fragments
        The known keys.
    required
        Those that must be there.
    ignored
        More keys that may be there and hold anything.
    closed
        True: every other key is a problem. False: other keys belong to somebody else.
    """

    def __init__(
        self,
        fragments: Mapping[str, Fragment],
        required: Sequence[str],
        *,
        ignored: Sequence[str] = (),
        closed: bool = True,
    ) -> None:
        self._checks = {name: Check(fragment) for name, fragment in fragments.items()}
        self._required = required
        self._ignored = frozenset(ignored)
        self._closed = closed
        self._holds: dict[str, _Test] = dict.fromkeys(ignored, _anything)
        self._holds |= {name: check.holds for name, check in self._checks.items()}

    def holds(self, entry: Mapping[str, Any]) -> bool:
        """Tell whether nothing is wrong with an object's keys."""
        for name in self._required:
            if name not in entry:
                return False
        holds, closed = self._holds, self._closed
        for name, value in entry.items():
            if name in holds:
                if not holds[name](value):
                    return False
            elif closed:
                return False
        return True

    def problems(self, entry: Mapping[str, Any], where: str) -> Iterator[str]:
        """List what is wrong with an object's keys, each problem with its `$.path`."""
        for name in self._required:
            if name not in entry:
                yield f"{where}: {name} is missing"
        for name, value in entry.items():
            if name in self._checks:
                yield from self._checks[name].problems(value, f"{where}.{name}")
            elif self._closed and name not in self._ignored:
                yield f"{where}: unknown key {_shown(name)}; valid are {', '.join(self._checks)}"

    def keeps(self, name: str, entry: Mapping[str, Any]) -> bool:
        """Tell whether an object has a key, and nothing is wrong with what it holds."""
        return name in entry and bool(self._checks[name].holds(entry[name]))

    def sound_keys(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """Return the known keys without those at fault."""
        return {
            name: value
            for name, value in entry.items()
            if name in self._checks and self._checks[name].holds(value)
        }

    def sound_part(self, entry: Mapping[str, Any]) -> dict[str, Any] | None:
        """Do as `sound_keys`, but return None where a required key is not among them."""
        sound = self.sound_keys(entry)
        return sound if all(name in sound for name in self._required) else None


def kind(value: object) -> str:
    """Name what a JSON value is: "an object", "null"."""
    names: dict[type, str] = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    return "null" if value is None else names.get(type(value), "a number")


def _all_of(
    has_type: Callable[[object], bool], types: frozenset[type], tests: tuple[_Test, ...]
) -> Callable[[Any], object]:
    """Join tests; spelled out for few, since a loop doubles the time that 100,000 jobs take."""
    match tests:
        case ():
            return lambda value: type(value) in types or has_type(value)
        case (first,):
            return lambda value: (type(value) in types or has_type(value)) and first(value)
        case (first, second):
            return lambda value: (
                (type(value) in types or has_type(value)) and first(value) and second(value)
            )
        case _:
            return lambda value: (
                (type(value) in types or has_type(value)) and all(test(value) for test in tests)
            )


def _rules(fragment: Fragment) -> Iterator[_Rule]:
    kinds = fragment["type"]  # one word, or a list of them
    if "enum" in fragment:
        known = fragment["enum"]
        yield known.__contains__, lambda value: f"{_shown(value)} is none of {', '.join(known)}"
    if kinds == "string":
        yield from _text_rules(fragment)
    if kinds == "array":
        yield from _length_rules(fragment)
    if kinds in ("integer", "number"):
        yield from _number_rules(fragment)


def _text_rules(fragment: Fragment) -> Iterator[_Rule]:
    if "minLength" in fragment:
        least = fragment["minLength"]
        yield (lambda value: len(value) >= least), lambda _: "is empty"
    yield (
        lambda value: value.isascii() or _has_utf8_form(value),
        lambda value: f"{_shown(value)} holds half of a surrogate pair, which has no UTF-8 form",
    )
    if "pattern" in fragment:
        wanted = fragment["description"]

        def unlike(value: str) -> str:
            if "\0" in value:
                return "holds a NUL character, which no argument or path can carry"
            return f"{_shown(value)} must be {wanted}"

        yield re.compile(fragment["pattern"]).search, unlike


def _length_rules(fragment: Fragment) -> Iterator[_Rule]:
    least, most = fragment.get("minItems", 0), fragment.get("maxItems", math.inf)
    if least == most:
        yield (
            lambda value: len(value) == least,
            lambda value: f"has {len(value)} entries instead of {least}",
        )
    elif least:
        yield (lambda value: len(value) >= least), lambda _: "is empty"


def _number_rules(fragment: Fragment) -> Iterator[_Rule]:
    yield _is_finite, lambda value: f"{_shown(value)} is not finite"
    words = {"minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most"}
    limits = " and ".join(f"{words[word]} {fragment[word]}" for word in words if word in fragment)
    if limits:
        least = fragment.get("minimum", -math.inf)
        above = fragment.get("exclusiveMinimum", -math.inf)
        most = fragment.get("maximum", math.inf)
        yield (
            # What is not finite has been told of already.
            lambda value: not _is_finite(value) or (above < value and least <= value <= most),
            lambda value: f"{_shown(value)} is not {limits}",
        )


def _is_finite(value: float) -> bool:
    # A whole number can be too large to be one in floating point.
    return -sys.float_info.max <= value <= sys.float_info.max


def _anything(value: object) -> bool:
    del value
    return True


def _has_utf8_form(value: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in value)


def _shown(value: object) -> str:
    text = ascii(value) if isinstance(value, str) else repr(value)
    return text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 3] + "..."
