"""The lattice on which the high bits of a linear generator lie, and its points in given boxes.

Observation k of an unknown high word ``u`` shows ``multipliers[k] * u + target_k`` modulo
``2**bits``. All points ``multipliers * u`` form a lattice that depends on the multipliers alone: it
is reduced once (LLL), and every target then costs a short walk to the points that are close to it.

Source: Frieze, Hastad, Kannan, Lagarias and Shamir, SIAM Journal on Computing 17 (1988).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import exp, inf, lgamma, log, pi, sqrt
from typing import TYPE_CHECKING

import flint
import numpy as np

from seedfleet.recover.congruential._lattice_kernel import close_kernel, near_kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Boxes", "Lattice", "kept_share", "lattice_size", "points_in_boxes", "reduced"]

# Standard deviations by which the length of an error may exceed its mean, each with the steps that
# all targets together may take for it.
_SPREADS = ((3.5, 2**18), (2.5, 2**22), (2.0, inf))
_MOST_COORDINATES = 40
_KEPT_SAMPLES = 2000
_ROOM = 1024
_REACH = 4.2  # standard deviations of an error along a dual vector that are allowed for
_USEFUL = 0.6  # share of the targets that a test may let pass
_MOST_TESTS = 5
_TEST_BITS = 32


def lattice_size(bits: int, bits_each: float, available: int) -> int:
    """Return how many observations a lattice should have, at least 2.

    Parameters
    ----------
    bits
        Width of the unknown high word.
    bits_each
        What an observation tells of it.
    available
        How many observations there are, at least 2.

    Notes
    -----
    More than the `bits` need make the basis longer beside the boxes, until its dimension costs more
    than it gains. By measurement twice as many do for moduli from 16 on, three times as many for 3.
    """
    ratio = 2 + max(0.0, 4 - bits_each) / 2.5
    return max(2, min(round(ratio * bits / bits_each), _MOST_COORDINATES, available))


@dataclass(frozen=True, eq=False)
class Lattice:
    """A reduced basis of the multiples of a vector modulo ``2**bits``.

    Attributes
    ----------
    basis
        float64 array, shape (n, n), whole numbers: one vector a row, about the shortest first.
    dual
        float64 array, shape (n, n): the orthogonalised vectors over their squared lengths.
    lengths
        float64 array, shape (n,): squared lengths of the orthogonalised vectors.
    tests
        int64 array, shape (n, n): whole vectors, the shortest first, whose product with every
        point of the lattice is a multiple of ``2**bits``.
    bits
        Width of the high word.
    """

    basis: NDArray[np.float64]
    dual: NDArray[np.float64]
    lengths: NDArray[np.float64]
    tests: NDArray[np.int64]
    bits: int

    @classmethod
    def of(cls, multipliers: NDArray[np.uint64], bits: int) -> Lattice:
        """Reduce the lattice of ``multipliers * u mod 2**bits``, the first of them 1.

        Parameters
        ----------
        multipliers
            uint64 array, shape (n,), n >= 2.
        bits
            At most 48, so that coordinates are exact as doubles.
        """
        n, modulus = len(multipliers), 1 << bits
        rows = [[int(each) % modulus for each in multipliers]]
        rows += [[modulus * (i == k) for k in range(n)] for i in range(1, n)]
        reduced = flint.fmpz_mat(rows).lll()
        basis = np.array([[int(each) for each in row] for row in reduced.tolist()], dtype=float)
        directions, triangle = np.linalg.qr(basis.T)
        heights = np.diag(triangle)
        tests = np.rint(np.linalg.inv(basis).T * modulus).astype(np.int64)
        tests = tests[np.argsort(np.sum(tests**2.0, axis=1))]
        dual = np.ascontiguousarray((directions / heights).T)
        return cls(basis, dual, heights**2, tests, bits)

    def limits(self, width: float, spread: float) -> NDArray[np.float64]:
        """Return how long the last parts of an error may be, shape (n,), squared.

        The error is uniform in a box of that width. Its projections to directions of the basis are
        close to normal, so that the sum of squares of k of them has a chi-square law, here with the
        quantile of Wilson and Hilferty (Proceedings of the National Academy of Sciences 17, 1931)
        at `spread` standard deviations.
        """
        k = np.arange(len(self.lengths), 0, -1)
        quantile = k * (1 - 2 / (9 * k) + spread * np.sqrt(2 / (9 * k))) ** 3
        limits: NDArray[np.float64] = width**2 / 12 * quantile
        return limits

    def steps(self, width: float, spread: float) -> float:
        """Estimate the steps of one walk: points of projected lattices in balls, by volume."""
        logs = np.cumsum(np.log(self.lengths[::-1]))
        total = 1.0
        for k, limit in enumerate(self.limits(width, spread)[:0:-1], start=1):
            volume = k / 2 * log(pi * limit) - lgamma(k / 2 + 1)
            total += exp(volume - logs[k - 1] / 2)
        return total

    def spread(self, width: float, targets: int) -> float:
        """Return the most generous spread that so many targets can afford."""
        for spread, most_steps in _SPREADS:
            if self.steps(width, spread) * targets <= most_steps:
                break
        return spread


@lru_cache(maxsize=2048)  # the windows of a search share the lattices of its skips
def reduced(multipliers: bytes, bits: int) -> Lattice:
    """Return `Lattice.of` the multipliers, given as the bytes of their uint64 array."""
    return Lattice.of(np.frombuffer(multipliers, dtype=np.uint64), bits)


@lru_cache(maxsize=4096)  # asked for every batch of windows
def kept_share(lattice: Lattice, width: float, targets: int) -> float:
    """Return the share of points in boxes of that width that a walk finds, by sampling."""
    size = len(lattice.lengths)
    errors = np.random.default_rng(size).uniform(-width / 2, width / 2, (_KEPT_SAMPLES, size))
    parts = (errors @ lattice.dual.T) ** 2 * lattice.lengths
    fixed = np.cumsum(parts[:, ::-1], axis=1)[:, ::-1]
    limits = lattice.limits(width, lattice.spread(width, targets))
    return float(np.mean(np.all(fixed[:, 1:] <= limits[1:], axis=1)))


@dataclass(frozen=True, eq=False)
class Boxes:
    """What observations say about a high word, once its low word is known.

    Observation k shows the state ``multipliers[k] * state + increments[k]`` modulo
    ``2**modulus_bits`` of the state at observation 0. Its high part, above `low_bits`, is
    ``wanted[k] + factor * q`` with a q in ``[0, widths[k])``.

    Attributes
    ----------
    multipliers, increments, wanted, widths
        uint64 arrays, shape (n,).
    modulus_bits, low_bits
        Widths of the state and of the low word.
    factor
        Odd.
    """

    multipliers: NDArray[np.uint64]
    increments: NDArray[np.uint64]
    wanted: NDArray[np.uint64]
    widths: NDArray[np.uint64]
    modulus_bits: int
    low_bits: int
    factor: int = 1

    @property
    def high_bits(self) -> int:
        """State bits above the low word."""
        return self.modulus_bits - self.low_bits


def points_in_boxes(
    lattice: Lattice, boxes: Boxes, low_words: NDArray[np.uint64], *, most_steps: int = 10**7
) -> tuple[list[int], int]:
    """Return the states at observation 0 that show a point in every box, and the steps taken.

    Parameters
    ----------
    lattice
        Of the first multipliers of the boxes, modulo ``2**boxes.high_bits``.
    low_words
        uint64 array, shape (m,): the low words to be tried.
    most_steps
        After so many a low word is given up.

    Notes
    -----
    O(n * steps) for each low word.
    """
    size, targets = len(lattice.basis), len(low_words)
    if targets > 1:
        low_words = _near(lattice, boxes, low_words)
    high_mask = (1 << boxes.high_bits) - 1
    jumps = (
        boxes.multipliers,
        boxes.increments,
        np.uint64((1 << boxes.modulus_bits) - 1),
        np.uint64(boxes.low_bits),
    )
    inverse = np.uint64(pow(boxes.factor, -1, high_mask + 1))
    observed = (boxes.wanted, boxes.widths, inverse, np.uint64(high_mask))
    widths = boxes.widths[:size].astype(float)
    width = float(widths.max())
    limits = lattice.limits(width, lattice.spread(width, targets))
    walked = (lattice.basis, lattice.dual, lattice.lengths, limits, (widths - 1) / 2)
    room = np.empty((2, _ROOM), dtype=np.uint64)
    arguments = (low_words, jumps, observed, walked, most_steps)
    while (found := close_kernel()(*arguments, room))[0] > room.shape[1]:
        room = np.empty((2, found[0]), dtype=np.uint64)
    hits, steps = found
    return [
        (multiple * boxes.factor & high_mask) << boxes.low_bits | low
        for multiple, low in room[:, :hits].T.tolist()
    ], steps


def _near(lattice: Lattice, boxes: Boxes, low_words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Leave out the low words whose targets a short dual vector shows to be far from any point."""
    size, bits = len(lattice.basis), boxes.high_bits
    width = float(boxes.widths.max())
    reaches = _REACH * width / sqrt(12) * np.sqrt(np.sum(lattice.tests**2.0, axis=1))
    useful = np.flatnonzero(2 * reaches < _USEFUL * 2**bits)[:_MOST_TESTS]
    if bits > _TEST_BITS or len(useful) == 0:
        return low_words
    scale = 1 << (_TEST_BITS - bits)
    inverse = pow(boxes.factor, -1, 1 << bits)
    rows = lattice.tests[useful].astype(object) * inverse
    # The point that the carried parts are compared with: where the centre of the boxes would be.
    wanted = boxes.wanted[:size].astype(object)
    centres = (boxes.widths[:size].astype(float) - 1) / 2
    middles = np.rint(lattice.tests[useful] @ centres).astype(np.int64).astype(object)
    lead = np.ceil(reaches[useful]).astype(np.int64).astype(object) + 1
    offsets = lead - middles - rows @ wanted
    mask = 2**_TEST_BITS - 1
    tests = (
        (rows * scale & mask).astype(np.uint32),
        (offsets * scale & mask).astype(np.uint32),
        (2 * lead * scale).astype(np.uint32),
    )
    jumps = (
        boxes.multipliers[:size],
        boxes.increments[:size],
        np.uint64((1 << boxes.modulus_bits) - 1),
        np.uint64(boxes.low_bits),
    )
    room = np.empty(len(low_words), dtype=np.uint64)
    return room[: near_kernel()(jumps, low_words, tests, room)]
