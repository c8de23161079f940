"""Which survivors belong together: rows of one seed, and shifted copies of one stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from seedfleet.generators import AtState
from seedfleet.generators.compiled import at_positions
from seedfleet.models.folds import connected, shifted_copies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from seedfleet.pipeline.steps.survivor_table import SurvivorTable

__all__ = ["stream_groups"]

_VALUES: Final = 128  # of a stream from its offset on: shifts up to about half as many are found
_BLOCK: Final = 4096  # streams that are looked at together


def stream_groups(table: SurvivorTable, modulus: int) -> NDArray[np.int64]:
    """Give rows that belong together the same number: int64 array, shape (n,).

    A model that has learned from one row of a group knows something of the others.

    Notes
    -----
    O(n) streams of a hundred values and their offset. Every value of a stream is looked at,
    whatever the row's skip, so that copies under unlike skips are found too.
    """
    starts: dict[tuple[int, int | tuple[int, ...]], int] = {}
    places: dict[tuple[int, int], int] = {}
    of_start = np.zeros(len(table), dtype=np.int64)
    of_row = np.zeros(len(table), dtype=np.int64)
    firsts: list[int] = []
    offsets = table.rows["offset"].tolist()
    for row, preset in enumerate(table.rows["preset"].tolist()):
        start = table.start(row)
        key = (preset, start.words if isinstance(start, AtState) else start)
        of_start[row] = starts.setdefault(key, len(starts))
        of_row[row] = places.setdefault((int(of_start[row]), offsets[row]), len(places))
        if of_row[row] == len(firsts):
            firsts.append(row)
    copies = shifted_copies(_blocks(table, modulus, firsts), modulus)
    rows = np.arange(len(table))
    _, first_of_start = np.unique(of_start, return_index=True)
    return connected(
        len(table),
        np.concatenate([rows, rows]),
        np.concatenate([first_of_start[of_start], np.array(firsts, np.int64)[copies[of_row]]]),
    )


def _blocks(table: SurvivorTable, modulus: int, rows: list[int]) -> Iterator[NDArray[np.integer]]:
    near = np.arange(_VALUES, dtype=np.int64)
    for first in range(0, len(rows), _BLOCK):
        yield np.stack(
            [
                at_positions(
                    table.stream(int(table.rows["preset"][row])),
                    table.start(row),
                    modulus,
                    near + max(0, int(table.rows["offset"][row])),
                )[0]
                for row in rows[first : first + _BLOCK]
            ]
        )
