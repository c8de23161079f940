"""How good predictions are, each figure beside what chance gives."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedfleet.models.permutation import GroupPermutations

__all__ = ["Quality", "overfit_ratio", "permutation_p_value", "spearman"]


@dataclass(frozen=True)
class Quality:
    """Predictions held against labels.

    Attributes
    ----------
    rows
        How many.
    rmse, chance_rmse
        Root of the mean squared error, and that of always saying what was `expected`.
    r2
        ``1 - (rmse / chance_rmse)**2``: 0 by chance, less for predictions that do harm; 0 too where
        the labels are all as expected.
    spearman
        Rank correlation, 0 by chance.
    spearman_spread
        Its standard deviation by chance, ``1 / sqrt(rows - 1)``.
    """

    rows: int
    rmse: float
    chance_rmse: float
    r2: float
    spearman: float
    spearman_spread: float

    @classmethod
    def of(
        cls, labels: NDArray[np.float64], predicted: NDArray[np.float64], *, expected: float
    ) -> Quality:
        """Measure predictions.

        Parameters
        ----------
        labels, predicted
            float64 arrays, shape (n,), n at least 2.
        expected
            What is said without a model: the mean of the labels that the model learned from.
        """
        rmse = float(np.sqrt(np.mean((labels - predicted) ** 2)))
        plain = float(np.sqrt(np.mean((labels - expected) ** 2)))
        return cls(
            rows=len(labels),
            rmse=rmse,
            chance_rmse=plain,
            r2=1.0 - (rmse / plain) ** 2 if plain > 0 else 0.0,
            spearman=spearman(labels, predicted),
            spearman_spread=float(1 / np.sqrt(len(labels) - 1)),
        )

    def to_document(self) -> dict[str, dict[str, float | None]]:
        """Return each figure with its value by chance, as sidecars hold them."""
        told = asdict(self)
        chances = {"rmse": self.chance_rmse, "r2": 0.0, "spearman": 0.0}
        return {name: {"value": told[name], "chance": chance} for name, chance in chances.items()}


def overfit_ratio(unseen: Quality, learned: Quality) -> float | None:
    """Return how much larger the error is on rows that a model has not seen than on its own.

    Each is in units of what is expected without a model on the same rows, so that rows with other
    labels do not count as overfitting: 1 is none, and chance gives 1. None where the model makes
    no error on its own rows, or labels are all as expected.
    """
    if 0 in (learned.rmse, learned.chance_rmse, unseen.chance_rmse):
        return None
    return unseen.rmse / unseen.chance_rmse / (learned.rmse / learned.chance_rmse)


def spearman(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Return the rank correlation, ties at their mean rank; 0 where one side is constant."""
    ranks = [_centred_ranks(values) for values in (first, second)]
    scale = float(np.linalg.norm(ranks[0]) * np.linalg.norm(ranks[1]))
    return float(ranks[0] @ ranks[1]) / scale if scale > 0 else 0.0


def permutation_p_value(
    labels: NDArray[np.float64],
    predicted: NDArray[np.float64],
    permutations: GroupPermutations,
    *,
    count: int,
    seed: int,
) -> float:
    """Return how rarely predictions that are dealt out anew rank the labels as well.

    Returns
    -------
    float
        ``(1 + as good or better) / (1 + count)`` of the rank correlation, one-sided.
    """
    first, second = _centred_ranks(labels), _centred_ranks(predicted)
    found = float(first @ second)
    chance = np.random.default_rng(seed)
    dealt = [float(first @ second[permutations.draw(chance)]) for _ in range(count)]
    least = found - 1e-9 * float(np.linalg.norm(first) * np.linalg.norm(second))
    return (1 + sum(value >= least for value in dealt)) / (1 + count)


def _centred_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: NDArray[np.float64] = (last - (counts - 1) / 2)[places]
    return np.asarray(ranks - ranks.mean())
