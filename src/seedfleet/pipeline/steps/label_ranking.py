"""How well a score puts first those survivors that later draws speak for, and what chance gives.

The measure is an area under a curve with weights: the share of survivors that a survivor outranks,
averaged over survivors in proportion to their worth. The worth of one is the square of what its
label has above the mean of all labels, and nothing where it has less. Ranks make the scale of a
score irrelevant. Labels keep theirs: nearly all survivors of a sieve are there by chance, so that
their order among each other is noise, and a correlation of ranks, in which one true stream among
thousands weighs as much as any other, would not notice that it comes first.

A score that knows nothing has 0.5, and what it has under shuffled labels is found by shuffling.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MEASURE", "p_value", "rank_shares", "ranking", "shuffled", "worths"]

MEASURE = "worth-weighted AUC"


def worths(labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what each survivor counts in the measure.

    Parameters
    ----------
    labels
        float64, shape (n,): the larger, the better the later draws fit the survivor.

    Returns
    -------
    NDArray
        float64, shape (n,), at least 0, with the sum 1; all 0 where the labels are all the same.
    """
    if not len(labels) or not np.ptp(labels):
        return np.zeros(len(labels))
    excess = np.maximum(labels - labels.mean(), 0.0) / np.ptp(labels)
    squares = excess**2
    weights: NDArray[np.float64] = squares / squares.sum()
    return weights


def rank_shares(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the share of survivors that each one outranks, itself and ties counted half.

    Returns
    -------
    NDArray
        float64, shape (n,), in (0, 1), with the mean 0.5; O(n log n).
    """
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    below = np.cumsum(counts) - counts
    return (below + counts / 2)[place.reshape(-1)] / max(len(scores), 1)


def ranking(scores: NDArray[np.float64], labels: NDArray[np.float64]) -> float:
    """Return the measure, in [0, 1]; 0.5 where the labels are all the same, or there are none."""
    weights = worths(labels)
    return float(rank_shares(scores) @ weights) if weights.any() else 0.5


def shuffled(
    shares: NDArray[np.float64],
    weights: NDArray[np.float64],
    shuffles: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the measure under shuffled labels.

    Parameters
    ----------
    shares
        float64, shape (..., n): of one score, or of several that are shuffled together.
    weights
        float64, shape (n,): the worths that are dealt out anew.

    Returns
    -------
    NDArray
        float64, shape (shuffles, ...); O(n * shuffles) for each score.
    """
    # Most worths are 0 or nearly so; what is dealt out are the places of all the same.
    return np.stack([shares @ rng.permutation(weights) for _ in range(shuffles)])


def p_value(value: float, chances: NDArray[np.float64]) -> float:
    """Return the share of values at least as large, this one among them, in (0, 1]."""
    # Equal values may differ in their last bits by the order of the sum.
    reached = np.count_nonzero(chances >= value - 1e-12)
    return (1 + int(reached)) / (1 + len(chances))
