"""Interrupting `seedfleet trace recover` in the middle of a scan, and going on."""

from __future__ import annotations

import importlib
import json
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner

from seedfleet.cli import main
from seedfleet.pipeline.seed_block import BlockResult
from seedfleet.sieve import CpuBackend

if TYPE_CHECKING:
    from pathlib import Path

    from seedfleet.sieve import Hits

pytestmark = pytest.mark.slow

_PATIENCE_S = 120.0
_SEEDS = range(2**32)
# A scan that is worth killing must not be short, however many cores this machine has.
_HEAD = """
import importlib
import sys
from seedfleet.cli import main
from seedfleet.sieve import CpuBackend

importlib.import_module("seedfleet.cli.trace.recover").local_backend = lambda: CpuBackend(1)
sys.argv[0] = "seedfleet"
main()
"""


def start(house: Path) -> subprocess.Popen[str]:
    """Start a scan of 2**32 seeds of pcg32 for draws that nothing made."""
    draws = house / "draws.txt"
    values = np.random.default_rng(5).integers(1000, size=60).tolist()
    draws.write_text("\n".join(map(str, values)), encoding="utf-8")
    words = ["trace", "recover", str(draws), "--generator", "pcg32", "--scan-skips", "0..0"]
    words += ["--noise", "0", "--output-dir", str(house / "out"), "--output", "json"]
    return subprocess.Popen(
        [sys.executable, "-c", _HEAD, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def kept(house: Path) -> dict[Path, int]:
    """Return each answer that was kept with the time that it was written, in nanoseconds."""
    return {path: path.stat().st_mtime_ns for path in house.glob("out/*/scans/*.hits")}


def wait_for_answers(house: Path, count: int) -> None:
    started = time.monotonic()
    while len(kept(house)) < count:
        assert time.monotonic() - started < _PATIENCE_S, "no answer was kept"
        time.sleep(0.02)


def resume(house: Path, asked: list[range], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Go on with the only run, noting which seeds are tested anew."""

    class Noting(CpuBackend):
        def scan_together(self, questions: Any, seeds: range, **options: Any) -> tuple[Hits, ...]:
            asked.append(seeds)
            return super().scan_together(questions, seeds, **options)

    monkeypatch.setattr(
        importlib.import_module("seedfleet.cli.trace.recover"), "local_backend", Noting
    )
    (folder,) = (house / "out").iterdir()
    words = ["trace", "recover", "--resume", folder.name, "--output-dir", str(house / "out")]
    result = CliRunner().invoke(main, [*words, "--output", "json"])
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def seeds_of(answers: dict[Path, int]) -> list[range]:
    """Return the seeds that the kept answers are about."""
    results = [BlockResult.of_file(path) for path in answers]
    return [range(each.start, each.start + each.tested) for each in results]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "ctrl-c"])
def test_a_stopped_scan_goes_on_without_testing_a_seed_twice(
    how: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = start(tmp_path)
    wait_for_answers(tmp_path, 2)
    head.send_signal(how)
    stdout, stderr = head.communicate(timeout=_PATIENCE_S)
    if how is signal.SIGINT:
        assert head.returncode == 3, stderr
        assert json.loads(stdout)["interrupted"] is True
    before, asked = kept(tmp_path), list[range]()
    known = seeds_of(before)
    assert len(_SEEDS) // 20 < sum(map(len, known)) < len(_SEEDS)
    document = resume(tmp_path, asked, monkeypatch)
    assert document["verdict"] == "no_evidence"
    (row,) = [row for row in document["searched"] if row["status"] == "completed"]
    assert row["seeds_tested"] == row["seed_space"] == len(_SEEDS)
    tested = sorted((*known, *asked), key=lambda seeds: seeds.start)
    assert [seeds.start for seeds in tested] == [0, *(seeds.stop for seeds in tested[:-1])]
    assert tested[-1].stop == _SEEDS.stop
    assert {path: kept(tmp_path)[path] for path in before} == before
    folder = tmp_path / "out" / document["run_id"]
    assert (folder / "report.html").exists()
    assert json.loads((folder / "recovery.json").read_text("utf-8")) == document


def test_resume_refuses_what_contradicts_it(tmp_path: Path) -> None:
    for words, told in (
        (["--resume", "nothing"], "nothing to resume"),
        (["--resume", "nothing", "--skips", "0..3"], "--skips"),
        (["--resume", "nothing", "draws.txt"], "not both"),
        ([], "--resume RUN_ID"),
    ):
        out = tmp_path / "out"
        result = CliRunner().invoke(main, ["trace", "recover", *words, "--output-dir", str(out)])
        assert result.exit_code == 2
        assert told in result.stderr
        assert not out.exists()
