"""What the kernel needs to know of a slice of draws, worked out once for all survivors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.scoring._feature_kernel import COUNT_BITS, feature_kernel
from seedfleet.scoring.reference import LEAST_SHARE
from seedfleet.scoring.windows import MOST_BINS, Windows, bin_shift, digit_places, lane_chance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedfleet.scoring.settings import ScoringSettings

__all__ = ["MOST_DRAWS", "SlicePlan"]

MOST_DRAWS = 2**COUNT_BITS - 1  # of one slice: a bin may hold all of them


@dataclass(frozen=True, eq=False)
class SlicePlan:
    """A slice made ready for `feature_kernel`.

    Attributes
    ----------
    draws
        How many there are, at least 1.
    dtype
        uint16 where the modulus allows, else uint32: that of `pred`.
    """

    draws: int
    dtype: np.dtype[Any]
    _arrays: tuple[Any, ...]
    _room: tuple[tuple[int, ...], int, int, tuple[int, int]]

    @classmethod
    def of(cls, act: NDArray[np.int64], modulus: int, settings: ScoringSettings) -> SlicePlan:
        """Look at the draws of a slice, int64 array, shape (n,), ``1 <= n <= MOST_DRAWS``."""
        dtype = np.dtype(np.uint16 if modulus <= 2**16 else np.uint32)
        windows = Windows.of(len(act), settings)
        edges = {0, len(act)}
        edges |= {each for at in windows.starts for each in (at, at + windows.size)}
        cuts = np.array(sorted(edges))
        starts = np.array(windows.starts)
        spans = np.stack(
            [
                np.searchsorted(cuts, starts),
                np.searchsorted(cuts, starts + windows.size),
                np.full(len(starts), windows.size),
            ],
            axis=1,
        )
        places = 10 ** np.arange(digit_places(modulus))[:, np.newaxis]
        lanes = np.array([_lane(lane, dtype.itemsize * 8) for lane in settings.residue_mods])
        bins = _bins(act, modulus, lanes)
        arrays = (
            act.astype(dtype),
            (act // places % 10).astype(dtype),
            cuts,
            windows.covered(len(act))[cuts[:-1]].astype(np.uint8),
            spans,
            lanes,
            np.array([lane_chance(lane, modulus) for lane in settings.residue_mods]),
            bins,
        )
        return cls(
            len(act),
            dtype,
            arrays,
            ((len(cuts), 5), len(act), len(bins[2]), (3, int(lanes[:, 5].max()))),
        )

    def fill(self, pred: NDArray[Any], out: NDArray[np.float64]) -> None:
        """Write what is found of each row of `pred`, shape (k, draws), into `out`, shape (k, 45).

        Those are the 44 features that need a stream, and the exact matches.
        """
        tallies, left, bins, lanes = self._room
        room = (
            np.zeros(tallies, dtype=np.int64),
            np.empty(left, dtype=self.dtype),
            np.empty(bins, dtype=np.uint64),
            np.empty(lanes, dtype=np.int64),
        )
        feature_kernel(8 * self.dtype.itemsize)(pred, self._arrays, room, out)


def _lane(lane: int, bits: int) -> tuple[int, ...]:
    """Return mask, inverse and limit of the test for a lane, then lane, its shift and its bins.

    Where a lane has no multiple but 0 among the distances, all bits have to be 0.
    """
    even = lane & -lane
    odd = lane // even
    shift = bin_shift(lane)
    binned = (lane, shift, min(lane, MOST_BINS))
    if lane >= 1 << bits:
        return ((1 << bits) - 1, 0, 0, *binned)
    return (even - 1, pow(odd, -1, 1 << bits), ((1 << bits) - 1) // odd, *binned)


def _bins(act: NDArray[np.int64], modulus: int, lanes: NDArray[np.int64]) -> tuple[Any, ...]:
    """Return what `_orders` is given: shift, packed ranks, cumulated counts, lanes and logs."""
    count, shift = len(act), bin_shift(modulus)
    binned = act >> shift
    held = np.bincount(binned, minlength=((modulus - 1) >> shift) + 1)
    below = np.cumsum(held)
    twice = (2 * below - held + 1)[binned]  # twice the average rank
    packed = (twice << COUNT_BITS | 1).astype(np.uint64)
    rank_power = float(((twice - (count + 1)).astype(float) ** 2).sum())
    folds = np.empty((3, 0), dtype=np.int32)
    if shift == 0:
        folds = (np.arange(modulus) % lanes[:, 3:4] >> lanes[:, 4:5]).astype(np.int32)
    shares = np.zeros((3, int(lanes[:, 5].max()) + 1))
    for lane, (divisor, less, residues) in enumerate(lanes[:, 3:].tolist()):
        own = np.bincount(act % divisor >> less, minlength=residues) / count
        own = np.maximum(own, LEAST_SHARE)
        shares[lane, :residues] = own
        shares[lane, -1] = (own * np.log(own)).sum()
    logs = np.log(np.maximum(np.arange(count + 1) / count, LEAST_SHARE))
    return shift, packed, below, folds, lanes, shares, logs, rank_power
