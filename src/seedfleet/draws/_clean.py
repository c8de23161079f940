"""The rules that turn records into a history: modulus, duplicates, order, sessions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.draws._records import counted
from seedfleet.draws.history import describe_unknown_session

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from seedfleet.draws._records import Problems, Record, Records

__all__ = ["MAX_MODULUS", "MIN_MODULUS", "Cleaned", "clean"]

MIN_MODULUS = 2
MAX_MODULUS = 2**31
_MANY_FOR_A_ZERO = 5  # draws for each value, from which on a value that never comes is no chance


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
        What could be read, in the order of the file; with none, at least one problem.
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
    if not records.rows:  # then each was refused
        problems.raise_if_any()
    notes = list(records.notes)
    # Parsers let through integers of at most 18 digits, so 64 bits hold them.
    draws = np.fromiter((row.draw for row in records.rows), np.int64, len(records.rows))
    inferred = modulus is None
    if modulus is None:
        modulus = _infer_modulus(records, draws, notes, problems)
    _check_draws(records, draws, modulus, problems)
    _check_dates(records, problems)
    _check_sessions(records, sessions, problems)
    problems.raise_if_any()
    rows = _in_order(_without_duplicates(records, notes), notes)
    if sessions:
        everything = len(rows)
        rows = [row for row in rows if row.session in sessions]
        names = " and ".join(dict.fromkeys(sessions))
        notes.append(f"Kept only {names}: {len(rows)} of {counted(everything, 'draw')}.")
    return Cleaned(tuple(rows), modulus, inferred, tuple(notes))


def _infer_modulus(
    records: Records, draws: NDArray[np.int64], notes: list[str], problems: Problems
) -> int:
    if records.digit_count is not None:
        modulus: int = 10**records.digit_count
        notes.append(
            f"Inferred the modulus {modulus} from {counted(records.digit_count, 'digit column')}."
        )
        return modulus
    largest = int(draws.argmax())
    draw = int(draws[largest])
    modulus = 10
    while modulus <= draw:
        modulus *= 10
    if modulus <= MAX_MODULUS:
        notes.append(
            f"Inferred the modulus {modulus}, the least power of ten above the largest draw "
            f"({draw})."
        )
        if draws.min() == 1 and len(draws) >= _MANY_FOR_A_ZERO * draw:
            notes.append(
                f"No draw is 0: if they are 1 to {draw}, take 1 off each and give --modulus {draw}."
            )
        return modulus
    if draw < MAX_MODULUS:
        place = records.draw_place.format(records.numbers[largest])
        problems.add(f"{place}: {draw} is too large to infer a modulus from; give one")
    return MAX_MODULUS


def _check_draws(
    records: Records, draws: NDArray[np.int64], modulus: int, problems: Problems
) -> None:
    outside = np.flatnonzero((draws < 0) | (draws >= modulus))
    places = (records.draw_place.format(records.numbers[index]) for index in outside)
    reasons = (f"{draws[index]} is not in [0, {modulus})" for index in outside)
    problems.add_all(map("{}: {}".format, places, reasons), count=outside.size)


def _check_dates(records: Records, problems: Problems) -> None:
    without = [index for index, row in enumerate(records.rows) if row.date is None]
    dated = len(records.rows) - len(without)
    if without and dated:
        problems.add(
            f"{records.places(without)}: no date, unlike the other {dated}; "
            "give all records a date, or none"
        )


def _check_sessions(records: Records, sessions: Sequence[str], problems: Problems) -> None:
    if sessions:
        names = tuple(dict.fromkeys(row.session for row in records.rows if row.session is not None))
        for session in sessions:
            if session not in names:
                problems.add(describe_unknown_session(session, names))


def _without_duplicates(records: Records, notes: list[str]) -> list[Record]:
    """Drop records that repeat an earlier dated one whole; report others of the same occasion.

    Where most occasions hold different draws, several draws an occasion are the rule of the game,
    and equal ones are no copies.
    """
    rows = records.rows
    if rows[0].date is None:
        return rows
    different = Counter(row[1:] for row in set(rows))
    several = sum(count > 1 for count in different.values())
    if 2 * several > len(different):
        notes.append(
            f"Kept every record: {several} of {len(different)} dates (with session and machine) "
            "have several draws, so equal ones are not taken for copies."
        )
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
            f"Dropped {counted(len(repeated), 'record')} equal to an earlier one in date, session, "
            f"machine and draw: {records.places(repeated)}."
        )
    if sharing:
        notes.append(
            f"Kept {counted(len(sharing), 'record')} equal to an earlier one in date, session and "
            f"machine but not in draw: {records.places(sharing)}."
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
