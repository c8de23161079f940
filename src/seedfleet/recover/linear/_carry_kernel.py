"""Ordered statistics decoding of 128 unknown bits from doubtful equations, compiled.

The surest independent equations make a basis; the next ones, as sums of those, check it. A few
wrong equations of the basis are found by trying every pair of them against 64 checks at once: each
equation of the basis has a word that says which checks it takes part in. (Fossorier and Lin, IEEE
Transactions on Information Theory 41(5), 1995: reprocessing of order 2.)
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import int64, uint64

from seedfleet.generators.compiled import build_kernel
from seedfleet.generators.word_bits import ones, parity

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CHECKS", "MOST_WRONG", "TRIES", "UNKNOWNS", "decoding_kernel"]

UNKNOWNS = 128
CHECKS = 64
MOST_WRONG = 2  # equations of a basis
TRIES = 1 + UNKNOWNS + UNKNOWNS * (UNKNOWNS - 1) // 2  # sets of so many or fewer


def _reduce(row: Any, basis: Any, rank: Any) -> Any:
    """Return the four words of a row with all pivots cleared."""
    first, second, third, fourth = row
    cleared = (uint64(0), uint64(0), uint64(0), uint64(0))
    for k in range(rank):
        bit = (first & basis[4, k]) | (second & basis[5, k])
        mask = uint64(0) - uint64(bit != uint64(0))
        cleared = (
            cleared[0] ^ (basis[0, k] & mask),
            cleared[1] ^ (basis[1, k] & mask),
            cleared[2] ^ (basis[2, k] & mask),
            cleared[3] ^ (basis[3, k] & mask),
        )
    return first ^ cleared[0], second ^ cleared[1], third ^ cleared[2], fourth ^ cleared[3]


def _insert(row: Any, basis: Any, rank: Any) -> None:
    """Add a reduced row, and clear its pivot in the rows before."""
    first, second, third, fourth = row
    low = first & (uint64(0) - first)
    high = second & (uint64(0) - second) if first == uint64(0) else uint64(0)
    for k in range(rank):
        bit = (basis[0, k] & low) | (basis[1, k] & high)
        mask = uint64(0) - uint64(bit != uint64(0))
        basis[0, k] ^= first & mask
        basis[1, k] ^= second & mask
        basis[2, k] ^= third & mask
        basis[3, k] ^= fourth & mask
    basis[0, rank], basis[1, rank] = first, second
    basis[2, rank], basis[3, rank] = third, fourth
    basis[4, rank], basis[5, rank] = low, high


def _check(sum_: Any, right: Any, work: Any, checks: Any) -> None:
    """Note which equations of the basis add up to a further one, and whether it fails."""
    _, sides, columns = work
    side = right
    for word in range(2):
        side ^= parity(sum_[word] & sides[word])
        taken = sum_[word]
        for bit in range(64):
            columns[64 * word + bit] |= (taken >> uint64(bit) & uint64(1)) << uint64(checks)
    columns[UNKNOWNS] |= side << uint64(checks)


def _eliminate(table: Any, pool: Any, order: Any, line: Any, work: Any) -> Any:
    """Fill the basis, its right sides and the checks; return whether both are complete."""
    draws, bits, right = pool
    basis, sides, columns = work
    sides[:] = uint64(0)
    columns[:] = uint64(0)
    rank, checks = 0, 0
    for e in order:
        shown = table[line[0] + line[1] * draws[e], bits[e]]
        row = _reduce((shown[0], shown[1], uint64(0), uint64(0)), basis, rank)
        if row[0] | row[1]:
            own = uint64(1) << uint64(rank & 63)
            lower = row[2] | own if rank < 64 else row[2]
            upper = row[3] if rank < 64 else row[3] | own
            _insert((row[0], row[1], lower, upper), basis, rank)
            sides[rank >> 6] |= right[e] << uint64(rank & 63)
            rank += 1
        elif checks < CHECKS:
            _check((row[2], row[3]), right[e], work, checks)
            checks += 1
        if rank == UNKNOWNS and checks == CHECKS:
            return True
    return False


def _solve(work: Any, flips: Any, hit: Any) -> None:
    """Write the unknowns that the basis gives with one or two of its right sides flipped."""
    basis, sides, _ = work
    first, second = sides[0], sides[1]
    for flip in flips:
        if flip < 64:
            first ^= uint64(1) << uint64(flip)
        elif flip < UNKNOWNS:
            second ^= uint64(1) << uint64(flip - 64)
    hit[2], hit[3] = uint64(0), uint64(0)
    for k in range(UNKNOWNS):
        if parity((basis[2, k] & first) ^ (basis[3, k] & second)):
            hit[2] |= basis[4, k]
            hit[3] |= basis[5, k]


def _fewest(failed: Any, columns: Any, begin: Any) -> Any:
    least = uint64(CHECKS)
    for j in range(begin, UNKNOWNS):
        least = min(least, ones(failed ^ columns[j]))
    return least


def _record(line: Any, work: Any, flips: Any, hits: Any, found: Any) -> Any:
    if found < len(hits):
        hits[found, 0], hits[found, 1] = uint64(line[0]), uint64(line[1])
        _solve(work, flips, hits[found])
    return found + 1


def _reprocess(line: Any, work: Any, most: Any, hits: Any, found: Any) -> Any:
    columns = work[2]
    for i in range(-1, UNKNOWNS):
        failed = columns[UNKNOWNS] if i < 0 else columns[UNKNOWNS] ^ columns[i]
        one = i if i >= 0 else UNKNOWNS
        if ones(failed) <= most:
            found = _record(line, work, (one, UNKNOWNS), hits, found)
        if i < 0 or _fewest(failed, columns, i + 1) > most:
            continue
        for j in range(i + 1, UNKNOWNS):
            if ones(failed ^ columns[j]) <= most:
                found = _record(line, work, (one, j), hits, found)
    return found


def _decoding_factory(
    digest: str, eliminate: Callable[..., Any], reprocess: Callable[..., Any]
) -> Callable[..., Any]:
    """Return ``kernel(table, pool, orders, lines, most, hits) -> count``.

    Line (start, stride) takes from `table`, shape (places, bits, 2), the row at place
    ``start + stride * draw`` for each equation ``(draw, bit, right side)`` of the pool, which are
    taken in each of the orders in turn. A solution that fails at most `most` checks is written to
    `hits` as (start, stride, two words of unknowns), and counted on beyond its length.
    """

    def kernel(table: Any, pool: Any, orders: Any, lines: Any, most: Any, hits: Any) -> Any:
        _ = digest
        work = (
            np.zeros((6, UNKNOWNS), dtype=np.uint64),  # unknowns, sums and pivots of its rows
            np.zeros(2, dtype=np.uint64),
            np.zeros(UNKNOWNS + 1, dtype=np.uint64),
        )
        found = int64(0)
        for order in orders:
            for line in lines:
                if eliminate(table, pool, order, line, work):
                    found = reprocess(line, work, uint64(most), hits, found)
        return found

    return kernel


@cache
def decoding_kernel() -> Callable[..., Any]:
    """Return the compiled decoder."""
    return build_kernel(_decoding_factory, _eliminate, _reprocess)
