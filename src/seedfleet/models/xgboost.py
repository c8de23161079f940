"""Boosted trees by XGBoost; checkpoints are its own binary JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import xgboost

from seedfleet.models.base import Model, ModelError, column_names, columns_of_names
from seedfleet.models.boosting import BOOSTING_PARAMETERS

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from seedfleet.models.base import Validation

__all__ = ["XGBoostModel"]


class XGBoostModel(Model):
    """Gradient boosted trees, grown by level over histograms.

    Labels are learned in units of their own spread, which the checkpoint keeps as attributes:
    XGBoost takes gains below 1e-6 for none, whatever unit they are in.
    """

    name = "xgboost"
    library = "xgboost"
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
        self._mean, self._scale = float(labels.mean()), float(labels.std())
        self._names = column_names(self.columns, self.n_columns)
        told: dict[str, Any] = {}
        if validation is not None:
            watched = self._matrix(validation.features, validation.labels)
            told = {
                "evals": [(watched, "validation")],
                "early_stopping_rounds": self.settings["patience"],
            }
        booster = xgboost.train(
            self._told(seed),
            self._matrix(features, labels),
            self.settings["rounds"],
            verbose_eval=False,
            **told,
        )
        self.rounds = booster.best_iteration + 1 if told else self.settings["rounds"]
        self._booster = booster[: self.rounds]
        self._booster.feature_names = self._names
        self._booster.set_attr(mean=repr(self._mean), scale=repr(self._scale))

    def _told(self, seed: int) -> dict[str, Any]:
        return {
            "objective": "reg:squarederror",
            "base_score": 0.0,  # of labels whose mean is taken off
            "tree_method": "hist",
            "eta": self.settings["learning_rate"],
            "max_depth": self.settings["depth"],
            "min_child_weight": self.settings["min_leaf"],
            "lambda": self.settings["l2"],
            "subsample": self.settings["row_share"],
            "colsample_bytree": self.settings["column_share"],
            "seed": seed,
            "nthread": 1,
            "verbosity": 0,
        }

    def _matrix(
        self, features: NDArray[np.float64], labels: NDArray[np.float64] | None = None
    ) -> xgboost.DMatrix:
        told = None if labels is None else (labels - self._mean) / self._scale
        return xgboost.DMatrix(features, told, feature_names=self._names, nthread=1)

    def _predict(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        predicted = self._booster.predict(self._matrix(features)).astype(np.float64)
        return self._mean + self._scale * predicted

    def _importance(self) -> NDArray[np.float64]:
        gains = self._booster.get_score(importance_type="total_gain")
        return np.array([gains.get(name, 0.0) for name in self._names], dtype=np.float64)

    def save(self, path: Path) -> None:
        """Write the booster."""
        self._booster.save_model(path)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a booster."""
        path.stat()
        model = cls({})
        try:
            model._booster = xgboost.Booster({"nthread": 1}, model_file=path)
            model._names = list(model._booster.feature_names or [])
            model.columns, model.n_columns = columns_of_names(model._names)
            model._mean = float(str(model._booster.attr("mean")))
            model._scale = float(str(model._booster.attr("scale")))
        except (xgboost.core.XGBoostError, ValueError) as error:
            raise ModelError([f"{path}: no model by XGBoost: {_first_line(error)}"]) from error
        model.rounds = model._booster.num_boosted_rounds()
        return model


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
