"""Many small systems at once: one for every phase of a generator's cycle and every skip.

All take their left sides from one table, since the word at a place after the start of a cycle is
always the same sum of unknowns. A contradiction shows after a few more equations than there are
unknowns, so that most systems cost 10 to 20 microseconds.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.recover.linear._gf2_kernel import consistency_kernel
from seedfleet.recover.linear.rows import fill_rows, unknown_count
from seedfleet.threads import ThreadPool

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedfleet.generators import Generator
    from seedfleet.recover.linear.families import Equations

__all__ = ["SystemTable", "consistent_systems"]

_ROOM = 1024


@dataclass(frozen=True, eq=False)
class SystemTable:
    """Left sides of equations over the state at the start of a cycle.

    Attributes
    ----------
    rows
        uint64 array, shape (places, bits, words of unknowns).
    bits
        int64 array, ascending: the bits of a word that have a row.
    cycle
        Steps of a cycle: a run of draws may begin at any of the first places.
    """

    rows: NDArray[np.uint64]
    bits: NDArray[np.int64]
    cycle: int

    @classmethod
    def of(
        cls, generator: Generator, bits: NDArray[np.int64], *, draws: int, stride: int
    ) -> SystemTable:
        """Make the table for runs of so many draws, `stride` words apart at most.

        Parameters
        ----------
        bits
            int64 array, the bits that draws may show. O(unknowns * draws * stride).
        """
        linear = generator.linear
        if linear is None:
            raise ValueError(f"{generator.name} is not linear")
        shown = np.unique(bits)
        places = np.arange(linear.cycle + draws * stride)
        equations = (np.repeat(places, len(shown)), np.tile(shown, len(places)))
        words = -(-unknown_count(generator) // 64)
        rows = np.zeros((len(places) * len(shown), words), dtype=np.uint64)
        fill_rows(generator, places, equations, rows)
        return cls(rows.reshape(len(places), len(shown), words), shown, linear.cycle)


def consistent_systems(
    table: SystemTable, equations: Equations, strides: range, *, least_surplus: int
) -> list[tuple[int, int, int]]:
    """Return the systems in which no equation contradicts the others, on all cores.

    Parameters
    ----------
    equations
        What a run of draws shows, draws counted from its start.
    strides
        Words from one draw to the next, of each system.
    least_surplus
        Equations that must follow from the others.

    Returns
    -------
    list
        ``(phase, stride, surplus)``: the first draw's word lies at place `phase`, and so many
        equations follow from the others.
    """
    places = np.searchsorted(table.bits, equations.bits)
    sides = (equations.draws, places, equations.right)
    phases = np.arange(table.cycle)
    run = partial(consistency_kernel(), table.rows, sides, phases)
    workers = os.cpu_count() or 1
    shares = [np.array(strides[each::workers], dtype=np.int64) for each in range(workers)]
    with ThreadPool(workers) as pool:
        found = pool.map(lambda share: _collect(partial(run, share, least_surplus)), shares)
        return [system for hits in found for system in hits]


def _collect(fill: partial[int]) -> list[tuple[int, int, int]]:
    """Call `fill` with room for its hits, again with more where it reports more."""
    room = np.empty((_ROOM, 3), dtype=np.int64)
    while (found := fill(room)) > len(room):
        room = np.empty((found, 3), dtype=np.int64)
    return [(int(phase), int(stride), int(surplus)) for phase, stride, surplus in room[:found]]
