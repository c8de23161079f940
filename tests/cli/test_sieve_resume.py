"""Killing `seedfleet sieve` in the middle of its jobs, and going on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from interrupted_runs import finished_blocks, wait_for_blocks

from seedfleet.cli import main
from seedfleet.generators import find_preset, reference

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

_PATIENCE_S = 120.0
_JOBS = 6
_LAST = 2**21
_SEED = _LAST - 5  # in the last block, which no killed head has seen
# Even a short question goes to a few jobs.
_HEAD = f"""
import sys
from seedfleet.cli import main
from seedfleet.pipeline import seed_jobs

seed_jobs._SHORT_S, seed_jobs._LEAST_JOBS = 0.0, {_JOBS}
sys.argv[0] = "seedfleet"
main()
"""


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SEEDFLEET_HOME", str(tmp_path / "home"))
    return tmp_path


def start(house: Path, last: int = _LAST) -> subprocess.Popen[bytes]:
    """Sieve 40 draws that the last but five of so many seeds of CPython made with skip 2."""
    places = [2 + 3 * index for index in range(40)]
    draws = reference.at_positions(find_preset("python_randrange").stream, _SEED, 1000, places)
    path = house / "draws.txt"
    path.write_text("\n".join(map(str, draws)), encoding="utf-8")
    words = ["sieve", str(path), "--generator", "python_randrange", "--seeds", f"1..{last}"]
    words += ["--skips", "2..2", "--modulus", "1000", "--output-dir", str(house / "out")]
    words += ["--max-days", "1e9"]
    return subprocess.Popen([sys.executable, "-c", _HEAD, *words], stderr=subprocess.DEVNULL)


def test_an_interruption_does_not_wait_for_blocks(house: Path) -> None:
    head = start(house, 2**50)  # of which a block takes days
    started = time.monotonic()
    try:
        while not list(house.glob("home/runs/*/attempts/*/*/alive")):
            assert time.monotonic() - started < _PATIENCE_S, "no block was started"
            time.sleep(0.05)
    finally:
        head.send_signal(signal.SIGINT)
    assert head.wait(_PATIENCE_S) == 3
    assert finished_blocks(house) == {}


def test_a_killed_sieve_goes_on_without_repeating_a_block(house: Path) -> None:
    head = start(house)
    before = wait_for_blocks(house, 1, patience_s=_PATIENCE_S)
    head.kill()
    head.wait(_PATIENCE_S)
    assert len(before) < _JOBS
    (folder,) = (house / "out").iterdir()
    assert not (folder / "sieve.json").exists()
    assert not (folder / "survivors.csv").exists()
    words = ["sieve", "--resume", folder.name, "--output-dir", str(house / "out")]
    result = CliRunner().invoke(main, [*words, "--output", "json"])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert (document["verdict"], document["survivors"][0]["seed"]) == ("recovered", _SEED)
    (search,) = document["searches"]
    assert search["seeds_tested"] == search["seeds_requested"] == _LAST
    after = finished_blocks(house)
    assert len(after) == _JOBS
    assert {path: after[path] for path in before} == before
