"""Boosted trees by CatBoost; checkpoints are its own binary format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import catboost
import numpy as np

from seedfleet.models.base import Model, ModelError, column_names, columns_of_names
from seedfleet.models.boosting import BOOSTING_PARAMETERS

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from seedfleet.models.base import Validation

__all__ = ["CatBoostModel"]


class CatBoostModel(Model):
    """Gradient boosted oblivious trees: all nodes of one depth ask the same question.

    Labels are learned in units of their own spread; scale and bias are part of the checkpoint.
    """

    name = "catboost"
    library = "catboost"
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
        mean, scale = float(labels.mean()), float(labels.std())
        names = column_names(self.columns, self.n_columns)
        rows = catboost.Pool(features, (labels - mean) / scale, feature_names=names)
        watched = None
        if validation is not None:
            told = (validation.labels - mean) / scale
            watched = catboost.Pool(validation.features, told, feature_names=names)
        self._booster = self._regressor(seed)
        self._booster.fit(
            rows,
            eval_set=watched,
            early_stopping_rounds=None if watched is None else self.settings["patience"],
            use_best_model=watched is not None,
        )
        self._gains = np.asarray(self._booster.get_feature_importance())
        self.rounds = int(self._booster.tree_count_)
        inner_scale, inner_bias = self._booster.get_scale_and_bias()
        self._booster.set_scale_and_bias(scale * inner_scale, mean + scale * inner_bias)

    def _regressor(self, seed: int) -> catboost.CatBoostRegressor:
        # Oblivious trees know no least number of rows in a leaf: l2 alone holds small leaves back.
        return catboost.CatBoostRegressor(
            loss_function="RMSE",
            iterations=self.settings["rounds"],
            learning_rate=self.settings["learning_rate"],
            depth=self.settings["depth"],
            l2_leaf_reg=self.settings["l2"],
            bootstrap_type="Bernoulli",
            subsample=self.settings["row_share"],
            rsm=self.settings["column_share"],
            random_seed=seed,
            thread_count=1,
            allow_writing_files=False,
            logging_level="Silent",
        )

    def _predict(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(self._booster.predict(features, thread_count=1), dtype=np.float64)

    def _importance(self) -> NDArray[np.float64]:
        return self._gains

    def save(self, path: Path) -> None:
        """Write the booster."""
        self._booster.save_model(str(path))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a booster."""
        path.stat()
        model = cls({})
        model._booster = catboost.CatBoostRegressor()
        try:
            model._booster.load_model(str(path))
        except catboost.CatBoostError as error:
            raise ModelError([f"{path}: no model by CatBoost: {_first_line(error)}"]) from error
        model.columns, model.n_columns = columns_of_names(model._booster.feature_names_)
        model._gains = np.asarray(model._booster.get_feature_importance())
        model.rounds = int(model._booster.tree_count_)
        return model


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
