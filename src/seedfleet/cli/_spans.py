"""Spans of whole numbers on the command line: `0..500`, `0x10..0xff`, `2^36-9..2^36`, or one."""

from __future__ import annotations

import re

import click

__all__ = ["Span", "SpanRange"]

_NUMBER = r"(?:0[xX][0-9a-fA-F]{1,16}|(\d{1,2})\^(\d{1,3})([+-]\d{1,20})?|-?\d{1,20})"
_MOST = 2**64 - 1


def _number(text: str) -> int | None:
    """Read ``123``, ``-1``, ``0x7b`` or ``2^36-1``."""
    match = re.fullmatch(_NUMBER, text)
    if match is None:
        return None
    if match[1] is not None:
        power: int = int(match[1]) ** int(match[2])
        return power + int(match[3] or 0)
    return int(text, 16 if text[:2] in {"0x", "0X"} else 10)


class Span(click.ParamType[tuple[int, int]]):
    """`A..B`, both included, or one number.

    Parameters
    ----------
    most
        The largest that B may be.
    least
        The least that A may be.
    """

    name = "A..B"

    def __init__(self, most: int = _MOST, least: int = 0) -> None:
        self._most, self._least = most, least

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        ends = [_number(end) for end in str(value).split("..")]
        first, last = ends[0], ends[-1]
        if len(ends) > 2 or first is None or last is None:
            self.fail(f"{value!r} is not A..B, such as 0..8, 0x10..0xff or 0..2^36-1", param, ctx)
        if not self._least <= first <= last <= self._most:
            most = "2^64-1" if self._most == _MOST else self._most
            within = f"{self._least}..{most}"
            self.fail(f"{value!r} is not within {within}, low end first", param, ctx)
        return first, last


class SpanRange(click.ParamType[range]):
    """The same as a range."""

    name = Span.name

    def __init__(self, most: int = _MOST, least: int = 0) -> None:
        self._span = Span(most, least)

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> range:
        if isinstance(value, range):
            return value
        first, last = self._span.convert(value, param, ctx)
        return range(first, last + 1)
