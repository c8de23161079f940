"""Cross-validation: what is said of a row owes nothing to its own label."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seedfleet.models import ModelError
from seedfleet.models.fold_training import Trial, run_trial
from seedfleet.models.training_data import TrainingData
from seedfleet.models.types import load

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow
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


def test_data_are_those_that_a_job_was_made_for(data: TrainingData, tmp_path: Path) -> None:
    data.write(tmp_path / "data.npz")
    again = TrainingData.read(tmp_path / "data.npz", data.sha256)
    assert (again.features == data.features).all()
    with pytest.raises(ModelError, match="is not the training data"):
        TrainingData.read(tmp_path / "data.npz", "0" * 64)
    (tmp_path / "data.npz").write_bytes(b"no archive")
    with pytest.raises(ModelError, match="no training data"):
        TrainingData.read(tmp_path / "data.npz", data.sha256)
