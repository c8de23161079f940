"""A script with an established name says in one line which package it lacks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seedfleet import __version__
from seedfleet.established_entry import WANTED_VERSION

COMPAT = Path(__file__).parents[2] / "compat"
SOURCE = Path(__file__).parents[2] / "src"
SCRIPTS = sorted(path.name for path in COMPAT.iterdir() if path.suffix in (".py", ".sh"))
# Goes before all others where PYTHONPATH names its folder, and lets imports fail.
LACKING = """import os, sys
for name in os.environ["LACKING"].split():
    sys.modules[name] = None
"""


def started(
    folder: Path, script: str, lacking: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Start a script in an interpreter that lacks packages, with a command line of a job."""
    (folder / "sitecustomize.py").write_text(LACKING)
    shell = script.endswith(".sh")
    words = ["sh"] if shell else [sys.executable]
    return subprocess.run(
        [*words, str(COMPAT / script), "--job-file", "none.json"],
        cwd=folder,
        env=os.environ
        | {"PYTHONPATH": f"{folder}{os.pathsep}{SOURCE}", "LACKING": lacking}
        | {"PYTHON": sys.executable}
        | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_missing_package_is_one_line(tmp_path: Path, script: str) -> None:
    told = started(tmp_path, script, "click numpy numba pyarrow optuna")
    assert told.returncode in (1, 2), told.stdout
    (line,) = told.stderr.splitlines()
    assert "is not installed for" in line
    assert "pip install" in line


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "lacking"),
    [
        ("prediction_generator.py", "numba"),
        ("window_optimizer.py", "pyarrow"),
        ("adaptive_meta_optimizer.py", "pyarrow"),
        ("run_step3_full_scoring.sh", "pyarrow"),
        ("scripts_coordinator.py", "seedfleet"),
    ],
)
def test_the_package_that_is_missing_is_named(tmp_path: Path, script: str, lacking: str) -> None:
    told = started(tmp_path, script, lacking)
    assert told.returncode in (1, 2), told.stdout
    (line,) = told.stderr.splitlines()
    assert line.startswith(f"error: {lacking}")


@pytest.mark.slow
def test_a_job_of_another_version_is_refused(tmp_path: Path) -> None:
    script = "full_scoring_worker.py"
    other = started(tmp_path, script, "", **{WANTED_VERSION: "7.0.1"})
    assert other.returncode == 2
    (line,) = other.stderr.splitlines()
    assert line.startswith(f"error: seedfleet {__version__} is installed for ")
    assert line.endswith("pip install 'seedfleet[trace]==7.0.1'")
    same = started(tmp_path, script, "numba", **{WANTED_VERSION: __version__})
    assert same.stderr.startswith("error: numba is not installed")


@pytest.mark.slow
def test_a_fault_of_our_own_is_not_taken_for_a_missing_package(tmp_path: Path) -> None:
    told = started(tmp_path, "generate_kfold_jobs.py", "seedfleet.models.folds")
    assert "Traceback" in told.stderr
