"""Times on the command line: `60s`, `8m`, `2h`, `1d`, or a number of seconds."""

from __future__ import annotations

import re
from math import inf

import click

__all__ = ["Duration"]

_ENDLESS = "none"
_UNIT_S = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


class Duration(click.ParamType[float]):
    """A time in seconds, more than 0.

    Parameters
    ----------
    endless
        Whether `none` is a time too, without an end.
    """

    def __init__(self, *, endless: bool = False) -> None:
        self._endless = endless
        self.name = f"TIME|{_ENDLESS}" if endless else "TIME"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        if self._endless and value == _ENDLESS:
            return inf
        match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)([smhd]?)", str(value))
        if match is None or float(match[1]) == 0:
            known = f"8m, 2h or {_ENDLESS}" if self._endless else "8m or 2h"
            self.fail(f"{value!r} is no time, such as 60s, {known}", param, ctx)
        return float(match[1]) * _UNIT_S[match[2]]
