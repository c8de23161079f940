"""`prediction_generator.py` in the folder of a run: with a model, without one, and after faults."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from step_words import proceeded
from test_predict import begun, predictions, stream_draws, survivors, train

from seedfleet.cli.established import prediction
from seedfleet.pipeline.steps.context_record import Decision
from seedfleet.pipeline.steps.run_files import RunFiles
from seedfleet.pipeline.steps.standing import standing
from seedfleet.pipeline.steps.step_run import StepRun

OWN = ("--survivors-forward", "bidirectional_survivors.parquet")


def by_hand(*words: str) -> Result:
    return CliRunner().invoke(prediction.prediction_generator, [*OWN, *words])


def document() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(Path("predictions.json").read_text())
    return told


@pytest.fixture
def stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StepRun:
    """Begin a run whose training has stopped, in the current folder."""
    monkeypatch.chdir(tmp_path)
    return begun(tmp_path, stream_draws(120), survivors())[1]


@pytest.mark.parametrize("words", [[], ["--without-model"], ["--models-dir", "models"]])
def test_after_a_stop_of_the_training_the_likelihood_ranks(
    stopped: StepRun, words: list[str]
) -> None:
    told = by_hand(*words)
    assert told.exit_code == 0, told.output
    assert document()["predictions"][0]["value"] == stream_draws(121)[120]
    assert document()["model_used"] == "likelihood"
    assert document()["lineage"]["history"]["path"] == "lottery_history.json"
    assert standing(stopped.files, "predict").decision is Decision.PROCEED


def test_a_folder_of_models_that_is_not_the_runs_has_to_hold_one(stopped: StepRun) -> None:
    told = by_hand("--models-dir", "others")
    assert told.exit_code == 2
    assert "others/best_model.meta.json: there is no such file" in told.stderr
    stopped.files.context("train").unlink()
    told = by_hand()
    assert told.exit_code == 2
    assert "no word of step 5 that it stopped" in told.stderr
    assert by_hand("--without-model").exit_code == 0


@pytest.mark.usefixtures("stopped")
def test_draws_that_are_given_lie_where_those_of_the_run_do() -> None:
    low = np.random.default_rng(2).integers(49, size=100).tolist()
    Path("low.json").write_text(json.dumps(low))
    assert by_hand("--without-model", "--lottery-history", "low.json").exit_code == 0
    assert (document()["modulus"], document()["draws"]) == (1000, 100)


def test_without_a_run_or_a_model_the_draws_have_to_be_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(OWN[1]).with_suffix(".json").write_text(json.dumps([{"seed": 5, "generator": "java_lcg"}]))
    Path("mine.json").write_text(json.dumps(stream_draws(40)))
    words = ["--survivors-forward", "bidirectional_survivors.json", "--without-model"]
    told = CliRunner().invoke(prediction.prediction_generator, words)
    assert told.exit_code == 2
    assert "there is no such file" in told.stderr
    words += ["--lottery-history", "mine.json"]
    assert CliRunner().invoke(prediction.prediction_generator, words).exit_code == 0
    assert document()["draws"] == 40


def test_a_crash_leaves_no_word_and_a_refusal_the_earlier_one(
    stopped: StepRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert by_hand().exit_code == 0
    word = RunFiles(Path()).context("predict")
    before = word.read_bytes()
    Path("broken.parquet").write_bytes(b"PAR1")
    told = by_hand("--survivors-forward", "broken.parquet")
    assert told.exit_code == 2
    assert word.read_bytes() == before

    def killed(*_: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(prediction, "run_predict", killed)
    assert isinstance(by_hand().exception, RuntimeError)
    assert predictions(stopped)
    assert standing(stopped.files, "predict").decision is None


def test_an_interruption_is_told_and_leaves_no_word(
    stopped: StepRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert by_hand().exit_code == 0

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(prediction, "run_predict", interrupted)
    told = by_hand()
    assert told.exit_code == 3
    assert "interrupted" in told.output
    assert standing(stopped.files, "predict").decision is None


def test_a_model_whose_training_is_out_of_date_is_refused(stopped: StepRun) -> None:
    train(stopped, accepted=True)
    files = stopped.files
    proceeded("train", files.sidecar, stopped.context, files)
    assert by_hand().exit_code == 0
    assert document()["model_used"] == "lightgbm"
    files.sidecar.write_text(files.sidecar.read_text() + "\n")  # not as the training left it
    told = by_hand()
    assert told.exit_code == 2
    assert "step 5's word does not count" in told.stderr
