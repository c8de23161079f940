"""Cross-validation: what is said of a row owes nothing to its own label."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from seedfleet.models import ModelError, held_out
from seedfleet.models.fold_training import Trial, run_trial
from seedfleet.models.training_data import TrainingData
from seedfleet.models.types import load

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
Array = NDArray[np.float64]
TRIAL = Trial("xgboost", {"rounds": 20, "min_leaf": 5}, (0, 1, 2, 3), 1, 0)


@pytest.fixture
def data() -> TrainingData:
    """Return 200 rows of which two columns matter."""
    chance = np.random.default_rng(6)
    features = chance.normal(size=(200, 5))
    labels = features[:, 0] + features[:, 2] + 0.1 * chance.normal(size=200)
    return TrainingData(features, labels, chance.permutation(np.arange(200) % 4).astype(np.int8))


def predictions(result: dict, data: TrainingData) -> np.ndarray:  # type: ignore[type-arg]
    said = np.zeros(len(data.labels))
    for fold in result["folds"]:
        said[data.folds == fold["fold"]] = fold["predicted"]
    return said


def test_a_rows_label_does_not_change_what_is_said_of_its_fold(data: TrainingData) -> None:
    # Many rounds and little patience: labels that were watched would decide when to stop.
    impatient = {"rounds": 400, "patience": 3, "min_leaf": 5, "learning_rate": 0.3}
    trial, same = replace(TRIAL, settings=impatient), data.folds == 2
    before = run_trial(trial, data, None)
    negated = replace(data, labels=np.where(same, -data.labels, data.labels))
    after = run_trial(trial, negated, None)
    first, second = (predictions(each, data) for each in (before, after))
    assert first[same].tobytes() == second[same].tobytes()
    assert before["folds"][2]["rounds"] == after["folds"][2]["rounds"] < 400
    assert (first[~same] != second[~same]).any()


def test_figures_and_the_model_of_all_rows(data: TrainingData, tmp_path: Path) -> None:
    result = run_trial(TRIAL, data, tmp_path / "model.ubj")
    assert [fold["rows"] for fold in result["folds"]] == [50] * 4
    for fold in result["folds"]:
        assert fold["train"]["r2"] > fold["validation"]["r2"] > 0.2
    assert result["data_sha256"] == data.sha256
    median = int(np.median([fold["rounds"] for fold in result["folds"]]))
    assert result["refit"]["rounds"] == median
    assert load("xgboost", tmp_path / "model.ubj").rounds == median


def test_a_fold_that_sees_equal_labels_alone_says_just_that(data: TrainingData) -> None:
    labels = np.zeros(200)
    labels[np.flatnonzero(data.folds == 1)[0]] = 1.0
    said = predictions(run_trial(TRIAL, replace(data, labels=labels), None), data)
    assert (said[data.folds == 1] == 0).all()


def test_rows_with_equal_features_are_given_the_mean_of_what_was_learned(
    data: TrainingData,
) -> None:
    alike = replace(data, features=np.ones_like(data.features))
    fit = held_out.fit_without(1, alike, "catboost", {}, seed=1)
    assert fit.learned.tolist() == np.isin(data.folds, (0, 3)).tolist()
    assert fit.rounds == 1
    assert (fit.predicted == data.labels[fit.learned].mean()).all()


class Heard:
    """A model that remembers whether it was given rows by which to stop."""

    rounds = 7

    def fit(self, _rows: Array, _labels: Array, validation: object, **_: object) -> Heard:
        self.watched = validation is not None
        return self

    def predict(self, features: Array) -> Array:
        return np.full(len(features), float(self.watched))


def test_of_two_folds_the_other_one_is_learned_from_and_none_watched(
    data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_out, "create", lambda _type, _settings: Heard())
    halves = replace(data, folds=(data.folds % 2).astype(np.int8))
    fit = held_out.fit_without(0, halves, "any", {}, seed=1)
    assert fit.learned.tolist() == (halves.folds == 1).tolist()
    assert not fit.predicted.any()
    assert held_out.fit_without(0, data, "any", {}, seed=1).predicted.all()


def test_data_are_those_that_a_job_was_made_for(data: TrainingData, tmp_path: Path) -> None:
    data.write(tmp_path / "data.npz")
    again = TrainingData.read(tmp_path / "data.npz", data.sha256)
    assert (again.features == data.features).all()
    with pytest.raises(ModelError, match="is not the training data"):
        TrainingData.read(tmp_path / "data.npz", "0" * 64)
    (tmp_path / "data.npz").write_bytes(b"no archive")
    with pytest.raises(ModelError, match="no training data"):
        TrainingData.read(tmp_path / "data.npz", data.sha256)
