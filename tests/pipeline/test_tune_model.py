"""Step 4: how large a model the labels carry, and that chance is not learned from."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import survivor_runs
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from seedfleet.models import MODEL_TYPES, create, held_out
from seedfleet.models.training_data import TrainingData
from seedfleet.pipeline.steps.context_record import Decision
from seedfleet.pipeline.steps.engine_config import EngineConfig, EngineConfigError
from seedfleet.pipeline.steps.survivor_evidence import SurvivorEvidence
from seedfleet.pipeline.steps.survivor_files import SurvivorFileError
from seedfleet.pipeline.steps.survivor_sampling import drawn
from seedfleet.pipeline.steps.tune_model import Mode, TuneModelOptions, run_tune_model
from seedfleet.pipeline.steps.tune_model.capacity import (
    candidates,
    folds_of,
    full_rows,
    reliability,
)
from seedfleet.pipeline.steps.tune_model.derivation import Derivation, derive
from seedfleet.pipeline.steps.tune_model.halving import compare
from seedfleet.pipeline.steps.tune_model.survivor_rows import LabelledSurvivors
from seedfleet.recover import OptionsError

FAST = TuneModelOptions(model_types=("lightgbm",), shuffles=200)


def test_reliability_is_the_share_of_the_variance_that_is_no_noise() -> None:
    rng = np.random.default_rng(1)
    truth = rng.normal(size=20_000)
    for noise in (0.5, 2.0):
        # Each half is as noisy as the whole is with half the variance of noise.
        first, second = (truth + noise * np.sqrt(2) * rng.normal(size=20_000) for _ in range(2))
        assert reliability(first, second) == pytest.approx(1 / (1 + noise**2), abs=0.02)
    assert reliability(truth, rng.normal(size=20_000)) < 0.05
    assert reliability(truth, -truth) == 0
    assert reliability(truth, np.zeros(20_000)) == 0


def test_one_true_stream_is_worth_few_rows_and_a_broad_signal_all() -> None:
    rng = np.random.default_rng(2)
    labels = rng.binomial(150, 1 / 1000, 2000) / 150
    labels[0] = 1.0
    assert full_rows(labels, 1.0) < 10
    assert full_rows(rng.normal(size=2000), 1.0) > 1500
    assert full_rows(rng.normal(size=2000), 0.1) < 201
    assert full_rows(np.zeros(10), 1.0) == 0


@given(st.integers(50, 10**6), st.integers(1, 62), st.floats(0, 1))
def test_more_worth_never_makes_a_smaller_model(streams: int, columns: int, share: float) -> None:
    sizes: list[tuple[int, int]] = []
    for worth in (streams * share / 2, streams * share):
        trees = candidates("xgboost", streams, columns, worth)
        networks = candidates("neural_net", streams, columns, worth)
        assert trees[0]["l2"] >= trees[-1]["l2"]
        sizes.append((trees[-1]["depth"], sum(networks[-1]["widths"])))
    assert sizes[0][0] <= sizes[1][0]
    assert sizes[0][1] <= sizes[1][1]
    assert 3 <= folds_of(streams).value <= 5


@pytest.mark.slow
def test_every_candidate_can_be_made() -> None:
    for model_type in MODEL_TYPES:
        for worth in (0.0, 500.0, 1e6):
            for settings in candidates(model_type, 5000, 62, worth):
                create(model_type, settings)


def _three_folds(rows: int) -> NDArray[np.int8]:
    return (np.arange(rows) % 3).astype(np.int8)


def _labelled(labels: NDArray[np.float64], features: NDArray[np.float64]) -> LabelledSurvivors:
    rng = np.random.default_rng(3)
    halves = [labels + 0.1 * rng.normal(size=len(labels)) for _ in range(2)]
    names = tuple(f"column_{place}" for place in range(features.shape[1]))
    return LabelledSurvivors(len(labels), features, names, labels, (halves[0], halves[1]))


def _derived(*, informed: bool) -> Derivation:
    rng = np.random.default_rng(4)
    features = rng.normal(size=(300, 6))
    told = features[:, 0] if informed else np.zeros(300)
    labels = told + 0.3 * rng.normal(size=300)
    return derive(_labelled(labels, features), FAST, lambda _label, _share: None)


@pytest.mark.slow
def test_informed_features_are_learned_from_beyond_chance() -> None:
    derivation = _derived(informed=True)
    model = derivation.models["lightgbm"]
    assert model.measured is not None
    assert model.measured.p < 0.01
    assert model.measured.best.value > model.measured.chance_upper
    # The same labels shuffled teach nothing.
    assert abs(model.measured.refitted - 0.5) < 0.15
    assert model.settings["rounds"] == model.measured.best.median_rounds
    assert {each.name for each in model.derived} == set(model.settings)


@pytest.mark.slow
def test_where_nothing_is_learned_the_least_able_model_stays() -> None:
    model = _derived(informed=False).models["lightgbm"]
    assert model.measured is not None
    assert model.measured.p > 0.05
    first = model.measured.tried[0]
    assert {**model.settings, "rounds": 0} == {**first.settings, "rounds": 0}
    assert "no candidate beats shuffled labels" in model.derived[0].how


@pytest.mark.slow
def test_p_values_of_what_cannot_be_learned_are_not_small() -> None:
    rng, found = np.random.default_rng(5), []
    tried = [{"depth": 1, "rounds": 8}, {"depth": 3, "min_leaf": 5, "rounds": 8}]
    for seed in range(60):
        rows = TrainingData(rng.normal(size=(90, 3)), rng.normal(size=90), _three_folds(90))
        found.append(compare("lightgbm", tried, rows, shuffles=99, seed=seed).p)
    assert np.mean(np.array(found) <= 0.05) < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 60)


@pytest.mark.parametrize(
    ("labels", "columns", "why"),
    [
        (np.arange(49.0), 3, "fewer than"),
        (np.ones(80), 3, "equally well"),
        (np.where(np.arange(143) == 50, 5.99958, -5.5e-08), 3, "one stream stands out"),
        (np.arange(80.0), 0, "all features are the same"),
    ],
)
def test_degenerate_labels_keep_the_defaults(
    labels: NDArray[np.float64], columns: int, why: str
) -> None:
    features = np.random.default_rng(6).normal(size=(len(labels), columns))
    derivation = derive(_labelled(labels, features), FAST, lambda _label, _share: None)
    assert why in derivation.reason
    assert derivation.models["lightgbm"].settings == {}


@pytest.mark.slow
def test_a_candidates_word_on_a_fold_owes_nothing_to_the_folds_labels() -> None:
    rng = np.random.default_rng(10)
    features, folds = rng.normal(size=(240, 4)), (np.arange(240) % 4).astype(np.int8)
    labels = features[:, 0] + rng.normal(size=240)
    # Many rounds and little patience: labels that were watched would decide when to stop.
    asked = [{"rounds": 400, "patience": 3, "min_leaf": 5, "learning_rate": 0.3}]
    negated = np.where(folds == 2, -labels, labels)
    before, after = (
        compare("lightgbm", asked, TrainingData(features, each, folds), shuffles=9, seed=1).best
        for each in (labels, negated)
    )
    held = folds == 2
    assert before.rounds[2] == after.rounds[2] < 400
    assert before.shares[held].tobytes() == after.shares[held].tobytes()
    assert before.rounds[1] != after.rounds[1]  # which that fold tells when to stop


def test_folds_that_see_no_difference_say_nothing() -> None:
    labels = np.zeros(90)
    labels[[0, 3]] = 1.0, 2.0  # both in the first fold
    rows = TrainingData(np.random.default_rng(6).normal(size=(90, 3)), labels, _three_folds(90))
    measured = compare("lightgbm", [{"depth": 1, "rounds": 4}], rows, shuffles=9, seed=1)
    assert measured.best.value == pytest.approx(0.5)
    assert (measured.best.shares[0::3] == 0.5).all()


@pytest.mark.slow
def test_copies_of_a_stream_stand_for_one() -> None:
    table = survivor_runs.survivors(6)
    table.rows["seed"][3] = table.rows["seed"][1]
    table.rows["offset"][3] = 1  # a shifted copy
    table.rows["seed"][5] = table.rows["seed"][0]  # the same row again
    history = survivor_runs.planted()
    evidence = SurvivorEvidence.of(table, history)
    chosen = drawn(evidence, range(480), 100, np.random.default_rng(7))
    assert sorted(set(chosen.tolist()) - {1, 3}) == [0, 2, 4]
    assert len(chosen) == 4


def _scored(folder: Path, values: NDArray[np.int64], labels: bool = True) -> dict[str, object]:
    history, table = survivor_runs.history_of(values), survivor_runs.survivors(120)
    run = survivor_runs.step_run(folder, history, table, "tune-model")
    features = np.random.default_rng(8).normal(size=(120, 44 if labels else 1))
    survivor_runs.write_scores(run.files, table, features)
    record = run_tune_model(history, FAST, run)
    told = {metric.name: metric.chance for metric in record.metrics[:2]}
    assert list(told) == ["worth-weighted AUC of lightgbm", "p-value of lightgbm"]
    assert told["worth-weighted AUC of lightgbm"] == pytest.approx(0.5, abs=0.1)
    assert record.decision is Decision.PROCEED
    written: dict[str, object] = json.loads(run.files.model_config.read_text())
    return {key: written[key] for key in written if key not in ("inputs", "run_id")}


@pytest.mark.parametrize("mode", list(Mode))
def test_without_a_figure_the_step_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    history, table = survivor_runs.drawn_by_lot(), survivor_runs.survivors(60)
    run = survivor_runs.step_run(tmp_path, history, table, "tune-model")
    survivor_runs.write_scores(run.files, table, np.random.default_rng(8).normal(size=(60, 44)))
    monkeypatch.setattr(
        SurvivorEvidence, "labels", lambda evidence, _slice: np.ones(len(evidence.table))
    )
    record = run_tune_model(history, replace(FAST, mode=mode), run)
    first, *others = record.checks
    assert first.holds
    assert [check.value for check in others] == [None] * (2 if mode is Mode.FULL else 1)
    assert record.decision is Decision.STOP


@pytest.mark.slow
def test_a_run_sees_nothing_after_the_tune_slice_and_training_can_obey(tmp_path: Path) -> None:
    values = survivor_runs.drawn_by_lot().values
    later = values.copy()
    later[600:] = (later[600:] * 7 + 1) % 1000
    first, second = _scored(tmp_path / "a", values), _scored(tmp_path / "b", later)
    assert first == second
    config = EngineConfig.read(tmp_path / "a" / "reinforcement_engine_config.json")
    assert config.folds == 3
    create("lightgbm", config.settings["lightgbm"])


def test_a_table_without_features_is_refused(tmp_path: Path) -> None:
    history, table = survivor_runs.planted(), survivor_runs.survivors(60)
    run = survivor_runs.step_run(tmp_path, history, table, "tune-model")
    bare = TuneModelOptions(survivors=run.files.survivors("bidirectional"))
    with pytest.raises(SurvivorFileError, match="there is no feature 'residue_8_match_rate'"):
        run_tune_model(history, bare, run)


def test_the_json_form_alone_is_refused(tmp_path: Path) -> None:
    history, table = survivor_runs.planted(), survivor_runs.survivors(60)
    run = survivor_runs.step_run(tmp_path, history, table, "tune-model")
    alone = tmp_path / "mine.json"
    alone.write_text("[1, 2, 3]")
    with pytest.raises(SurvivorFileError, match=r"put mine\.parquet beside it, or make it with"):
        run_tune_model(history, TuneModelOptions(survivors=alone), run)


def test_rules_alone_measure_nothing() -> None:
    labels, features = np.arange(80.0), np.random.default_rng(9).normal(size=(80, 3))
    options = TuneModelOptions(mode=Mode.RULES, model_types=("catboost",))
    derivation = derive(_labelled(labels, features), options, lambda _label, _share: None)
    model = derivation.models["catboost"]
    assert model.measured is None
    assert model.settings["depth"] >= 1


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(OptionsError) as caught:
        TuneModelOptions(model_types=("forest",), sample=1, shuffles=1, seed=-1)
    assert len(caught.value.problems) == 4
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"format": "seedfleet.engine/1", "folds": 1, "models": {"a": 3}}))
    with pytest.raises(EngineConfigError) as refused:
        EngineConfig.read(path)
    assert len(refused.value.problems) == 2


class Guess:
    """A model that knows nothing: what it predicts follows from its settings alone."""

    def __init__(self, number: int) -> None:
        self.rounds, self._number = 1, number

    def fit(self, *_: object, **__: object) -> "Guess":
        return self

    def predict(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array([hash((self._number, row)) % 9973 for row in features[:, 0].tolist()])


def test_p_counts_that_the_finalists_were_selected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_out, "create", lambda _type, settings: Guess(settings["number"]))
    rng, found = np.random.default_rng(9), []
    for trial in range(200):
        rows = TrainingData(rng.normal(size=(60, 1)), rng.normal(size=60), _three_folds(60))
        settings = [{"rounds": 4, "number": number} for number in range(12)]
        found.append(compare("any", settings, rows, shuffles=99, seed=trial).p)
    below = np.mean(np.array(found) <= 0.2)
    assert below < 0.2 + 3 * np.sqrt(0.2 * 0.8 / 200)
