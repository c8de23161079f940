"""The pipeline's steps on the machines of a scheduler, by one flag."""

from __future__ import annotations

import importlib.util
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

import seedfleet
from seedfleet.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedfleet.fleet.testing.ray import RayCluster

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("lightgbm")]

_SOURCE = Path(seedfleet.__file__).parents[1]


@pytest.fixture
def lightgbm(need: Callable[[str, list[str]], None]) -> None:
    found = importlib.util.find_spec("lightgbm")
    need("LightGBM", [] if found else ["the lightgbm package (seedfleet[trace])"])


@pytest.mark.slurm
@pytest.mark.usefixtures("slurm_cluster")
def test_scores_and_models_come_from_slurm(tmp_path: Path) -> None:
    _runs_on("slurm", ("poll_s=0.5", "slots=4"), {"alpha", "beta"}, tmp_path)


@pytest.mark.ray
def test_scores_and_models_come_from_ray(ray_cluster: RayCluster, tmp_path: Path) -> None:
    _runs_on("ray", (f"address={ray_cluster.address}",), {"alpha", "beta"}, tmp_path)


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
    (run,) = (house / "out").iterdir()
    told = json.loads((run / "trace.json").read_text())["steps"]
    assert [step["number"] for step in told if step["fleet"]] == ["3", "5"]
    ran = []
    for path in run.rglob("manifest.json"):
        ran += json.loads(path.read_text())["jobs"].values()
    assert len(ran) >= 2
    assert {job["outcome"] for job in ran} == {"succeeded"}
    assert {job["node"] for job in ran} <= machines
