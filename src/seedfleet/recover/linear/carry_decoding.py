"""From draws that are sums of words to states: doubtful equations put to the decoder.

Every phase of the cycle and every stride is a system of its own. Its surest equations are tried
first; then others of the sure ones, in orders shuffled a little, until a basis has two wrong
equations or fewer. How often that happens follows from the doubts alone, by simulation.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.recover.linear._carry_kernel import (
    CHECKS,
    MOST_WRONG,
    UNKNOWNS,
    decoding_kernel,
)
from seedfleet.recover.linear.carries import carry_errors, doubtful_equations, word_ranges
from seedfleet.recover.linear.systems import SystemTable
from seedfleet.threads import ThreadPool

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedfleet.recover.linear.carries import DoubtfulEquations
    from seedfleet.recover.linear.families import LinearFamily

__all__ = ["MOST_FAILED", "CarryDecoder", "DecodingChance", "decoding_orders"]

MOST_FAILED = 13  # of the checks: by chance in 2 of a million tries
_POOL = 512  # equations that orders choose from
_TAKEN = 256  # of an order: the unknowns, the checks, and some that depend on the first
_SHUFFLE = 0.8  # by how much of its logarithm the odds of an equation may count less
_CASES, _ORDERS = 64, 256  # histories and orders by which the chance is simulated
_ROOM = 1024


def decoding_orders(
    pool: DoubtfulEquations, count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return orders in which equations are taken, surer ones mostly first.

    Some are shuffled little and some much: most histories need only few of the former, and in some
    a sure equation is wrong that only the latter leave out.

    Returns
    -------
    NDArray
        int64 array, shape (count, at most `_TAKEN`).
    """
    doubts = np.maximum(pool.doubts, 1e-9)
    shuffle = _SHUFFLE * rng.random((count, 1)) * rng.random((count, len(pool)))
    keys = np.log(doubts / (1 - doubts)) * (1 - shuffle)
    return np.argsort(keys, axis=1)[:, :_TAKEN]


def _pool(
    family: LinearFamily, values: NDArray[np.int64]
) -> tuple[DoubtfulEquations, tuple[NDArray[np.uint64], NDArray[np.uint64]]]:
    """Return the surest equations of some draws, and the ranges of their words."""
    (stream, *_), width = family.streams, family.generator.output_bits
    ranges = word_ranges(stream.bounding, width, family.modulus, values)
    return doubtful_equations(ranges, bits=width, radix=family.modulus).surest(_POOL), ranges


@dataclass(frozen=True, eq=False)
class CarryDecoder:
    """The systems of a run of draws.

    Attributes
    ----------
    pool
        Their surest equations.
    table
        The left sides.
    lines
        int64 array, shape (n, 2): the place of the first draw and the words from one to the next.
    """

    pool: DoubtfulEquations
    table: SystemTable
    lines: NDArray[np.int64]

    @classmethod
    def of(cls, family: LinearFamily, values: NDArray[np.int64], strides: range) -> CarryDecoder:
        """Set up the systems of all phases and strides. O(unknowns * draws * last stride)."""
        generator = family.generator
        pool, _ = _pool(family, values)
        table = SystemTable.of(generator, pool.bits, draws=len(values), stride=strides[-1])
        phases = np.arange(table.cycle)
        lines = np.array([(phase, stride) for phase in phases for stride in strides])
        return cls(pool, table, lines.astype(np.int64))

    def candidates(
        self, orders: NDArray[np.int64], *, most_failed: int = MOST_FAILED
    ) -> NDArray[np.uint64]:
        """Decode every system in every order, on all cores.

        Returns
        -------
        NDArray
            uint64 array, shape (found, 4): place of the first draw, stride, and two words of the
            state at the start of the cycle. O(orders * lines).
        """
        places = np.searchsorted(self.table.bits, self.pool.bits)
        sides = (self.pool.draws, places, self.pool.right.astype(np.uint64))
        run = partial(decoding_kernel(), self.table.rows, sides, orders)
        workers = os.cpu_count() or 1
        shares = [self.lines[each::workers] for each in range(workers)]
        with ThreadPool(workers) as threads:
            found = threads.map(lambda share: _collect(partial(run, share, most_failed)), shares)
            return np.concatenate(list(found))


def _collect(fill: partial[int]) -> NDArray[np.uint64]:
    """Call `fill` with room for its hits, again with more where it reports more."""
    room = np.empty((_ROOM, 4), dtype=np.uint64)
    while (found := fill(room)) > len(room):
        room = np.empty((found, 4), dtype=np.uint64)
    return room[:found]


@dataclass(frozen=True, eq=False)
class DecodingChance:
    """How likely one order decodes the right system.

    Attributes
    ----------
    each
        float64 array: that chance for each of some simulated histories.
    """

    each: NDArray[np.float64]

    @classmethod
    def of(cls, family: LinearFamily, values: NDArray[np.int64], noise: float) -> DecodingChance:
        """Simulate words that give the draws, of which a share `noise` was recorded wrong.

        Counted are the orders with at most two wrong equations among the first ones and few enough
        among the next. What the systems of neighbouring phases find, which are nearly as good,
        is not; nor is a history in which none of the simulated orders succeeds.
        """
        pool, (least, greatest) = _pool(family, values)
        if len(pool) < UNKNOWNS + CHECKS:
            return cls(np.zeros(_CASES))
        rng = np.random.default_rng(0)
        shape = (_CASES, len(values))
        words = rng.integers(least, greatest, shape, dtype=np.uint64, endpoint=True)
        other = rng.integers(2**64, size=shape, dtype=np.uint64)
        words = np.where(rng.random(shape) < noise, other, words)
        wrong = carry_errors(pool, words, rng)
        orders = decoding_orders(pool, _ORDERS, rng)
        basis, checks = orders[:, :UNKNOWNS], orders[:, UNKNOWNS : UNKNOWNS + CHECKS]
        decoded = wrong[:, basis].sum(axis=2) <= MOST_WRONG
        passed = wrong[:, checks].sum(axis=2) <= MOST_FAILED
        return cls((decoded & passed).mean(axis=1))

    def after(self, orders: int) -> float:
        """Return the chance that some of so many orders decodes it."""
        return float(np.mean(1 - (1 - self.each) ** orders))
