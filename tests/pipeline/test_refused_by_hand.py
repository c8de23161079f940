"""Steps that are asked for alone and refuse their data leave the workflow's word."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from step_words import proceeded
from training_ground import planted_run

from seedfleet.cli import main
from seedfleet.cli.established.prediction import prediction_generator
from seedfleet.cli.established.training import generate_kfold_jobs, meta_prediction_optimizer
from seedfleet.cli.established.tuning import adaptive_meta_optimizer
from seedfleet.pipeline.steps.context_record import Decision
from seedfleet.pipeline.steps.standing import standing
from seedfleet.pipeline.steps.step_run import StepRun
from seedfleet.pipeline.steps.survivor_files import write_parquet

OWN = "survivors_with_scores.parquet"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StepRun:
    """Begin, in the current folder, a run of whose labels no model can learn."""
    monkeypatch.chdir(tmp_path)
    _, run = planted_run(tmp_path, right=0.5, knowing=False)
    for step, file in (("window", run.files.window_config), ("score", run.files.scores)):
        proceeded(step, file, run.context, run.files)
    return run


def by_hand(command: Any, *words: str) -> Result:
    return CliRunner().invoke(command, words)


def word(run: StepRun, step: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(run.files.context(step).read_text())
    return told


TRAININGS = [
    pytest.param(main, ("trace", "train", ".", "--model-type", "lightgbm"), id="train"),
    pytest.param(
        meta_prediction_optimizer,
        ("--survivors", OWN, "--lottery-data", "lottery_history.json", "--model-type", "lightgbm"),
        id="meta_prediction_optimizer",
    ),
    pytest.param(
        generate_kfold_jobs,
        ("--config", "reinforcement_engine_config.json"),
        id="generate_kfold_jobs",
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("command", "words"), TRAININGS)
def test_after_a_refused_training_the_prediction_ranks_by_likelihood(
    run: StepRun, command: Any, words: tuple[str, ...]
) -> None:
    run.files.models.mkdir()
    run.files.sidecar.write_text("of another day")
    told = by_hand(command, *words)
    assert told.exit_code == 2
    assert "differ no more than by chance" in told.output
    assert not run.files.sidecar.exists()
    assert standing(run.files, "train").declined
    for more in ((), ("--without-model",)):
        told = by_hand(prediction_generator, "--survivors-forward", OWN, *more)
        assert told.exit_code == 0, told.output
    told = by_hand(main, "trace", "predict", ".")
    assert told.exit_code == 0, told.output
    document = json.loads(run.files.predictions.read_text())
    assert document["model_used"] == "likelihood"
    assert "differ no more than by chance" in document["model_reason"]


@pytest.mark.slow
def test_a_later_refusal_says_why_in_the_place_of_the_earlier(run: StepRun) -> None:
    train = ("trace", "train", ".", "--model-type", "lightgbm")
    by_hand(main, *train)
    table = pq.read_table(run.files.scores)
    told = {key.decode(): value.decode() for key, value in table.schema.metadata.items()}
    write_parquet(run.files.scores, table.slice(0, 20), told)
    proceeded("score", run.files.scores, run.context, run.files)
    by_hand(main, *train)
    assert "20 survivors of different streams are too few" in word(run, "train")["remarks"][0]


@pytest.mark.slow
@pytest.mark.parametrize(("command", "words"), TRAININGS)
def test_words_that_are_wrong_leave_the_earlier_word(
    run: StepRun, command: Any, words: tuple[str, ...]
) -> None:
    path = run.files.context("train")
    run.files.models.mkdir()
    run.files.sidecar.write_text("of another day")
    proceeded("train", run.files.sidecar, run.context, run.files)
    before = path.read_bytes()
    Path("half.parquet").write_bytes(run.files.scores.read_bytes()[:3000])
    refused = [[*words, "--permutations", "3"], [*words, "--no-such-flag"]]
    pq.write_table(pq.read_table(run.files.scores).drop_columns(["pred_mean"]), "bare.parquet")
    if command is not main:
        refused += [[*words, "--survivors", f"{name}.parquet"] for name in ("half", "bare")]
    for each in refused:
        assert by_hand(command, *each).exit_code == 2
        assert path.read_bytes() == before
        assert standing(run.files, "train").decision is Decision.PROCEED
    path.unlink()
    for each in refused:
        by_hand(command, *each)
        assert not path.exists()


@pytest.mark.slow
def test_jobs_that_are_refused_leave_a_training_that_counts(run: StepRun) -> None:
    run.files.models.mkdir()
    run.files.sidecar.write_text("of another day")
    proceeded("train", run.files.sidecar, run.context, run.files)
    assert by_hand(generate_kfold_jobs).exit_code == 2
    assert standing(run.files, "train").decision is Decision.PROCEED
    assert run.files.sidecar.exists()


def test_step_4_declines_the_runs_own_table_and_no_other(run: StepRun) -> None:
    run.files.context("tune-model").unlink()
    without = pa.table({"generator": ["java_lcg"]})
    pq.write_table(without, "other.parquet")
    words = ("--mode", "full", "--lottery-data", "lottery_history.json", "--survivor-data")
    assert by_hand(adaptive_meta_optimizer, *words, "other.parquet", "--apply").exit_code == 2
    assert not run.files.context("tune-model").exists()
    assert run.files.model_config.exists()

    pq.write_table(without, run.files.scores)
    proceeded("score", run.files.scores, run.context, run.files)
    assert by_hand(adaptive_meta_optimizer, *words, OWN).exit_code == 2
    assert not run.files.context("tune-model").exists()  # nothing is written without --apply
    told = by_hand(adaptive_meta_optimizer, *words, OWN, "--apply")
    assert told.exit_code == 2
    assert "there is no column 'seed'" in told.output
    assert standing(run.files, "tune-model").declined
    assert not run.files.model_config.exists()
