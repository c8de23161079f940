"""Step 5: models are let in for what they know, kept out else, and refused where none can learn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from step_words import proceeded
from survivor_runs import found_by_step_0, write_recovery
from training_ground import DRAWS, GENERATOR, N_ROWS, TRUE_ROW, planted_run

from seedfleet.models.sidecar import Sidecar
from seedfleet.pipeline.steps.context_record import ContextRecord, Decision
from seedfleet.pipeline.steps.fan_out import FanOut
from seedfleet.pipeline.steps.out_of_fold import read_out_of_fold
from seedfleet.pipeline.steps.survivor_files import (
    SurvivorFileError,
    read_survivors,
    write_parquet,
)
from seedfleet.pipeline.steps.train import (
    TrainingRefusedError,
    TrainOptions,
    prepare_jobs,
    run_train,
)
from seedfleet.pipeline.steps.train.ground import lay_ground
from seedfleet.pipeline.steps.train.label_spread import LabelSpread
from seedfleet.pipeline.steps.train.leakage import leakage_checks, strongest_feature
from seedfleet.recover import OptionsError
from seedfleet.scoring import FEATURES

if TYPE_CHECKING:
    from seedfleet.pipeline.steps.step_run import StepRun

pytestmark = pytest.mark.slow
OPTIONS = TrainOptions(model_type="lightgbm")
COMPAT = Path(__file__).parents[2] / "compat"


@pytest.fixture(autouse=True)
def importable_in_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the processes of jobs find this source tree."""
    source = str(Path(__file__).parents[2] / "src")
    known = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", f"{source}{os.pathsep}{known}")


def features_of(run: StepRun) -> np.ndarray:
    table = pq.read_table(run.files.scores, columns=list(FEATURES))
    return np.column_stack([np.asarray(table[name], np.float64) for name in FEATURES])


def change_scores(run: StepRun, **columns: np.ndarray) -> None:
    table = pq.read_table(run.files.scores)
    told = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    for name, values in columns.items():
        table = table.set_column(table.column_names.index(name), name, [values])
    write_parquet(run.files.scores, table, told)


def failed(record: ContextRecord) -> list[str]:
    return [check.name for check in record.checks if not check.holds]


def test_what_knows_more_than_the_likelihood_is_let_in(tmp_path: Path) -> None:
    history, run = planted_run(tmp_path, right=0.75, knowing=True)
    record = run_train(history, OPTIONS, run)
    assert record.decision is Decision.PROCEED
    sidecar = Sidecar.read(run.files.sidecar)
    telling = record.metrics[0]
    assert telling.name == "worth-weighted AUC on rows held out"
    assert telling.value is not None
    assert telling.value > 0.75
    assert telling.chance == pytest.approx(0.5, abs=0.05)
    assert sidecar.accepted, sidecar.gate["reason"]
    assert sidecar.features == FEATURES
    assert set(sidecar.dropped) >= {"skip_min", "global_mean"}
    assert "residue_8_coherence" not in sidecar.dropped
    assert sidecar.metrics["validation"]["r2"]["value"] > 0.5
    assert sidecar.metrics["p_value"]["value"] < 0.01
    assert len(sidecar.metrics["folds"]) == 4  # as the file of step 4 says
    # Nothing that was said on the tune slice helps on the test slice, and the sidecar tells so.
    assert abs(sidecar.metrics["test"]["spearman"]["value"]) < 0.15
    said = sidecar.load_model(run.files.models).predict(features_of(run))
    kept = pq.read_table(run.files.models / "out_of_fold.parquet")
    out_of_fold = np.asarray(kept["lightgbm"])
    assert np.corrcoef(said, out_of_fold)[0, 1] > 0.8
    assert (said != out_of_fold).all()
    assert sidecar.tilt.mean == pytest.approx(out_of_fold.mean())
    assert ContextRecord.from_document(
        json.loads(run.files.context("train").read_text())
    ).outputs.keys() == {
        *("models/best_model.txt", "models/best_model.meta.json", "models/out_of_fold.parquet"),
        "anti_overfit_jobs.json",
    }


