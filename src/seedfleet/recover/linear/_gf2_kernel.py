"""Elimination over GF(2) on rows packed into 64-bit words, compiled.

The method of the four Russians, a panel of 64 columns at a time: the pivot rows of a panel are
reduced against each other, so that the panel's word of any other row says which of them it takes;
their combinations are tabulated by the 8 bytes of that word. Columns lie in chunks whose tables
stay in a core's cache, and which threads share out. (Albrecht, Bard and Hart, ACM Transactions on
Mathematical Software 37(1), 2010.)
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import int64, uint64

from seedfleet.generators.compiled import build_kernel, jitable
from seedfleet.generators.word_bits import parity, trailing_zeros

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CHUNK", "back_kernel", "clear_kernel", "consistency_kernel", "pivot_kernel"]

CHUNK = 32  # words of a row: 8 tables of 256 such pieces take 512 KiB


def _pivot_factory(  # noqa: C901 - its inner functions are counted in
    digest: str, trailing_zeros: Callable[..., Any]
) -> Callable[..., Any]:
    """Return ``kernel(rows, first, (word, unknowns), pivots) -> mask``: the pivots of a panel.

    They are swapped to rows `first` on, their columns in the panel set in the mask; ``pivots[c]``
    becomes the row of column c. The panel's columns are those of `word` that `unknowns` has; rows
    from `first` on are zero in the words before.
    """

    @jitable
    def swap(rows: Any, one: Any, other: Any, word: Any) -> None:
        for k in range(word, rows.shape[1]):
            rows[one, k], rows[other, k] = rows[other, k], rows[one, k]

    @jitable
    def add(rows: Any, target: Any, source: Any, word: Any) -> None:
        for k in range(word, rows.shape[1]):
            rows[target, k] ^= rows[source, k]

    @jitable
    def reduced(rows: Any, row: Any, word: Any, panel: Any) -> Any:
        """Return the panel's word of a row, less the pivots found so far."""
        mask, pivots = panel
        left = rows[row, word]
        taken = left & mask
        while taken != uint64(0):
            left ^= rows[pivots[trailing_zeros(taken)], word]
            taken &= taken - uint64(1)
        return left

    @jitable
    def settle(rows: Any, row: Any, place: Any, panel: Any) -> Any:
        """Reduce a row and the pivots against each other; return its pivot column."""
        word, unknowns = place
        mask, pivots = panel
        taken = rows[row, word] & mask
        while taken != uint64(0):
            add(rows, row, pivots[trailing_zeros(taken)], word)
            taken &= taken - uint64(1)
        column = trailing_zeros(rows[row, word] & unknowns)
        settled = mask
        while settled != uint64(0):
            other = pivots[trailing_zeros(settled)]
            if (rows[other, word] >> uint64(column)) & uint64(1):
                add(rows, other, row, word)
            settled &= settled - uint64(1)
        return column

    def kernel(rows: Any, first: Any, place: Any, pivots: Any) -> Any:
        _ = digest
        word, unknowns = place
        mask, filled = uint64(0), first
        for row in range(first, rows.shape[0]):
            if reduced(rows, row, word, (mask, pivots)) & unknowns == uint64(0):
                continue
            swap(rows, filled, row, word)
            column = settle(rows, filled, place, (mask, pivots))
            pivots[column] = filled
            mask |= uint64(1) << uint64(column)
            filled += 1
            if filled == first + 64:
                break
        return mask

    return kernel


def _clear_factory(digest: str) -> Callable[..., Any]:
    """Return ``kernel(rows, below, taken, mask, pivots, start)``: clear a panel in some columns.

    ``taken[i]`` is the panel's word of row ``below + i`` and says which pivots it takes; the chunk
    begins at word `start`. Rows are as long as whole chunks.
    """

    @jitable
    def tabulate(rows: Any, byte: Any, panel: Any, start: Any, table: Any) -> None:
        mask, pivots = panel
        table[0, :] = uint64(0)
        for bit in range(8):
            column = 8 * byte + bit
            size = 1 << bit
            present = (mask >> uint64(column)) & uint64(1)
            for entry in range(size):
                for k in range(CHUNK):
                    piece = rows[pivots[column], start + k] if present else uint64(0)
                    table[size + entry, k] = table[entry, k] ^ piece

    def kernel(rows: Any, below: Any, taken: Any, mask: Any, pivots: Any, start: Any) -> None:
        _ = digest
        tables = np.empty((8, 256, CHUNK), dtype=np.uint64)
        for byte in range(8):
            tabulate(rows, byte, (mask, pivots), start, tables[byte])
        t0, t1, t2, t3 = tables[0], tables[1], tables[2], tables[3]
        t4, t5, t6, t7 = tables[4], tables[5], tables[6], tables[7]
        low = uint64(255)
        for i in range(len(taken)):
            word = taken[i]
            a, b = t0[int64(word & low)], t1[int64(word >> uint64(8) & low)]
            c, d = t2[int64(word >> uint64(16) & low)], t3[int64(word >> uint64(24) & low)]
            e, f = t4[int64(word >> uint64(32) & low)], t5[int64(word >> uint64(40) & low)]
            g, h = t6[int64(word >> uint64(48) & low)], t7[int64(word >> uint64(56))]
            row = rows[below + i, start : start + CHUNK]
            for k in range(CHUNK):
                row[k] ^= a[k] ^ b[k] ^ c[k] ^ d[k] ^ e[k] ^ f[k] ^ g[k] ^ h[k]

    return kernel


