"""The pipeline's steps on the machines of a scheduler, by one flag."""

from __future__ import annotations

import importlib.util
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
def test_every_step_that_fans_out_comes_from_slurm(tmp_path: Path) -> None:
    told = _runs_on("slurm", ("poll_s=0.5", "slots=4"), {"alpha", "beta"}, tmp_path, "--jobs")
    assert [step["number"] for step in told if step["fleet"]] == ["1", "2.5", "3", "5"]


@pytest.mark.slurm
@pytest.mark.usefixtures("slurm_cluster")
def test_blocks_of_a_sieve_come_from_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seedfleet.pipeline.seed_jobs._SHORT_S", 0.0)
    monkeypatch.setattr("seedfleet.pipeline.seed_jobs._LEAST_JOBS", 2)
    asked = ["sieve", str(_draws(tmp_path)), "--generator", "xorshift32", "--seeds", "0..3999"]
    asked += ["--skips", "2..2", "--output-dir", str(tmp_path / "out"), "--output", "json"]
    asked += _place("slurm", ("poll_s=0.5",), tmp_path)
    result = CliRunner().invoke(main, asked)
    assert result.exit_code == 0, result.output
    assert [each["seed"] for each in json.loads(result.stdout)["survivors"]] == [123]
    ran = _jobs_of(tmp_path / "out")
    assert len(ran) == 2
    assert {job["node"] for job in ran} <= {"alpha", "beta"}


@pytest.mark.ray
def test_scores_and_models_come_from_ray(ray_cluster: RayCluster, tmp_path: Path) -> None:
    told = _runs_on("ray", (f"address={ray_cluster.address}",), {"alpha", "beta"}, tmp_path)
    assert [step["number"] for step in told if step["fleet"]] == ["3", "5"]


def _interpreter(house: Path) -> Path:
    """Make one that finds this package, whether it is installed or not."""
    python = house / "python"
    path = shlex.quote(f"PYTHONPATH={_SOURCE}")
    python.write_text(f'#!/bin/sh\nexec env {path} {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)
    return python


def _draws(house: Path) -> Path:
    words = ["generators", "sample", "xorshift32", "--seed", "123", "--skip", "2", "--count", "400"]
    draws = house / "draws.txt"
    draws.write_text(CliRunner().invoke(main, words).stdout)
    return draws


def _place(engine: str, options: tuple[str, ...], house: Path) -> list[str]:
    """Say where jobs run, on a command line."""
    told = (*options, f"python={_interpreter(house)}")
    return ["--engine", engine, *(word for each in told for word in ("--engine-option", each))]


def _jobs_of(folder: Path) -> list[dict[str, Any]]:
    """Return what every manifest below a folder says of each job."""
    told: list[dict[str, Any]] = []
    for path in folder.rglob("manifest.json"):
        told += json.loads(path.read_text())["jobs"].values()
    return told


def _runs_on(
    engine: str, options: tuple[str, ...], machines: set[str], house: Path, *more: str
) -> list[dict[str, Any]]:
    """Run the steps there, and return what the run says of each."""
    asked = ["trace", "run", str(_draws(house)), "--generator", "xorshift32", "--seeds", "1500"]
    asked += ["--steps", "1-5", "--trials", "2", "--model-type", "lightgbm"]
    asked += [*_place(engine, options, house), *more, "--output-dir", str(house / "out")]
    result = CliRunner().invoke(main, asked)
    assert result.exit_code == 0, result.output
    (run,) = (house / "out").iterdir()
    ran = _jobs_of(run)
    assert len(ran) >= 2
    assert {job["outcome"] for job in ran} == {"succeeded"}
    assert {job["node"] for job in ran} <= machines
    told: list[dict[str, Any]] = json.loads((run / "trace.json").read_text())["steps"]
    return told
