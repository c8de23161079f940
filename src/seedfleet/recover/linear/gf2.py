"""Systems of linear equations over GF(2), 64 unknowns to a word."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.recover.linear._gf2_kernel import CHUNK, back_kernel, clear_kernel, pivot_kernel
from seedfleet.threads import ThreadPool

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["Solution", "empty_system", "solve"]

_WORD = 64


@dataclass(frozen=True, eq=False)
class Solution:
    """What a system says.

    Attributes
    ----------
    rank
        Independent equations.
    free
        int64 array: the unknowns that no pivot determines; the kernel has as many dimensions.
    vector
        uint64 array, shape (ceil(unknowns / 64),): the solution whose free unknowns are 0, unknown
        j in bit j % 64 of word j // 64; None where equations contradict each other.
    kernel
        uint64 array, shape (k, ceil(unknowns / 64)): solutions of the homogeneous system, one for
        each free unknown; only the first few, if that was asked.
    """

    rank: int
    free: NDArray[np.int64]
    vector: NDArray[np.uint64] | None
    kernel: NDArray[np.uint64]


def empty_system(equations: int, unknowns: int) -> NDArray[np.uint64]:
    """Return zero rows with room for `unknowns`, a right side, and what elimination pads.

    Returns
    -------
    NDArray
        uint64 array, shape (equations, words). Unknown j is bit ``j % 64`` of word ``j // 64``; the
        right side is unknown number `unknowns`.
    """
    words = unknowns // _WORD + 1
    return np.zeros((equations, -(-words // CHUNK) * CHUNK), dtype=np.uint64)


def solve(
    rows: NDArray[np.uint64],
    unknowns: int,
    *,
    vectors: int = 64,
    pause: Callable[[float], bool] | None = None,
) -> Solution | None:
    """Solve a system by elimination, on all cores.

    Parameters
    ----------
    rows
        As `empty_system` lays them out; given up by the caller.
    unknowns
        How many there are.
    vectors
        Kernel vectors to return, at most.
    pause
        Called now and then with the share done, in [0, 1]; True ends the work, and the answer is
        None.

    Notes
    -----
    O(equations * unknowns**2 / 512) word operations.
    """
    columns: list[int] = []
    words = -(-unknowns // _WORD)
    with ThreadPool() as pool:
        for word in range(words):
            last = np.uint64(2 ** min(_WORD, unknowns - _WORD * word) - 1)
            _eliminate(rows, columns, word, last, pool)
            if pause is not None and pause(1 - (1 - (word + 1) / words) ** 3):
                return None
    rank = len(columns)
    right = _right_sides(rows, unknowns)
    pivots = np.array(columns, dtype=np.int64)
    free = np.setdiff1d(np.arange(unknowns), pivots)
    back = partial(back_kernel(), rows, pivots)
    vector = None
    if not right[rank:].any():
        vector = np.zeros(words, dtype=np.uint64)
        back(right[:rank], vector)
    kernel = np.zeros((min(vectors, len(free)), words), dtype=np.uint64)
    for dimension, column in enumerate(free[: len(kernel)]):
        kernel[dimension, column // _WORD] = np.uint64(1 << int(column) % _WORD)
        back(np.zeros(rank, dtype=np.uint8), kernel[dimension])
    return Solution(rank, free, vector, kernel)


def _eliminate(
    rows: NDArray[np.uint64],
    columns: list[int],
    word: int,
    last: np.uint64,
    pool: ThreadPool,
) -> None:
    """Clear a word's columns below their pivots; append the pivots' columns."""
    first = len(columns)
    pivots = np.zeros(_WORD, dtype=np.int64)
    mask = np.uint64(pivot_kernel()(rows, first, (word, last), pivots))
    found = [bit for bit in range(_WORD) if int(mask) >> bit & 1]
    found.sort(key=lambda bit: pivots[bit])
    columns += [_WORD * word + bit for bit in found]
    below = len(columns)
    taken = rows[below:, word] & mask
    clear = partial(clear_kernel(), rows, below, taken, mask, pivots)
    starts = range(word // CHUNK * CHUNK, rows.shape[1], CHUNK)
    for _ in pool.map(clear, starts):
        pass


def _right_sides(rows: NDArray[np.uint64], unknowns: int) -> NDArray[np.uint8]:
    shifted = rows[:, unknowns // _WORD] >> np.uint64(unknowns % _WORD)
    return (shifted & np.uint64(1)).astype(np.uint8)