def _back_factory(digest: str, parity: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``kernel(rows, columns, right, vector)``: solve for the pivot columns, last first.

    Row k has its pivot in ``columns[k]`` and the right side ``right[k]``; `vector` holds the other
    unknowns and takes the solution.
    """

    def kernel(rows: Any, columns: Any, right: Any, vector: Any) -> None:
        _ = digest
        for k in range(len(columns) - 1, -1, -1):
            word, bit = columns[k] >> 6, uint64(columns[k] & 63)
            folded = uint64(0)
            for j in range(word, len(vector)):
                folded ^= rows[k, j] & vector[j]
            if parity(folded) ^ uint64(right[k]):
                vector[word] |= uint64(1) << bit

    return kernel


def _consistency_factory(  # noqa: C901 - its inner functions are counted in
    digest: str, trailing_zeros: Callable[..., Any]
) -> Callable[..., Any]:
    """Return ``kernel(table, equations, starts, strides, least, hits) -> count`` for small systems.

    System (start, stride) takes from `table`, shape (places, bits, words), the row at place
    ``start + stride * draw`` for each equation ``(draw, bit, right side)``. Systems without a
    contradiction and with `least` surplus equations or more are written to `hits` as (start,
    stride, surplus), and counted on beyond its length.
    """

    @jitable
    def surplus_of(table: Any, equations: Any, line: Any, basis: Any) -> Any:
        """Return the redundant equations, or -1 where one contradicts the others."""
        start, stride = line
        draws, bits, right = equations
        rows, sides, filled, row = basis
        words = len(row)
        filled[:] = 0
        surplus = 0
        for e in range(len(draws)):
            row[:] = table[start + stride * draws[e], bits[e]]
            side = right[e]
            independent = False
            for word in range(words):
                while row[word] != uint64(0):
                    column = 64 * word + trailing_zeros(row[word])
                    if filled[column] == 0:
                        rows[column, :] = row
                        sides[column], filled[column] = side, 1
                        independent = True
                        break
                    for k in range(word, words):
                        row[k] ^= rows[column, k]
                    side ^= sides[column]
                if independent:
                    break
            if not independent:
                if side:
                    return -1
                surplus += 1
        return surplus

    def kernel(table: Any, equations: Any, starts: Any, strides: Any, least: Any, hits: Any) -> Any:
        _ = digest
        words = table.shape[2]
        basis = (
            np.empty((64 * words, words), dtype=np.uint64),
            np.empty(64 * words, dtype=np.uint8),
            np.empty(64 * words, dtype=np.uint8),
            np.empty(words, dtype=np.uint64),
        )
        found = 0
        for stride in strides:
            for start in starts:
                surplus = surplus_of(table, equations, (start, stride), basis)
                if surplus >= least:
                    if found < len(hits):
                        hits[found, 0], hits[found, 1], hits[found, 2] = start, stride, surplus
                    found += 1
        return found

    return kernel


@cache
def pivot_kernel() -> Callable[..., Any]:
    """Return the compiled choice of pivots."""
    return build_kernel(_pivot_factory, trailing_zeros)


@cache
def clear_kernel() -> Callable[..., Any]:
    """Return the compiled elimination of a panel."""
    return build_kernel(_clear_factory)


@cache
def back_kernel() -> Callable[..., Any]:
    """Return the compiled back substitution."""
    return build_kernel(_back_factory, parity)


@cache
def consistency_kernel() -> Callable[..., Any]:
    """Return the compiled test of many small systems."""
    return build_kernel(_consistency_factory, trailing_zeros)
