"""Folds over survivors that keep together what is one thing: copies of a stream, rows of a seed.

Two survivors whose streams are the same but for a shift of some draws share most of their values,
and so their features. A model that learns from one and is judged on the other has seen the answer.
Shifted copies are found without comparing pairs: of every stream the runs of neighbouring values
are hashed, and streams that share one of their smallest hashes are taken for copies (bottom-k
sketches: Broder, On the resemblance and containment of documents, 1997).
"""

from __future__ import annotations

import heapq
import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["connected", "grouped_folds", "shifted_copies"]

_SKETCH: Final = 16  # smallest hashes kept of a stream
_RUN_BITS: Final = 64  # that the values of a run can hold together, so that none repeat by chance
_AT_ONCE: Final = 256  # streams, so that their hashes stay in the cache
_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)  # odd, 2**64 over the golden ratio


def shifted_copies(blocks: Iterable[NDArray[np.integer]], modulus: int) -> NDArray[np.int64]:
    """Give streams that are shifted copies of each other the same number.

    Parameters
    ----------
    blocks
        The streams' values in ``[0, modulus)``, shape (n_block, n_values), block after block; as
        many values of each, and the more the farther a shift is noticed: with half of the values
        in common a copy is missed once in a thousand times, with nine tenths hardly ever.
    modulus
        At least 2.

    Returns
    -------
    NDArray
        int64 array, shape (n,): the index of the first stream of each one's group.

    Notes
    -----
    O(values) time; memory of a block and 128 bytes a stream. Streams shorter than a run (64 bits
    of values) are compared whole.
    """
    sketches = [
        _sketches(block[start : start + _AT_ONCE], modulus)
        for block in blocks
        for start in range(0, len(block), _AT_ONCE)
    ]
    if not sketches:
        return np.zeros(0, dtype=np.int64)
    keys = np.concatenate(sketches)
    rows = np.repeat(np.arange(len(keys)), keys.shape[1])
    order = np.argsort(keys, axis=None, kind="stable")
    ordered = keys.ravel()[order]
    same = np.flatnonzero(ordered[1:] == ordered[:-1])
    return connected(len(keys), rows[order[same]], rows[order[same + 1]])


def _sketches(values: NDArray[np.integer], modulus: int) -> NDArray[np.uint64]:
    """Return the smallest hashes of each row's runs, shape (n, kept)."""
    length = min(math.ceil(_RUN_BITS / math.log2(modulus)), values.shape[1])
    runs = values.shape[1] - length + 1
    hashes = np.zeros((len(values), runs), dtype=np.uint64)
    for place in range(length):
        hashes *= _FACTOR
        hashes += values[:, place : place + runs].astype(np.uint64) + np.uint64(1)
    _scramble(hashes)
    kept = min(_SKETCH, runs)
    return np.partition(hashes, kept - 1, axis=1)[:, :kept]


def _scramble(hashes: NDArray[np.uint64]) -> None:
    """Make the order of the hashes one of chance (the finaliser of MurmurHash3)."""
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        hashes ^= hashes >> np.uint64(33)
        hashes *= np.uint64(factor)
    hashes ^= hashes >> np.uint64(33)


def connected(count: int, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each of `count` things the least index of those it is linked with, over any steps.

    Parameters
    ----------
    first, second
        int64 arrays, shape (links,): the ends of each link.

    Notes
    -----
    O((count + links) * log(count)) for all but contrived chains: each round hooks a tree's root
    to the least one that a link leads to, then halves all paths (Shiloach and Vishkin, 1982).
    """
    parent = np.arange(count, dtype=np.int64)
    while True:
        low = np.minimum(parent[first], parent[second])
        high = np.maximum(parent[first], parent[second])
        open_links = low < high
        if not open_links.any():
            return parent
        np.minimum.at(parent, high[open_links], low[open_links])
        while (parent[parent] != parent).any():
            parent = parent[parent]


def grouped_folds(groups: NDArray[np.int64], folds: int, *, seed: int) -> NDArray[np.int8]:
    """Deal rows into folds of about equal size, groups undivided.

    Parameters
    ----------
    groups
        int64 array, shape (n,): equal numbers belong together.
    folds
        How many, in ``[2, 100]``.

    Returns
    -------
    NDArray
        int8 array, shape (n,), in ``[0, folds)``. A group goes, largest first and those of equal
        size in an order of chance, where the fewest rows are.

    Raises
    ------
    ValueError
        There are fewer groups than folds.
    """
    _, places, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(sizes) < folds:
        raise ValueError(f"{len(sizes)} groups of rows cannot make {folds} folds")
    shuffled = np.random.default_rng(seed).permutation(len(sizes))
    order = shuffled[np.argsort(-sizes[shuffled], kind="stable")]
    fold_of = np.empty(len(sizes), dtype=np.int8)
    filled = [(0, fold) for fold in range(folds)]  # a heap: rows so far, fold
    for group, size in zip(order.tolist(), sizes[order].tolist(), strict=True):
        rows, fold = filled[0]
        fold_of[group] = fold
        heapq.heapreplace(filled, (rows + size, fold))
    return fold_of[places]
