"""What a scan asks of every seed: draws at stream positions, one row for each alignment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Queries", "constant_skip_positions"]


def constant_skip_positions(count: int, skip: int, *, offset: int = 0) -> NDArray[np.int64]:
    """Return ``p_i = offset + skip + i * (skip + 1)`` for the draws ``0 <= i < count``.

    Returns
    -------
    NDArray
        int64 array, shape (count,), strictly increasing.
    """
    return offset + skip + np.arange(count, dtype=np.int64) * (skip + 1)


@dataclass(frozen=True)
class Queries:
    """Alignments to be tested together over one seed space, exactly.

    Attributes
    ----------
    positions
        int64 array, shape (n_queries, depth): word positions, increasing along a row, from 0 on.
    residues
        int64 array, shape (n_queries, depth): the residue that the word there must have.
    modulus
        In ``[2, 2**31]``.
    dropped_bits
        Low bits of the output word to be dropped before the residue is taken.
    """

    positions: NDArray[np.int64]
    residues: NDArray[np.int64]
    modulus: int
    dropped_bits: int

    def __post_init__(self) -> None:
        """Refuse what the kernels would read as something else."""
        if self.positions.shape != self.residues.shape or self.positions.ndim != 2:
            raise ValueError("positions and residues must be two equal (n_queries, depth) arrays")
        if self.positions.size == 0 or self.positions.min() < 0:
            raise ValueError("a query needs at least one position, and none below 0")
        if np.any(np.diff(self.positions, axis=1) <= 0):
            raise ValueError("positions must increase along each query")
        if self.residues.min() < 0 or self.residues.max() >= self.modulus:
            raise ValueError(f"residues must lie in [0, {self.modulus})")

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def depth(self) -> int:
        """Draws tested for each query."""
        return int(self.positions.shape[1])
