"""Interrupting `seedfleet trace recover` in the middle of a scan, and going on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner
from interrupted_runs import finished_blocks, wait_for_blocks

from seedfleet.cli import main
from seedfleet.pipeline import seed_jobs

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

_PATIENCE_S = 120.0
# A scan that is worth killing must not be short, however fast this machine is.
_HEAD = """
import sys
from seedfleet.cli import main
from seedfleet.pipeline import seed_jobs

seed_jobs._SHORT_S = 0.0
sys.argv[0] = "seedfleet"
main()
"""


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEEDFLEET_HOME", str(tmp_path / "home"))
    return tmp_path


def start(house: Path) -> subprocess.Popen[str]:
    """Start a scan of all 2**32 seeds of xorshift32 for draws that nothing made."""
    draws = house / "draws.txt"
    values = np.random.default_rng(5).integers(1000, size=60).tolist()
    draws.write_text("\n".join(map(str, values)), encoding="utf-8")
    words = ["trace", "recover", str(draws), "--generator", "xorshift32", "--scan-skips", "0..1"]
    words += ["--output-dir", str(house / "out"), "--output", "json"]
    return subprocess.Popen(
        [sys.executable, "-c", _HEAD, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def resume(house: Path) -> dict[str, Any]:
    (folder,) = (house / "out").iterdir()
    words = ["trace", "recover", "--resume", folder.name, "--output-dir", str(house / "out")]
    result = CliRunner().invoke(main, [*words, "--output", "json"])
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "ctrl-c"])
def test_a_stopped_scan_goes_on_without_repeating_a_block(house: Path, how: signal.Signals) -> None:
    head = start(house)
    before = wait_for_blocks(house, 2, patience_s=_PATIENCE_S)
    head.send_signal(how)
    stdout, stderr = head.communicate(timeout=_PATIENCE_S)
    if how is signal.SIGINT:
        assert head.returncode == 3, stderr
        assert json.loads(stdout)["interrupted"] is True
    before = finished_blocks(house) if how is signal.SIGINT else before
    assert 2 <= len(before) < seed_jobs._LEAST_JOBS
    document = resume(house)
    assert document["verdict"] == "no_evidence"
    (row,) = [row for row in document["searched"] if row["status"] == "completed"]
    assert row["seeds_tested"] == row["seed_space"] == 2**32 - 1
    after = finished_blocks(house)
    assert len(after) == seed_jobs._LEAST_JOBS
    assert {path: after[path] for path in before} == before
    folder = house / "out" / document["run_id"]
    assert (folder / "report.html").exists()
    assert json.loads((folder / "recovery.json").read_text("utf-8")) == document


def test_resume_refuses_what_contradicts_it(house: Path) -> None:
    for words, told in (
        (["--resume", "nothing"], "nothing to resume"),
        (["--resume", "nothing", "--skips", "0..3"], "--skips"),
        (["--resume", "nothing", "draws.txt"], "not both"),
        ([], "--resume RUN_ID"),
    ):
        out = house / "out"
        result = CliRunner().invoke(main, ["trace", "recover", *words, "--output-dir", str(out)])
        assert result.exit_code == 2
        assert told in result.stderr
        assert not out.exists()
