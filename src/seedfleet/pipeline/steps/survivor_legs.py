"""Rows that are one stream: it jumps where records are missing, and goes on as the next row."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from seedfleet.evidence.jump_prior import log2_jump_weight

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seedfleet.pipeline.steps.survivor_table import SurvivorTable

__all__ = ["Leg", "begun_inside", "legs_of"]


class Leg(NamedTuple):
    """The part of a stream after a jump.

    Attributes
    ----------
    first
        The row with which the stream begins.
    jumps
        All jumps up to this part, as `log2_jump_weight` takes them.
    """

    first: int
    jumps: tuple[tuple[int, int], ...]


def legs_of(table: SurvivorTable) -> Mapping[int, Leg]:
    """Return which rows go on with an earlier row of the table, by row.

    Such a row has the start and the constant skip of the earlier one, begins with the draw after
    its last, and stands so many outputs on as records can be missing, or calls be more or fewer. A
    generator that was seeded anew with the same seed is none: it would go back.

    O(n).
    """
    rows = table.rows
    even = rows["skip_min"] == rows["skip_max"]
    over = np.flatnonzero(even & (rows["end"] > 0)).tolist()
    ended = {_key(table, row, "end"): row for row in over}
    legs: dict[int, Leg] = {}
    later = np.flatnonzero(even & (rows["origin"] > 0))
    for row in later[np.argsort(rows["origin"][later], kind="stable")].tolist():
        before = ended.get(_key(table, row, "origin"))
        if before is None:
            continue
        first, jumps = legs.get(before, Leg(before, ()))
        jumps = (*jumps, _jump(table, first, before, row))
        skip, draws = int(rows["skip_max"][row]), int(rows["origin"][row]) + 1
        if isfinite(log2_jump_weight(jumps, skip=skip, draws=draws)):
            legs[row] = Leg(first, jumps)
    return legs


def begun_inside(table: SurvivorTable) -> list[str]:
    """Say at which draws streams begin inside the history, and where they jump."""
    legs, origins = legs_of(table), table.rows["origin"]
    later = np.flatnonzero(origins > 0).tolist()
    begun, jumped = (
        ", ".join(str(origins[row]) for row in later if (row in legs) is goes_on)
        for goes_on in (False, True)
    )
    told = [f"Streams begin inside the history, at draw {begun}."] if begun else []
    if jumped:
        told.append(f"Records are missing, or calls more or fewer, before draw {jumped}.")
    return told


def _key(table: SurvivorTable, row: int, place: str) -> tuple[object, ...]:
    """Return what a row has in common with the one that it ends before, or goes on from."""
    preset, skip, draw = (int(table.rows[name][row]) for name in ("preset", "skip_max", place))
    return preset, table.start(row), skip, draw


def _jump(table: SurvivorTable, first: int, before: int, row: int) -> tuple[int, int]:
    """Return the jump between two rows, its draw counted from the first one's."""
    offsets, origins = (table.rows[name] for name in ("offset", "origin"))
    gap = int(table.rows["skip_max"][row]) + 1
    passed = int(origins[row] - origins[before]) * gap
    return int(origins[row] - origins[first]), int(offsets[row] - offsets[before]) - passed
