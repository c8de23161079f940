"""A fold held out: a model that has seen none of its labels, and what it says of every row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.models.base import Validation
from seedfleet.models.types import create

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from seedfleet.models.training_data import TrainingData

__all__ = ["FoldFit", "fit_without"]


@dataclass(frozen=True, eq=False)
class FoldFit:
    """A model that was fitted without one fold.

    Attributes
    ----------
    learned
        bool array, shape (n,): the rows that it was fitted to.
    rounds
        Those that counted, at least 1.
    predicted
        float64 array, shape (n,): of every row.
    """

    learned: NDArray[np.bool_]
    rounds: int
    predicted: NDArray[np.float64]


def fit_without(
    fold: int, data: TrainingData, model_type: str, settings: Mapping[str, Any], *, seed: int
) -> FoldFit:
    """Fit a model to the other folds but one, by which it knows when to stop.

    With two folds there is none to spare, and all rounds are done. Rows that have equal labels or
    equal features teach nothing: then every row is given their mean label.

    Parameters
    ----------
    fold
        In ``[0, data.n_folds)``; at least two folds.
    model_type, settings
        As `create` takes them.

    Raises
    ------
    ModelError
        The type's library is not installed, or a setting is out of range.
    """
    held = data.folds == fold
    watched = data.folds == (fold + 1) % data.n_folds
    learned = ~held & ~watched if data.n_folds > 2 else ~held
    features, labels = data.features[learned], data.labels[learned]
    if not np.ptp(labels) or not np.ptp(features, axis=0).any():
        # The mean of equal labels may differ from them in its last bits, and so from other folds'.
        same = labels.mean() if np.ptp(labels) else labels[0]
        return FoldFit(learned, 1, np.full(len(data.labels), same))
    validation = Validation(data.features[watched], data.labels[watched])
    model = create(model_type, settings).fit(
        features, labels, validation if data.n_folds > 2 else None, seed=seed
    )
    return FoldFit(learned, model.rounds, model.predict(data.features))
