"""What is asked of every seed: draws at fixed stream positions, or along any path of gaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Leg", "Rows", "Walk", "constant_skip_positions"]

_MAX_MODULUS = 2**31


def constant_skip_positions(
    count: int, skip: int, *, offset: int = 0, start: int = 0
) -> NDArray[np.int64]:
    """Return ``p_i = offset + skip + i * (skip + 1)`` for the draws ``start <= i < start + count``.

    Returns
    -------
    NDArray
        int64 array, shape (count,), strictly increasing.
    """
    return offset + skip + np.arange(start, start + count, dtype=np.int64) * (skip + 1)


@dataclass(frozen=True)
class Leg:
    """Consecutive draws of which a seed must give so many: the forward part, or the reverse part.

    Attributes
    ----------
    draws
        How many draws are looked at; at least 1.
    needed
        How many of them must match, in ``[0, draws]``.
    """

    draws: int
    needed: int


def _problems(values: NDArray[np.int64], modulus: int, legs: tuple[Leg, ...]) -> list[str]:
    problems = []
    if not 2 <= modulus <= _MAX_MODULUS:
        problems.append(f"the modulus {modulus} is not within 2..{_MAX_MODULUS}")
    if values.size and (values.min() < 0 or values.max() >= modulus):
        problems.append(f"values must lie in [0, {modulus})")
    if not legs or sum(leg.draws for leg in legs) != values.shape[-1]:
        problems.append("the legs must share out the draws")
    problems += [
        f"{leg.needed} of {leg.draws} draws cannot be needed"
        for leg in legs
        if leg.draws < 1 or not 0 <= leg.needed <= leg.draws
    ]
    return problems


@dataclass(frozen=True)
class Rows:
    """Alignments to be tested together: one row each, the same draws at different positions.

    A seed holds a row when each leg has its matches.

    Attributes
    ----------
    positions
        int64 array, shape (n_rows, depth): stream positions, increasing along a row, from 0 on.
    values
        int64 array, shape (n_rows, depth): the draws in ``[0, modulus)``.
    modulus
        In ``[2, 2**31]``.
    legs
        One or two, consecutive along the rows; together they have `depth` draws.
    """

    positions: NDArray[np.int64]
    values: NDArray[np.int64]
    modulus: int
    legs: tuple[Leg, ...]

    def __post_init__(self) -> None:
        """Refuse what the kernels would read as something else."""
        if self.positions.shape != self.values.shape or self.positions.ndim != 2:
            raise ValueError("positions and values must be two equal (n_rows, depth) arrays")
        if self.positions.size == 0 or self.positions.min() < 0:
            raise ValueError("a row needs at least one position, and none below 0")
        if np.any(np.diff(self.positions, axis=1) <= 0):
            raise ValueError("positions must increase along each row")
        problems = _problems(self.values, self.modulus, self.legs)
        if problems:
            raise ValueError("; ".join(problems))

    @classmethod
    def exact(cls, positions: NDArray[np.int64], values: NDArray[np.int64], modulus: int) -> Rows:
        """Ask for every draw, in one leg."""
        depth = positions.shape[-1]
        return cls(positions, values, modulus, (Leg(depth, depth),))

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def depth(self) -> int:
        """Draws looked at for each row."""
        return int(self.positions.shape[1])


@dataclass(frozen=True)
class Walk:
    """Alignments with variable skip: any path of gaps from any of a row's first positions.

    Draw 0 stands at a position p_0 within the row's start; draw i + 1 stands at
    ``p_i + gap`` with ``least_gap <= gap <= most_gap``. A seed holds a row when there is a path on
    which each leg has its matches; a path that fails one leg does not go on into the next.

    Attributes
    ----------
    starts
        int64 array, shape (n_rows, 2): first and last position that draw 0 may have, from 0 on.
    values
        int64 array, shape (depth,): the draws in ``[0, modulus)``.
    modulus
        In ``[2, 2**31]``.
    least_gap, most_gap
        ``skip_min + 1`` and ``skip_max + 1``; at least 1.
    legs
        One or two, consecutive; together they have `depth` draws.
    """

    starts: NDArray[np.int64]
    values: NDArray[np.int64]
    modulus: int
    least_gap: int
    most_gap: int
    legs: tuple[Leg, ...]

    def __post_init__(self) -> None:
        """Refuse what the kernels would read as something else."""
        problems = _problems(self.values, self.modulus, self.legs)
        if self.starts.ndim != 2 or self.starts.shape[1:] != (2,) or len(self.starts) == 0:
            problems.append("starts must be a (n_rows, 2) array with at least one row")
        elif self.starts.min() < 0 or np.any(self.starts[:, 0] > self.starts[:, 1]):
            problems.append("a start is two positions from 0 on, the lesser first")
        if not 1 <= self.least_gap <= self.most_gap:
            problems.append(f"gaps {self.least_gap}..{self.most_gap} are none")
        if problems:
            raise ValueError("; ".join(problems))

    def __len__(self) -> int:
        return len(self.starts)
