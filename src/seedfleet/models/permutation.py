"""Permutations that deal out groups whole, so that what belongs together stays together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["GroupPermutations"]


class GroupPermutations:
    """Permutations of rows by which a group only ever takes the place of one as large.

    Parameters
    ----------
    groups
        int64 array, shape (n,): rows with equal numbers are a group. A group whose size no other
        one has stays where it is, which makes a test by these permutations only more careful.
    """

    def __init__(self, groups: NDArray[np.int64]) -> None:
        order = np.argsort(groups, kind="stable")
        _, sizes = np.unique(groups, return_counts=True)
        starts = np.cumsum(sizes) - sizes
        self._n_rows = len(groups)
        self._members = [
            order[starts[sizes == size][:, np.newaxis] + np.arange(size)]
            for size in np.unique(sizes)
        ]

    def draw(self, chance: np.random.Generator) -> NDArray[np.int64]:
        """Return one of them, int64 array, shape (n,): the row that comes to each place. O(n)."""
        dealt = np.empty(self._n_rows, dtype=np.int64)
        for members in self._members:
            dealt[members] = members[chance.permutation(len(members))]
        return dealt
