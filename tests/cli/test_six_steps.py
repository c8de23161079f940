"""All six steps, as they are: a planted history is recovered, and a random one left alone."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from seedfleet.cli import main

pytestmark = pytest.mark.slow
for step in ("window", "tune_scorer", "score", "tune_model", "train", "predict"):
    pytest.importorskip(f"seedfleet.pipeline.steps.{step}")
pytest.importorskip("lightgbm")

_ASKED = ("--generator", "xorshift32", "--seeds", "300", "--trials", "6", "--steps", "1-6")


def _taken(house: Path, text: str, *words: str) -> dict[str, Any]:
    draws = house / "draws.txt"
    draws.write_text(text, encoding="utf-8")
    asked = ["trace", "run", str(draws), *_ASKED, "--output", "json", *words]
    result = CliRunner().invoke(
        main, [*asked, "--model-type", "lightgbm", "--output-dir", str(house / "out")]
    )
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def test_a_planted_seed_comes_first_and_its_next_draws_are_predicted(tmp_path: Path) -> None:
    words = ["generators", "sample", "xorshift32", "--seed", "123", "--skip", "2"]
    whole = CliRunner().invoke(main, [*words, "--count", "402"]).stdout.split()
    document = _taken(tmp_path, "\n".join(whole[:400]), "--predict", "2")
    assert document["verdict"] == "recovered"
    best = document["documents"]["predict"]["survivors"][0]
    assert (best["generator"], best["seed"]) == ("xorshift32", 123)
    top = [prediction["top"][0] for prediction in document["predictions"]]
    assert [each["value"] for each in top] == [int(draw) for draw in whole[400:]]
    assert min(each["probability"] for each in top) > 0.9


def test_random_draws_end_in_no_evidence_no_model_and_no_prediction(tmp_path: Path) -> None:
    values = np.random.default_rng(11).integers(1000, size=400).tolist()
    document = _taken(tmp_path, "\n".join(map(str, values)))
    assert document["verdict"] in {"no_evidence", "under_powered"}
    assert document["abstained"]
    assert document["documents"]["predict"]["model_used"] == "likelihood"
    assert document["predictions"] == []
    (prediction,) = document["documents"]["predict"]["predictions"]
    assert prediction["top"] == []
    assert prediction["highest_probability"] < 0.002


def test_the_example_chain_of_established_names_runs_to_its_end(tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "examples" / "steps" / "chain.sh"
    shutil.copy(example, tmp_path)
    program = tmp_path / "bin" / "seedfleet"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m seedfleet "$@"\n')
    program.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "PYTHON": sys.executable,
        "DRAWS": "1000",
        "SEEDS": "4400",
        "TRIALS": "3",
    }
    chain = ["sh", str(tmp_path / "chain.sh")]
    run = subprocess.run(chain, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    work = tmp_path / "work"
    window = json.loads((work / "optimal_window_config.json").read_text())
    assert window["skip_law"] == "constant"
    assert (work / "models" / "best_model.meta.json").exists()
    told = json.loads((work / "predictions.json").read_text())
    assert told["verdict"] == "recovered"
    assert told["survivors"][0]["seed"] == 4321
