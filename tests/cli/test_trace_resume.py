"""Interrupting `seedfleet trace recover` in the middle of a scan, and going on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner

from seedfleet.cli import main
from seedfleet.generators import Stream, reference
from seedfleet.generators.boundings import MODULO
from seedfleet.generators.families.lcg31 import MINSTD
from seedfleet.pipeline.scan_jobs import FleetScanner
from seedfleet.sieve import Queries, scan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

_PATIENCE_S = 120.0


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("SEEDFLEET_HOME", str(tmp_path / "home"))
    yield tmp_path
    for status in (tmp_path / "home").glob("runs/*/attempts/*/*/pid"):
        os.kill(int(status.read_text()), signal.SIGKILL)


def start(house: Path) -> subprocess.Popen[str]:
    """Start a scan of all 2**32 seeds of xorshift32 for draws that nothing made."""
    draws = house / "draws.txt"
    values = np.random.default_rng(5).integers(1000, size=60).tolist()
    draws.write_text("\n".join(map(str, values)), encoding="utf-8")
    words = ["trace", "recover", str(draws), "--generator", "xorshift32", "--scan-skips", "0..8"]
    words += ["--output-dir", str(house / "out"), "--output", "json"]
    return subprocess.Popen(
        [sys.executable, "-m", "seedfleet", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished_blocks(house: Path) -> dict[Path, int]:
    """Return each finished block's result with the time that it was written, in nanoseconds."""
    found = house.glob("out/*/scans/*/blocks/results/*.json")
    return {path: path.stat().st_mtime_ns for path in found}


def wait_for_blocks(house: Path, count: int) -> dict[Path, int]:
    started = time.monotonic()
    while len(blocks := finished_blocks(house)) < count:
        assert time.monotonic() - started < _PATIENCE_S, "no block was finished"
        time.sleep(0.05)
    return blocks


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
    before = wait_for_blocks(house, 2)
    head.send_signal(how)
    stdout, stderr = head.communicate(timeout=_PATIENCE_S)
    if how is signal.SIGINT:
        assert head.returncode == 3, stderr
        assert json.loads(stdout)["interrupted"] is True
    before = finished_blocks(house) if how is signal.SIGINT else before
    assert 2 <= len(before) < 16
    document = resume(house)
    assert document["verdict"] == "no_evidence"
    (row,) = [row for row in document["searched"] if row["status"] == "completed"]
    assert row["seeds_tested"] == row["seed_space"] == 2**32 - 1
    after = finished_blocks(house)
    assert len(after) == 16
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


def test_jobs_find_what_one_process_finds_and_count_what_they_tested(house: Path) -> None:
    stream = Stream(MINSTD, MODULO)
    draws = reference.at_positions(stream, 70_000, 1000, [0, 1, 2])
    queries = Queries(np.array([[0, 1, 2], [1, 2, 3]]), np.array([draws, draws]), 1000, 0)
    begun: list[bool] = []
    shares: list[int] = []
    scanner = FleetScanner(
        house / "scans",
        before_first=lambda: begun.append(True),
        notice=print,
        block=30_000,
    )
    seeds = range(1, 100_001)
    found = scanner(MINSTD, queries, seeds, progress=shares.append)
    alone = scan(MINSTD, queries, seeds)
    assert found.seeds.tolist() == alone.seeds.tolist()
    assert 70_000 in found.seeds
    assert found.rows.tolist() == alone.rows.tolist()
    assert (found.tested, shares[-1]) == (100_000, 100_000)
    assert begun == [True]
    # A result that says it is of another block is no result.
    (result,) = house.glob("scans/*/blocks/results/seeds-1.json")
    result.write_text(result.read_text().replace('"start": 1,', '"start": 2,'))
    again = scanner(MINSTD, queries, seeds)  # the fleet sees the changed digest and scans again
    assert again.tested == 100_000
