"""Dates as files write them."""

from __future__ import annotations

import datetime as dt
import re

__all__ = ["parse_iso", "parse_month_first"]

_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MONTH_FIRST = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")


def parse_iso(text: str) -> dt.date | None:
    """Read YYYY-MM-DD and nothing else (`date.fromisoformat` also takes weeks and bare digits)."""
    if not _ISO.fullmatch(text):
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


def parse_month_first(text: str) -> dt.date | None:
    """Read M/D/YYYY."""
    match = _MONTH_FIRST.fullmatch(text)
    if match is None:
        return None
    month, day, year = map(int, match.groups())
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None
