"""What a model changes: the prior weights of survivors, tilted by what it predicts of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Tilt"]

_LN_2 = math.log(2)


@dataclass(frozen=True)
class Tilt:
    """``log2 w_i' = log2 w_i + tau * z_i / ln 2``, and the weights add up as before.

    Attributes
    ----------
    tau
        How much a model's word counts, at least 0; 0 leaves everything as it was.
    mean, spread
        Of the predictions that the tilt was chosen by: ``z = (predicted - mean) / spread``.
    """

    tau: float
    mean: float
    spread: float

    @classmethod
    def of(cls, tau: float, predicted: NDArray[np.float64]) -> Tilt:
        """Return the tilt that standardises by these predictions; by spread 1 if all are equal."""
        if not len(predicted):
            return cls(tau, 0.0, 1.0)
        return cls(tau, float(predicted.mean()), float(predicted.std()) or 1.0)

    def z(self, predicted: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the predictions in spreads from their mean."""
        return (predicted - self.mean) / self.spread

    def log2_weights(
        self, log2_prior: NDArray[np.float64], predicted: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the tilted weights.

        Parameters
        ----------
        log2_prior
            float64 array, shape (n,); -inf for a row that has no part, such as a stream's second.
        predicted
            What the model says of each row, shape (n,).
        """
        tilted = log2_prior + self.tau * self.z(predicted) / _LN_2
        return tilted + _log2_total(log2_prior) - _log2_total(tilted)


def _log2_total(log2_weights: NDArray[np.float64]) -> float:
    top = log2_weights.max(initial=-np.inf)
    if top == -np.inf:
        return 0.0
    return float(top + np.log2(np.exp2(log2_weights - top).sum()))
