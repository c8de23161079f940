"""Both tuning steps under their established names, in the folder of a run."""

import json
from pathlib import Path

import numpy as np
import pytest
import survivor_runs
from click.testing import CliRunner
from step_words import proceeded

from seedfleet.cli.established.tuning import adaptive_meta_optimizer, scorer_meta_optimizer
from seedfleet.pipeline import RunContext
from seedfleet.pipeline.steps.run_files import RunFiles
from seedfleet.pipeline.steps.survivor_table import SurvivorTable


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFiles:
    table = survivor_runs.survivors(20)
    run = survivor_runs.step_run(tmp_path, survivor_runs.planted(), table, "any")
    table_file = run.files.survivors("bidirectional")
    proceeded("window", table_file, run.context, run.files)
    monkeypatch.chdir(tmp_path)
    return RunFiles(tmp_path)


def _with_scores(files: RunFiles, table: SurvivorTable) -> None:
    features = np.random.default_rng(1).normal(size=(len(table), 44))
    survivor_runs.write_scores(files, table, features)
    context = RunContext("scored", (), "2026-01-01T00:00:00+00:00", str(files.folder))
    proceeded("score", files.scores, context, files)


def test_the_scorer_is_tuned_where_the_files_are(folder: RunFiles) -> None:
    words = ["--lottery-data", "lottery_history.json", "--trials", "2", "--output", "json"]
    found = CliRunner().invoke(scorer_meta_optimizer, words)
    assert found.exit_code == 1, found.output  # 20 survivors are too few to tell settings by
    assert json.loads(found.output)["step"] == "tune-scorer"
    assert json.loads(folder.scorer_config.read_text())["chosen"] == "defaults"


def test_a_job_needs_both_of_its_files(folder: RunFiles) -> None:
    found = CliRunner().invoke(scorer_meta_optimizer, ["--output-file", "values.json"])
    assert found.exit_code == 2
    assert "go together" in found.output
    folder.survivors("bidirectional").with_name("trials.json").write_text("{}")
    words = ["--trial-file", "trials.json", "--output-file", "values.json"]
    found = CliRunner().invoke(scorer_meta_optimizer, words)
    assert found.exit_code == 2
    assert "format" in found.output


def test_nothing_is_written_without_apply(folder: RunFiles) -> None:
    _with_scores(folder, survivor_runs.survivors(20))
    words = ["--mode", "full", "--lottery-data", "lottery_history.json"]
    words += ["--survivor-data", "survivors_with_scores.parquet"]
    found = CliRunner().invoke(adaptive_meta_optimizer, words)
    assert found.exit_code == 0, found.output
    assert json.loads(found.output)["format"] == "seedfleet.engine/1"
    assert not folder.model_config.exists()
    found = CliRunner().invoke(adaptive_meta_optimizer, [*words, "--apply"])
    assert found.exit_code == 1, found.output  # 20 survivors are too few to derive anything from
    assert folder.model_config.exists()
    assert folder.context("tune-model").exists()


def test_draws_of_another_run_are_refused(folder: RunFiles) -> None:
    Path("others.json").write_text("[1, 2, 3]")
    for command in (scorer_meta_optimizer, adaptive_meta_optimizer):
        found = CliRunner().invoke(command, ["--lottery-data", "others.json"])
        assert found.exit_code == 2
        assert "its 3 draws are not the 800" in found.output
    assert not folder.scorer_config.exists()


def test_a_folder_of_no_run_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = CliRunner().invoke(scorer_meta_optimizer, [])
    assert found.exit_code == 2