def test_what_fits_the_labels_alone_is_kept_out(tmp_path: Path) -> None:
    history, run = planted_run(tmp_path, right=0.5, knowing=True)
    record = run_train(history, OPTIONS, run)
    assert record.decision is Decision.PROCEED
    sidecar = Sidecar.read(run.files.sidecar)
    assert sidecar.metrics["validation"]["r2"]["value"] > 0.5
    assert not sidecar.accepted
    assert sidecar.gate["reason"].endswith("the likelihood is kept")
    assert sidecar.load_model(run.files.models).rounds > 0


def test_every_further_opening_of_the_gate_is_charged(tmp_path: Path) -> None:
    history, run = planted_run(tmp_path, right=0.75, knowing=True)
    run_train(history, OPTIONS, run)
    once = Sidecar.read(run.files.sidecar)
    assert (once.accepted, once.gate["openings"], once.gate["p_limit"]) == (True, 1, 0.01)
    run_train(history, OPTIONS, run)
    assert Sidecar.read(run.files.sidecar).gate["openings"] == 1  # the very same test
    for count, other in enumerate(
        (replace(OPTIONS, permutations=1500), replace(OPTIONS, run_seed=1)), 2
    ):
        run_train(history, other, run)
        assert Sidecar.read(run.files.sidecar).gate["openings"] == count
    run.files.gate_openings.unlink()
    others = {"format": "seedfleet.gate-openings/1", "tests": [str(each) for each in range(19)]}
    run.files.gate_openings.write_text(json.dumps(others))
    run_train(history, OPTIONS, run)
    again = Sidecar.read(run.files.sidecar)
    assert again.gate["p_value"] == once.gate["p_value"] > 0.01 / 20
    assert (again.accepted, again.gate["openings"]) == (False, 20)
    assert "p < 0.0005 is needed at opening 20" in again.gate["reason"]
    assert len(json.loads(run.files.gate_openings.read_text())["tests"]) == 20
    run.files.gate_openings.write_text("{}")
    with pytest.raises(TrainingRefusedError, match="how often the gate was opened"):
        run_train(history, OPTIONS, run)


def test_labels_by_chance_are_refused_and_an_old_word_goes(tmp_path: Path) -> None:
    history, run = planted_run(tmp_path, right=0.5, knowing=False)
    run.files.models.mkdir()
    run.files.sidecar.write_text("of another day")
    with pytest.raises(TrainingRefusedError, match="differ no more than by chance"):
        run_train(history, OPTIONS, run)
    assert not run.files.sidecar.exists()


def test_a_table_that_cannot_be_read_leaves_an_earlier_choice_where_it_is(tmp_path: Path) -> None:
    history, run = planted_run(tmp_path, right=0.5, knowing=False)
    run.files.models.mkdir()
    run.files.sidecar.write_text("of another day")
    half = tmp_path / "half.parquet"
    half.write_bytes(run.files.scores.read_bytes()[:3000])
    with pytest.raises(SurvivorFileError, match="cannot be read"):
        run_train(history, replace(OPTIONS, survivors=half), run)
    assert run.files.sidecar.exists()


def test_few_survivors_and_equal_labels_are_refused(tmp_path: Path) -> None:
    history, run = planted_run(tmp_path, right=0.75, knowing=True)
    table = pq.read_table(run.files.scores)
    told = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    write_parquet(run.files.scores, table.take([TRUE_ROW] * 60), told)
    with pytest.raises(TrainingRefusedError) as caught:
        run_train(history, OPTIONS, run)
    few, same = caught.value.problems
    assert "1 survivors of different streams are too few" in few
    assert "the same label" in same


def test_a_feature_that_is_the_label_stops_the_step(tmp_path: Path) -> None:
    history, run = planted_run(tmp_path, right=0.75, knowing=True)
    labels = run_labels(run, history)
    change_scores(run, pred_mean=labels)
    record = run_train(history, OPTIONS, run)
    assert record.decision is Decision.STOP
    assert failed(record) == [
        "rank correlation of the labels with one feature (pred_mean)",
        "R2 on rows that were held out",
    ]


def test_a_feature_that_is_the_label_turned_round_is_noticed(tmp_path: Path) -> None:
    history, run = planted_run(tmp_path, right=0.75, knowing=True)
    change_scores(run, pred_mean=-run_labels(run, history))
    ground = lay_ground(run.files.scores, history, run.files.recovery, run.progress)
    name, worst = strongest_feature(ground)
    assert name == "pred_mean"
    assert worst == pytest.approx(1.0)


