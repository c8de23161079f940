"""What is asked of every seed: draws at fixed stream positions, or along any path of gaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Leg", "Rows", "Walk", "as_integers", "constant_skip_positions"]

_MAX_MODULUS = 2**31


def as_integers(values: object, *, dimensions: int) -> NDArray[np.int64] | None:
    """Return an array of any integers as int64, and None for anything else.

    Of uint64, what is beyond int64 comes out negative, which no draw and no position is.
    """
    if not isinstance(values, np.ndarray) or values.ndim != dimensions:
        return None
    return values.astype(np.int64, copy=False) if values.dtype.kind in "iu" else None


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


def _problems_of_positions(positions: NDArray[np.int64]) -> list[str]:
    problems = []
    if positions.size == 0 or positions.min() < 0:
        problems.append("a row needs at least one position, and none below 0")
    if np.any(np.diff(positions, axis=1) <= 0):
        problems.append("positions must increase along each row")
    return problems


def _problems(values: NDArray[np.int64] | None, modulus: int, legs: tuple[Leg, ...]) -> list[str]:
    """List what is wrong with these; values of None have been told of."""
    problems = []
    if not 2 <= modulus <= _MAX_MODULUS:
        problems.append(f"the modulus {modulus} is not within 2..{_MAX_MODULUS}")
    if values is not None and values.size and (values.min() < 0 or values.max() >= modulus):
        problems.append(f"values must lie in [0, {modulus})")
    depth = None if values is None else values.shape[-1]
    if not legs or depth not in (None, sum(leg.draws for leg in legs)):
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
        integer array, shape (n_rows, depth), kept as int64: stream positions, increasing along a
        row, from 0 on.
    values
        integer array, shape (n_rows, depth), kept as int64: the draws in ``[0, modulus)``.
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
        positions = as_integers(self.positions, dimensions=2)
        values = as_integers(self.values, dimensions=2)
        problems = []
        if positions is None or values is None or positions.shape != values.shape:
            problems.append(
                "positions and values must be two equal (n_rows, depth) arrays of integers"
            )
        if positions is not None:
            problems += _problems_of_positions(positions)
        problems += _problems(values, self.modulus, self.legs)
        if problems:
            raise ValueError("; ".join(problems))
        object.__setattr__(self, "positions", positions)
        object.__setattr__(self, "values", values)

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
        integer array, shape (n_rows, 2), kept as int64: first and last position that draw 0 may
        have, from 0 on.
    values
        integer array, shape (depth,), kept as int64: the draws in ``[0, modulus)``.
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
        starts = as_integers(self.starts, dimensions=2)
        values = as_integers(self.values, dimensions=1)
        problems = _problems(values, self.modulus, self.legs)
        if values is None:
            problems.append("values must be a (depth,) array of integers")
        if starts is None or starts.shape[1:] != (2,) or len(starts) == 0:
            problems.append("starts must be a (n_rows, 2) array of integers with at least one row")
        elif starts.min() < 0 or np.any(starts[:, 0] > starts[:, 1]):
            problems.append("a start is two positions from 0 on, the lesser first")
        if not 1 <= self.least_gap <= self.most_gap:
            problems.append(f"gaps {self.least_gap}..{self.most_gap} are none")
        if problems:
            raise ValueError("; ".join(problems))
        object.__setattr__(self, "starts", starts)
        object.__setattr__(self, "values", values)

    def __len__(self) -> int:
        return len(self.starts)
