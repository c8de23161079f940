"""The features of one survivor, written to be read: the witness of the kernel.

`act` are the draws that a survivor explains, oldest first, `pred` what its stream gives for them.
Every sum is taken the plain way; O(n log n) and slow. docs/features.md has the formulas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seedfleet.scoring.windows import (
    MOST_BINS,
    Windows,
    bin_shift,
    digit_places,
    lane_chance,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedfleet.scoring.settings import ScoringSettings

    Draws = NDArray[np.int64]

__all__ = ["LEAST_SHARE", "STREAM_FEATURES", "stream_features"]

STREAM_FEATURES = 44  # residue, temporal and statistical; the 4 of the metadata need no stream
LEAST_SHARE = 1e-10  # of a residue that does not occur, in Kullback-Leibler divergences


def stream_features(
    pred: Draws, act: Draws, modulus: int, settings: ScoringSettings
) -> NDArray[np.float64]:
    """Return the first 44 of `SURVIVOR_FEATURES`.

    Parameters
    ----------
    pred, act
        int64 arrays, shape (n,), in ``[0, modulus)``.

    Returns
    -------
    NDArray
        float64 array, shape (44,); zeros where there is no draw.
    """
    if len(act) == 0:
        return np.zeros(STREAM_FEATURES)
    return np.array(
        [
            *(
                each
                for lane in settings.residue_mods
                for each in _residue(pred, act, modulus, lane)
            ),
            *_temporal(pred, act, modulus, settings),
            *_statistical(pred, act, modulus),
        ]
    )


def _residue(pred: Draws, act: Draws, modulus: int, lane: int) -> list[float]:
    count, chance = len(act), lane_chance(lane, modulus)
    matches = int((pred % lane == act % lane).sum())
    spread = np.sqrt(count * chance * (1 - chance))
    shift = bin_shift(lane)
    bins = min(lane, MOST_BINS)
    shares = [
        np.maximum(np.bincount(each % lane >> shift, minlength=bins) / count, LEAST_SHARE)
        for each in (act, pred)
    ]
    divergence = max(0.0, float((shares[0] * np.log(shares[0] / shares[1])).sum()))
    return [
        matches / count,
        float((matches - count * chance) / spread) if spread > 0 else 0.0,
        divergence,
        1 / (1 + divergence),
    ]


def _temporal(pred: Draws, act: Draws, modulus: int, settings: ScoringSettings) -> list[float]:
    windows = Windows.of(len(act), settings)
    first, second, _ = settings.residue_mods
    places = 10 ** np.arange(digit_places(modulus))[:, np.newaxis]
    agreeing = pred // places % 10 == act // places % 10
    series = (
        pred == act,
        pred % first == act % first,
        pred % second == act % second,
        agreeing.mean(axis=0),
    )
    features = []
    for each in series:
        rates = np.array([each[at : at + windows.size].mean() for at in windows.starts])
        features += [rates.mean(), rates.std(), rates.min(), rates.max(), _trend(rates)]
    return features


def _trend(rates: NDArray[np.float64]) -> float:
    """Return the least-squares slope a window; 0 of a single one."""
    place = np.arange(len(rates)) - (len(rates) - 1) / 2
    return float((place * rates).sum() / max((place**2).sum(), LEAST_SHARE))


def _statistical(pred: Draws, act: Draws, modulus: int) -> list[float]:
    residual = (act - pred).astype(float)
    centred = residual - residual.mean()
    power = (centred**2).sum()
    return [
        pred.mean(),
        pred.std(),
        pred.min(),
        pred.max(),
        residual.mean(),
        residual.std(),
        np.abs(residual).mean(),
        np.abs(residual).max(),
        (centred[:-1] * centred[1:]).sum() / power if power > 0 else 0.0,
        *_orders(pred, act, modulus),
    ]


def _orders(pred: Draws, act: Draws, modulus: int) -> list[float]:
    """Return Spearman's rho, the longest run of matches, and the Kolmogorov-Smirnov distance."""
    shift = bin_shift(modulus)
    pred_bins, act_bins = pred >> shift, act >> shift
    pred_ranks, act_ranks = (_ranks(each) for each in (pred_bins, act_bins))
    power = (pred_ranks**2).sum() * (act_ranks**2).sum()
    rho = (pred_ranks * act_ranks).sum() / np.sqrt(power) if power > 0 else 0.0
    edges = np.flatnonzero(np.concatenate([[True], pred != act, [True]]))
    bins = np.arange(min(modulus, MOST_BINS))
    below = [np.searchsorted(np.sort(each), bins, side="right") for each in (pred_bins, act_bins)]
    distance = np.abs(below[0] - below[1]).max() / len(act)
    return [float(rho), int(np.diff(edges).max()) - 1, float(distance)]


def _ranks(values: Draws) -> NDArray[np.float64]:
    """Return average ranks, less their mean."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    return np.asarray(ranks[place] - (len(values) + 1) / 2, dtype=np.float64)