def test_one_model_that_knows_too_well_is_noticed_among_others(tmp_path: Path) -> None:
    history, run = planted_run(tmp_path, right=0.75, knowing=True)
    ground = lay_ground(run.files.scores, history, run.files.recovery, run.progress)
    compared: Any = [SimpleNamespace(validation=SimpleNamespace(r2=r2)) for r2 in (0.2, 0.995, 0.3)]
    *_, last = leakage_checks(ground, compared, run.files.scores, run.files)
    assert (last.value, last.holds) == (0.995, False)


def run_labels(run: StepRun, history: object) -> np.ndarray:
    prepare_jobs(history, OPTIONS, run)  # type: ignore[arg-type]
    with np.load(run.files.models / "training_data.npz") as kept:
        return np.asarray(kept["labels"])


@pytest.mark.parametrize("told", [False, True])
def test_features_of_other_draws_stop_the_step(tmp_path: Path, told: bool) -> None:
    history, run = planted_run(tmp_path, right=0.75, knowing=True)
    everything = json.loads(run.files.history.read_text())
    run.files.train_history.write_text(json.dumps(everything[: DRAWS * 75 // 100]))
    if told:  # the table says itself that it was made from more than the sieve slice
        table = pq.read_table(run.files.scores)
        digest = record_digest(run.files.train_history)
        inputs = json.dumps({run.files.train_history.name: digest})
        write_parquet(run.files.scores, table, {"inputs": inputs, "seedfleet.sessions": "[]"})
    record = run_train(history, OPTIONS, run)
    assert failed(record) == ["draws of features beyond the sieve slice"]
    assert record.checks[2].value == (DRAWS * 15 // 100 if told else None)


def test_training_data_of_other_columns_is_noticed(tmp_path: Path) -> None:
    history, run = planted_run(tmp_path, right=0.75, knowing=True)
    files = run.files
    data = prepare_jobs(history, OPTIONS, run).data
    ground = lay_ground(files.scores, history, files.recovery, run.progress)

    def strange() -> float | None:
        return next(leakage_checks(ground, [], files.scores, files)).value

    assert strange() == 0
    seeds = np.asarray(pq.read_table(files.scores)["seed"], np.float64)
    replace(data, features=np.where(np.arange(62) == 5, seeds[:, np.newaxis], data.features)).write(
        files.models / "training_data.npz"
    )
    assert strange() == 1
    (files.models / "training_data.npz").unlink()
    assert strange() is None


def record_digest(path: Path) -> str:
    from seedfleet.digests import file_digest  # noqa: PLC0415

    return file_digest(path)


def test_what_step_0_fitted_takes_no_part(tmp_path: Path) -> None:
    history, run = planted_run(tmp_path, right=0.75, knowing=True)
    table = pq.read_table(run.files.scores)
    seeds = np.asarray(table["seed"])
    # Step 0 found two survivors, of which the sieve let one through by itself.
    looked_at = np.zeros(N_ROWS, np.int32)
    looked_at[TRUE_ROW] = 100
    change_scores(run, forward_draws=looked_at)
    found = [
        found_by_step_0(int(seeds[row]), preset=GENERATOR, draws=DRAWS) for row in (3, TRUE_ROW)
    ]
    write_recovery(run.files, found)
    record = run_train(history, OPTIONS, run)
    sidecar = Sidecar.read(run.files.sidecar)
    told = {"rows": N_ROWS - 1, "left_out_as_fitted_by_step_0": 1, "left_out_as_equal_streams": 0}
    assert sidecar.lineage["survivors"]["learned_from"] == told
    assert any("1 survivors that step 0 found" in remark for remark in record.remarks)
    assert "recovery.json" in record.inputs
    known, said = read_out_of_fold(
        run.files.models / "out_of_fold.parquet", "lightgbm", read_survivors(run.files.scores)
    )
    assert known.all()
    assert np.flatnonzero(np.isnan(said)).tolist() == [3]


def test_the_json_form_alone_is_refused(tmp_path: Path) -> None:
    history, run = planted_run(tmp_path, right=0.75, knowing=True)
    alone = tmp_path / "mine.json"
    alone.write_text(json.dumps([{"seed": 1, "features": {}}]))
    with pytest.raises(SurvivorFileError, match=r"put mine\.parquet beside it, or make it with"):
        run_train(history, replace(OPTIONS, survivors=alone), run)


def test_jobs_of_single_folds_give_what_one_job_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {}
    for name, most in (("one", 10**9), ("folds", 0)):
        monkeypatch.setattr("seedfleet.pipeline.steps.train.trial_jobs._ROWS_OF_A_JOB", most)
        (tmp_path / name).mkdir()
        history, run = planted_run(tmp_path / name, right=0.75, knowing=True)
        run_train(history, OPTIONS, run)
        jobs = json.loads(run.files.training_jobs.read_text())
        assert len(jobs) == {"one": 1, "folds": 4}[name]
        kept[name] = (
            Sidecar.read(run.files.sidecar),
            np.asarray(pq.read_table(run.files.models / "out_of_fold.parquet")["lightgbm"]),
        )
    assert (kept["one"][1] == kept["folds"][1]).all()
    assert kept["one"][0].checkpoint_sha256 == kept["folds"][0].checkpoint_sha256


def test_established_scripts_by_hand(tmp_path: Path) -> None:
    _, run = planted_run(tmp_path, right=0.75, knowing=True)
    proceeded("score", run.files.scores, run.context, run.files)
    for script in COMPAT.iterdir():
        (tmp_path / script.name).write_text(script.read_text())

    def by_hand(*words: str, code: int = 0) -> str:
        ended = subprocess.run(
            [sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert ended.returncode == code, ended.stdout + ended.stderr
        return ended.stdout + ended.stderr

    config = run.files.model_config.name
    by_hand("generate_kfold_jobs.py", "--config", config, "--model-type", "lightgbm")
    (job,) = json.loads((tmp_path / "anti_overfit_jobs.json").read_text())
    assert job["script"] == "meta_prediction_optimizer_anti_overfit.py"
    by_hand("scripts_coordinator.py", "--jobs-file", "anti_overfit_jobs.json", "--preserve-paths")
    trained = (tmp_path / "models/trials/lightgbm.json").stat().st_mtime_ns
    train = (
        *("meta_prediction_optimizer_anti_overfit.py", "--model-type", "lightgbm"),
        *("--survivors", "survivors_with_scores.parquet", "--lottery-data"),
    )
    said = by_hand(*train, "lottery_history.json")
    assert "accepted" in said
    assert (tmp_path / "models/trials/lightgbm.json").stat().st_mtime_ns == trained
    assert Sidecar.read(run.files.sidecar).accepted
    assert "are not the draws" in by_hand(*train, "train_history.json", code=2)


def test_a_job_that_fails_is_named(tmp_path: Path) -> None:
    history, run = planted_run(tmp_path, right=0.75, knowing=True)
    config = json.loads(run.files.model_config.read_text())
    config["models"]["lightgbm"]["settings"] = {"leaves": 3}
    run.files.model_config.write_text(json.dumps(config))
    proceeded("tune-model", run.files.model_config, run.context, run.files)
    with pytest.raises(
        TrainingRefusedError, match=r"lightgbm: ended with exit code 2: error: .*; its words"
    ):
        run_train(history, OPTIONS, replace(run, fan_out=FanOut()))


def test_options_out_of_range_are_all_told() -> None:
    with pytest.raises(OptionsError) as caught:
        TrainOptions(model_type="forest", run_seed=-1, permutations=10)
    assert len(caught.value.problems) == 3
    assert replace(OPTIONS, model_type=None).to_document()["model_type"] is None


def test_spread_of_labels_is_told_from_chance() -> None:
    chance = np.random.default_rng(2)
    draws = np.full(2000, 750)
    passed = sum(
        not LabelSpread.of(chance.binomial(draws, 0.001), draws).is_chance for _ in range(300)
    )
    assert passed <= 25  # one in thirty
    hits = chance.binomial(draws, 0.001)
    one = hits.copy()
    one[7] = 12
    assert not LabelSpread.of(one, draws).is_chance
    wide = chance.binomial(draws, chance.choice([0.0005, 0.002], size=2000))
    assert LabelSpread.of(wide, draws).dispersion > 1.2
    assert not LabelSpread.of(wide, draws).is_chance
    assert N_ROWS > 50
