"""The rules that turn records into a history: modulus, duplicates, order, sessions."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.draws.history import describe_unknown_session

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from seedfleet.draws._records import Problems, Record, Records

__all__ = ["MAX_MODULUS", "MIN_MODULUS", "Cleaned", "clean"]

MIN_MODULUS = 2
MAX_MODULUS = 2**31


@dataclass(frozen=True)
class Cleaned:
    """Records of a history, oldest first, and what was done to get them."""

    rows: tuple[Record, ...]
    modulus: int
    modulus_inferred: bool
    notes: tuple[str, ...]


def clean(
    records: Records, problems: Problems, *, modulus: int | None, sessions: Sequence[str]
) -> Cleaned:
    """Apply the rules of docs/draws.md, in their order there.

    Parameters
    ----------
    records
        At least one, in the order of the file.
    problems
        Receives every reason why the records are no history.
    modulus
        The modulus given, or None to infer one.
    sessions
        The sessions to keep; none for all.

    Raises
    ------
    DrawsError
        With all problems, if there are any.
    """
    notes = list(records.notes)
    used_modulus = _infer_modulus(records, notes, problems) if modulus is None else modulus
    _check_draws(records, used_modulus, problems)
    _check_dates(records, problems)
    _check_sessions(records, sessions, problems)
    problems.raise_if_any()
    rows = _in_order(_without_duplicates(records, notes), notes)
    if sessions:
        everything = len(rows)
        rows = [row for row in rows if row.session in sessions]
        names = ", ".join(sessions)
        notes.append(f"Kept the sessions {names} only: {len(rows)} of {everything} draws.")
    return Cleaned(tuple(rows), used_modulus, modulus is None, tuple(notes))


def _infer_modulus(records: Records, notes: list[str], problems: Problems) -> int:
    if records.digit_count is not None:
        modulus: int = 10**records.digit_count
        notes.append(f"Inferred the modulus {modulus} from {records.digit_count} digit columns.")
        return modulus
    largest = max(range(len(records.rows)), key=lambda index: records.rows[index].draw)
    draw = records.rows[largest].draw
    modulus = 10
    while modulus <= draw:
        modulus *= 10
    if modulus <= MAX_MODULUS:
        notes.append(
            f"Inferred the modulus {modulus}, the least power of ten above the largest draw "
            f"({draw})."
        )
        return modulus
    if draw < MAX_MODULUS:
        place = records.draw_place.format(records.numbers[largest])
        problems.add(f"{place}: {draw} is too large to infer a modulus from; give one")
    return MAX_MODULUS


def _check_draws(records: Records, modulus: int, problems: Problems) -> None:
    # Parsers let through integers of at most 18 digits, so 64 bits hold them.
    draws = np.fromiter((row.draw for row in records.rows), np.int64, len(records.rows))
    for index in np.flatnonzero((draws < 0) | (draws >= modulus)).tolist():
        place = records.draw_place.format(records.numbers[index])
        problems.add(f"{place}: {draws[index]} is not in [0, {modulus})")


def _check_dates(records: Records, problems: Problems) -> None:
    without = [index for index, row in enumerate(records.rows) if row.date is None]
    dated = len(records.rows) - len(without)
    if without and dated:
        problems.add(
            f"{records.places(without)}: no date, while {dated} other records have one; "
            "give all records a date, or none"
        )


def _check_sessions(records: Records, sessions: Sequence[str], problems: Problems) -> None:
    if sessions:
        names = tuple(dict.fromkeys(row.session for row in records.rows if row.session is not None))
        for session in sessions:
            if session not in names:
                problems.add(describe_unknown_session(session, names))


def _without_duplicates(records: Records, notes: list[str]) -> list[Record]:
    """Drop records that repeat an earlier dated one whole; report others of the same occasion."""
    rows = records.rows
    if rows[0].date is None:
        return rows
    seen: set[Record] = set()
    occasions: set[tuple[dt.date | None, str | None, str | None]] = set()
    kept: list[Record] = []
    repeated: list[int] = []
    sharing: list[int] = []
    for index, row in enumerate(rows):
        if row in seen:
            repeated.append(index)
            continue
        seen.add(row)
        kept.append(row)
        occasion = row[1:]
        if occasion in occasions:
            sharing.append(index)
        occasions.add(occasion)
    if repeated:
        notes.append(
            f"Dropped {len(repeated)} records that repeat an earlier one in date, session, machine "
            f"and draw: {records.places(repeated)}."
        )
    if sharing:
        notes.append(
            f"Kept {len(sharing)} records that share date, session and machine with an earlier one "
            f"but not the draw: {records.places(sharing)}."
        )
    return kept


def _in_order(rows: list[Record], notes: list[str]) -> list[Record]:
    dates = [row.date for row in rows if row.date is not None]
    if not dates:
        notes.append("There are no dates: the order of the file was taken as oldest first.")
        return rows
    if all(earlier <= later for earlier, later in pairwise(dates)):
        return rows
    if all(earlier >= later for earlier, later in pairwise(dates)):
        notes.append("Reversed the order: the file has the newest draw first.")
        return rows[::-1]
    notes.append(
        "Sorted by date: the file was in no order of time. Draws of one date keep their order."
    )
    # Equal lengths: records have dates all or none, which was checked before.
    return [rows[index] for index in sorted(range(len(rows)), key=dates.__getitem__)]
