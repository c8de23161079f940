"""Step 5 under a head that is killed: its jobs go on, and the next head takes them up."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from step_words import proceeded
from training_ground import planted_run

from seedfleet.models.sidecar import Sidecar

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow
SOURCE = str(Path(__file__).parents[2] / "src")

# A head that trains two types of model, and jobs that say when they begin; one waits for `go`.
HEAD = """
import sys
import seedfleet.pipeline.steps.train.step as step
from seedfleet.cli import main
step.installed = lambda: ("lightgbm", "xgboost")
sys.argv[0] = "seedfleet"
main()
"""
IN_JOBS = """
import os, time
job = os.environ.get("SEEDFLEET_JOB_ID")
if job:
    with open("begun", "a") as stream:
        stream.write(job + "\\n")
    while job == "xgboost" and not os.path.exists("go"):
        time.sleep(0.05)
"""


def test_a_killed_head_leaves_its_jobs_at_work_and_the_next_one_takes_them_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, begun = tmp_path / "run", tmp_path / "run" / "begun"
    folder.mkdir()
    _, run = planted_run(folder, right=0.75, knowing=True)
    proceeded("score", run.files.scores, run.context, run.files)
    (tmp_path / "sitecustomize.py").write_text(IN_JOBS)
    known = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((SOURCE, str(tmp_path), known)))
    monkeypatch.setenv("SEEDFLEET_HOME", str(tmp_path / "home"))
    head = [sys.executable, "-c", HEAD, "trace", "train", str(folder)]

    first = subprocess.Popen(head, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    done = folder / "models" / "trials" / "lightgbm.json.done"
    wait_until(lambda: done.exists() and begun.read_text().count("xgboost") == 1)
    first.kill()
    first.wait()
    assert not run.files.sidecar.exists()
    (journal,) = folder.rglob("journal.jsonl")
    size = journal.stat().st_size
    second = subprocess.Popen(head, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    wait_until(lambda: journal.stat().st_size > size)  # the second head has the run open
    (folder / "go").touch()
    said, _ = second.communicate(timeout=120)
    assert second.returncode == 0, said
    assert sorted(begun.read_text().split()) == ["lightgbm", "xgboost"]
    assert Sidecar.read(run.files.sidecar).run_id == run.context.run_id


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
