"""The pipeline's steps on the machines of a scheduler, by one flag."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import seedfleet
from seedfleet.cli import main

pytestmark = pytest.mark.slow
pytest.importorskip("lightgbm")

_SOON = ("poll_s=0.5", "slots=4")
_SOURCE = Path(seedfleet.__file__).parents[1]


@pytest.mark.slurm
@pytest.mark.usefixtures("slurm_cluster")
def test_every_step_that_fans_out_runs_on_slurm(tmp_path: Path) -> None:
    _runs_on("slurm", _SOON, {"alpha", "beta"}, tmp_path)


def _interpreter(house: Path) -> Path:
    """Make one that finds this package, whether it is installed or not."""
    python = house / "python"
    path = shlex.quote(f"PYTHONPATH={_SOURCE}")
    python.write_text(f'#!/bin/sh\nexec env {path} {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)
    return python


def _runs_on(engine: str, options: tuple[str, ...], machines: set[str], house: Path) -> None:
    words = ["generators", "sample", "xorshift32", "--seed", "123", "--skip", "2", "--count", "400"]
    draws = house / "draws.txt"
    draws.write_text(CliRunner().invoke(main, words).stdout)
    asked = ["trace", "run", str(draws), "--generator", "xorshift32", "--seeds", "1500"]
    asked += ["--steps", "1-5", "--trials", "2", "--model-type", "lightgbm", "--engine", engine]
    options = (*options, f"python={_interpreter(house)}")
    asked += [word for option in options for word in ("--engine-option", option)]
    result = CliRunner().invoke(main, [*asked, "--output-dir", str(house / "out")])
    assert result.exit_code == 0, result.output
    ran = {}
    for path in (house / "out").rglob("fleet/*/manifest.json"):
        manifest = json.loads(path.read_text())
        assert {job["outcome"] for job in manifest["jobs"].values()} == {"succeeded"}
        ran[path.parent.name] = {job["node"] for job in manifest["jobs"].values()}
    assert set.union(*ran.values()) <= machines
    assert len(ran) >= 3, "scores, studies of the scorer, and models"
