"""Boosted trees by LightGBM; checkpoints are its own text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import lightgbm
import numpy as np

from seedfleet.models.base import Model, ModelError, column_names, columns_of_names
from seedfleet.models.boosting import BOOSTING_PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from seedfleet.models.base import Validation

__all__ = ["LightGBMModel"]


class LightGBMModel(Model):
    """Gradient boosted trees, grown by leaf; a tree of depth d has up to 2**d leaves."""

    name = "lightgbm"
    library = "lightgbm"
    extra = "models"
    PARAMETERS = BOOSTING_PARAMETERS

    def _fit(
        self,
        features: NDArray[np.float64],
        labels: NDArray[np.float64],
        validation: Validation | None,
        *,
        seed: int,
    ) -> None:
        told = self._told(seed)
        names = column_names(self.columns, self.n_columns)
        rows = lightgbm.Dataset(features, labels, feature_name=names, params=told)
        watched: list[lightgbm.Dataset] = []
        stopping: list[Callable[..., Any]] = []
        if validation is not None:
            watched = [rows.create_valid(validation.features, validation.labels)]
            stopping = [lightgbm.early_stopping(self.settings["patience"], verbose=False)]
        self._booster = lightgbm.train(
            told, rows, self.settings["rounds"], valid_sets=watched, callbacks=stopping
        )
        # Of labels that no split explains it grows fewer trees than it was told to.
        self.rounds = self._booster.best_iteration or max(1, self._booster.current_iteration())

    def _told(self, seed: int) -> dict[str, Any]:
        return {
            "objective": "regression",
            "metric": "l2",
            "learning_rate": self.settings["learning_rate"],
            "max_depth": self.settings["depth"],
            "num_leaves": max(2, 2 ** self.settings["depth"]),
            "min_data_in_leaf": self.settings["min_leaf"],
            "min_sum_hessian_in_leaf": 0.0,
            "lambda_l2": self.settings["l2"],
            "bagging_fraction": self.settings["row_share"],
            "bagging_freq": 1,
            "feature_fraction": self.settings["column_share"],
            "seed": seed,
            "deterministic": True,
            "force_row_wise": True,  # else it tries which is faster, and so changes what it adds up
            "num_threads": 1,
            "verbosity": -1,
        }

    def _predict(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        predicted = self._booster.predict(features, num_iteration=self.rounds, num_threads=1)
        return np.asarray(predicted, dtype=np.float64)

    def _importance(self) -> NDArray[np.float64]:
        gains = self._booster.feature_importance("gain", iteration=self.rounds)
        return np.asarray(gains, dtype=np.float64)

    def save(self, path: Path) -> None:
        """Write the rounds that count."""
        self._booster.save_model(path, num_iteration=self.rounds)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a booster."""
        text = path.read_text(encoding="utf-8", errors="replace")
        model = cls({})
        if not text.startswith("tree\n"):  # LightGBM ends the process on some that it cannot read
            raise ModelError([f"{path}: no model by LightGBM: it does not begin with 'tree'"])
        try:
            model._booster = lightgbm.Booster(model_str=text)
            model.columns, model.n_columns = columns_of_names(model._booster.feature_name())
        except lightgbm.basic.LightGBMError as error:
            raise ModelError([f"{path}: no model by LightGBM: {error}"]) from error
        model.rounds = max(1, model._booster.current_iteration())
        return model
