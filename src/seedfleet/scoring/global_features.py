"""The 14 features of the draws alone: the same for every survivor of one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seedfleet.scoring.feature_names import GLOBAL_FEATURES

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["global_features"]


def global_features(draws: NDArray[np.int64]) -> NDArray[np.float64]:
    """Describe draws; moments are those of the draws themselves (divided by n, not n - 1).

    Parameters
    ----------
    draws
        int64 array, shape (n,).

    Returns
    -------
    NDArray
        float64 array, shape (14,), in the order of `GLOBAL_FEATURES`; zeros without draws. Skew is
        ``m3 / m2**1.5``, kurtosis ``m4 / m2**2 - 3``, both 0 of equal draws; entropy is that of the
        shares of the values that occur, in nats; iqr the distance of the quartiles (interpolated
        linearly); cv is std / mean, 0 where the mean is; unique_ratio the distinct values divided
        by n; repeat_ratio the share of draws, the first one aside, that equal the one before.
    """
    count = len(draws)
    if count == 0:
        return np.zeros(len(GLOBAL_FEATURES))
    mean, std = float(draws.mean()), float(draws.std())
    apart = draws - mean
    skew = float((apart**3).mean()) / std**3 if std > 0 else 0.0
    kurtosis = float((apart**4).mean()) / std**4 - 3 if std > 0 else 0.0
    shares = np.unique(draws, return_counts=True)[1] / count
    low, middle, high = np.percentile(draws, [25, 50, 75])
    return np.array(
        [
            mean,
            std,
            draws.min(),
            draws.max(),
            middle,
            skew,
            kurtosis,
            -(shares * np.log(shares)).sum() + 0.0,
            draws.max() - draws.min(),
            high - low,
            std / mean if mean > 0 else 0.0,
            count,
            len(shares) / count,
            float((draws[1:] == draws[:-1]).mean()) if count > 1 else 0.0,
        ]
    )
