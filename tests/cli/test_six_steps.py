"""All six steps, as they are: a planted history is recovered, and a random one left alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner

from seedfleet.cli import main

if TYPE_CHECKING:
    from pathlib import Path

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
