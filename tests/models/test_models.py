"""What every type of model promises, whatever its library; see `seedfleet.models.base.Model`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from seedfleet.models import MODEL_TYPES, ModelError, Validation, create, installed
from seedfleet.models.types import load, model_suffix

if TYPE_CHECKING:
    from pathlib import Path

    from seedfleet import models


SETTINGS = {"rounds": 30, "patience": 5, "learning_rate": 0.1}
Rows = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]
every_type = pytest.mark.parametrize("model_type", MODEL_TYPES)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of the libraries themselves
]


@pytest.fixture(scope="module")
def rows() -> Rows:
    """Return 400 rows of 6 columns, of which 1 and 4 matter and 2 and 5 are constant."""
    chance = np.random.default_rng(3)
    features = chance.normal(size=(400, 6))
    features[:, 2], features[:, 5] = 7.0, -1.0
    labels = 0.002 + 0.001 * (features[:, 1] + 0.5 * features[:, 4])
    return features, labels + 0.0002 * chance.normal(size=400)


def fitted(model_type: str, rows: Rows, seed: int = 1) -> models.Model:
    features, labels = rows
    watched = Validation(features[300:], labels[300:])
    return create(model_type, SETTINGS).fit(features[:300], labels[:300], watched, seed=seed)


@every_type
def test_learns_what_there_is_to_learn(model_type: str, rows: Rows) -> None:
    features, labels = rows
    model = fitted(model_type, rows)
    predicted = model.predict(features[300:])
    assert predicted.dtype == np.float64
    assert np.corrcoef(predicted, labels[300:])[0, 1] > 0.8
    assert abs(predicted.mean() - labels.mean()) < 0.0005  # in the labels' own units
    shares = model.importance()
    assert shares.shape == (6,)
    assert shares.sum() == pytest.approx(1)
    assert shares[[1, 4]].sum() > 0.7
    assert shares.argmax() == 1


@every_type
def test_leaves_constant_columns_out(model_type: str, rows: Rows) -> None:
    features, _ = rows
    model = fitted(model_type, rows)
    assert model.columns.tolist() == [0, 1, 3, 4]
    assert model.importance()[[2, 5]].tolist() == [0, 0]
    elsewhere = features.copy()
    elsewhere[:, 2] = 1e6
    assert (model.predict(elsewhere) == model.predict(features)).all()


@every_type
def test_a_checkpoint_predicts_the_same(model_type: str, rows: Rows, tmp_path: Path) -> None:
    features, _ = rows
    model = fitted(model_type, rows)
    path = tmp_path / f"model{model_suffix(model_type)}"
    model.save(path)
    again = load(model_type, path)
    assert (again.predict(features) == model.predict(features)).all()
    assert again.importance() == pytest.approx(model.importance())
    assert again.rounds == model.rounds
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@every_type
def test_the_same_seed_gives_the_same_model(model_type: str, rows: Rows) -> None:
    features, _ = rows
    first, again, other = (fitted(model_type, rows, seed).predict(features) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


@every_type
def test_units_do_not_matter(model_type: str, rows: Rows) -> None:
    features, labels = rows
    plain = fitted(model_type, rows).predict(features)
    scaled = fitted(model_type, (features * 1024, labels * 1024 + 64)).predict(features * 1024)
    assert np.abs((scaled - 64) / 1024 - plain).max() < 0.1 * plain.std()


@every_type
def test_gives_finite_numbers_for_any_finite_features(model_type: str, rows: Rows) -> None:
    model = fitted(model_type, rows)
    far = np.array([[1e30, -1e30, 0, 1e30, -1e30, 5], [0.0] * 6])
    assert np.isfinite(model.predict(far)).all()


@every_type
def test_stops_early_where_validation_rows_gain_nothing(model_type: str, rows: Rows) -> None:
    features, _ = rows
    chance = np.random.default_rng(8).normal(size=400)
    settings = {"rounds": 400, "patience": 3, "learning_rate": 0.1}
    watched = Validation(features[200:], chance[200:])
    model = create(model_type, settings).fit(features[:200], chance[:200], watched, seed=0)
    assert 1 <= model.rounds < 100


@every_type
def test_refuses_what_is_not_a_number(model_type: str, rows: Rows) -> None:
    features, labels = rows
    broken, wrong = features.copy(), labels.copy()
    broken[3, 1], broken[4, 4], wrong[0] = np.nan, np.inf, np.nan
    with pytest.raises(ModelError) as caught:
        create(model_type).fit(broken, wrong, seed=0)
    assert caught.value.problems == (
        "column 1 is not finite",
        "column 4 is not finite",
        "a label is not finite",
    )
    with pytest.raises(ModelError, match="do not fit"):
        create(model_type).fit(features, labels[:-1], seed=0)
    with pytest.raises(ModelError, match="all labels are equal"):
        create(model_type).fit(features, np.full(400, 0.25), seed=0)
    with pytest.raises(ModelError, match="constant"):
        create(model_type).fit(np.ones((5, 3)), labels[:5], seed=0)
    with pytest.raises(ModelError, match=r"not \(n, 6\)"):
        fitted(model_type, rows).predict(features[:, :5])


@every_type
def test_refuses_a_file_that_is_no_checkpoint(model_type: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"tree\nnothing of the kind\n" * 20)
    with pytest.raises(ModelError, match="broken"):
        load(model_type, broken)
    with pytest.raises(OSError, match="missing"):
        load(model_type, tmp_path / "missing")


@every_type
def test_lists_every_wrong_setting(model_type: str) -> None:
    with pytest.raises(ModelError) as caught:
        create(model_type, {"leaves": 3, "rounds": 0, "patience": 2.5, "learning_rate": "slow"})
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        model_type,
        f"{model_type}.rounds",
        f"{model_type}.patience",
        f"{model_type}.learning_rate",
    ]


def test_names_the_extra_of_a_missing_library(monkeypatch: pytest.MonkeyPatch) -> None:
    assert installed() == MODEL_TYPES
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    monkeypatch.delitem(sys.modules, "seedfleet.models.lightgbm", raising=False)
    with pytest.raises(ModelError, match=r"lightgbm needs lightgbm: .*'seedfleet\[models\]'"):
        create("lightgbm")
    with pytest.raises(ModelError, match="no model type 'forest'"):
        create("forest")
