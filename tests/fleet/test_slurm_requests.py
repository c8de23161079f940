"""What Slurm is asked, where retries go, and what of a run is left in a line."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
import time
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from queue_house import SOON, Line, LineScheduler, own_run_id, until

from seedfleet.fleet import Job, RunOptions, run
from seedfleet.fleet.engines.choice import make_engine
from seedfleet.fleet.engines.queued.by_hand import BY_HAND, ByHandEngine
from seedfleet.fleet.engines.queued.engine import QueueEngine
from seedfleet.fleet.engines.queued.folder import TaskRules, packed_task
from seedfleet.fleet.engines.queued.ledger import BatchLedger, HandedIn
from seedfleet.fleet.engines.queued.line import waiting_apart, waiting_jobs
from seedfleet.fleet.engines.queued.scheduler import (
    Batch,
    RefusedBatchError,
    Request,
    TaskState,
)
from seedfleet.fleet.engines.slurm import SlurmScheduler, SlurmWishes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from seedfleet.fleet import RunReport

RUN = own_run_id()
GOOD_S = 50.0
# Says which process is its supervisor, and waits as long as its `hold` is there.
SCRIPT = """#!/bin/sh
echo $PPID > "supervisor-$2"
while [ -e "hold-$2" ]; do sleep 0.02; done
echo x > "$1"
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "work.sh").write_text(SCRIPT)
    (tmp_path / "work.sh").chmod(0o755)
    return tmp_path


class Strict(LineScheduler):
    """Has a machine for each kind of request."""

    refuses_exclude = False
    holds_back: Callable[[], bool] = staticmethod(lambda: False)  # also what runs

    async def submit(self, batch: Batch) -> str:
        if self.refuses_exclude and batch.request.exclude:
            raise RefusedBatchError("no machine is left")
        known = "beta" if batch.request.timeout_s == GOOD_S else "alpha"
        self._line.environment["SLURMD_NODENAME"] = known
        return await super().submit(batch)

    def asked(self) -> list[tuple[str, ...]]:
        return [batch.request.exclude for batch in self._line.batches]

    async def look(
        self, batches: Mapping[str, Collection[int]]
    ) -> Mapping[tuple[str, int], TaskState]:
        states = await super().look(batches)
        return dict.fromkeys(states, TaskState.HELD) if self.holds_back() else states


def job(name: str, **changes: Any) -> Job:
    values: dict[str, Any] = {
        "script": "work.sh",
        "args": ("{output}", "{job_id}"),
        "expected_output": f"{name}.out",
        "gpus": 0,
        "retries": 0,
    }
    return Job(job_id=name, **values | changes)


async def start(root: Path, scheduler: Strict, *jobs: Job) -> RunReport:
    engine = QueueEngine(scheduler, task_rules=TaskRules(default_gpus=0), pace=SOON)
    options = RunOptions(root=root, output_dir="out", kill_grace_s=0.5)
    return await run(jobs, options, engine=engine, run_id=RUN)


def tried_again(
    root: Path, scheduler: Strict, *, good_s: float = GOOD_S, good_is: str = "done", **changes: Any
) -> RunReport:
    """Have `bad` lose its supervisor on alpha, once `good` runs on beta, or is done there."""

    async def play() -> RunReport:
        good = job("good", timeout_s=good_s)
        running = asyncio.ensure_future(start(root, scheduler, good, job("bad", **changes)))
        is_done = good_is == "done"
        known = root / (f"out/{RUN}/results/good.out.done" if is_done else "supervisor-good")
        await until(known.exists)
        supervisor = root / "supervisor-bad"
        await until(lambda: supervisor.exists() and bool(supervisor.read_text()))
        os.kill(int(supervisor.read_text()), signal.SIGKILL)
        (root / "hold-bad").unlink()
        await until(lambda: is_done or len(scheduler.asked()) > 2)
        (root / "hold-good").unlink(missing_ok=True)
        async with asyncio.timeout(60):
            return await running

    if good_is == "running":
        (root / "hold-good").touch()

    (root / "hold-bad").touch()
    return asyncio.run(play())


@pytest.mark.slow
@pytest.mark.parametrize("refused", [False, True])
def test_a_retry_keeps_off_the_machine_that_failed_while_that_leaves_one(
    root: Path, line: Line, refused: bool
) -> None:
    scheduler = Strict(line)
    scheduler.refuses_exclude = refused
    report = tried_again(root, scheduler)
    assert report.succeeded
    assert report.jobs["bad"].attempts == 2
    assert scheduler.asked() == [(), (), () if refused else ("alpha",)]


@pytest.mark.slow
def test_a_machine_that_runs_a_script_is_known_before_that_has_ended(
    root: Path, line: Line
) -> None:
    scheduler = Strict(line)
    report = tried_again(root, scheduler, good_is="running")
    assert report.succeeded
    assert scheduler.asked() == [(), (), ("alpha",)]


@pytest.mark.slow
def test_a_pinned_job_keeps_its_pin(root: Path, line: Line) -> None:
    scheduler = Strict(line)
    report = tried_again(root, scheduler, node="alpha")
    assert report.jobs["bad"].attempts == 2
    assert scheduler.asked() == [()] * 3
    assert line.batches[-1].request.node == "alpha"


@pytest.mark.slow
@pytest.mark.parametrize("good_is", ["done", "running"])
def test_the_only_machine_that_is_known_is_not_kept_off(
    root: Path, line: Line, good_is: str
) -> None:
    scheduler = Strict(line)
    report = tried_again(root, scheduler, good_s=GOOD_S + 1, good_is=good_is)
    assert report.jobs["bad"].attempts == 2
    place = report.jobs["good"].place
    assert place is not None
    assert place.node == "alpha"
    assert scheduler.asked() == [()] * 3


@pytest.mark.slow
@pytest.mark.parametrize("held", [True, False])
def test_of_what_has_ended_only_a_task_that_is_held_back_is_taken_out_of_the_line(
    root: Path, line: Line, held: bool
) -> None:
    scheduler = Strict(line)
    begun = [root / "supervisor-a", root / "supervisor-b"]
    scheduler.holds_back = lambda: held and all(each.exists() for each in begun)
    line.over = TaskState.OVER if held else TaskState.ALIVE
    report = asyncio.run(start(root, scheduler, job("a"), job("b")))
    assert report.succeeded
    taken_out = {number for _, number in line.ended_by_request}
    assert taken_out == ({1, 2} if held else set())


@pytest.mark.parametrize(
    ("spoiled", "count"), [(".py", 0), (".pyc", 0), ("", 1)], ids=["sources", "compiled", "neither"]
)
def test_a_task_is_compiled_for_this_python_and_runs_under_others_from_its_source(
    tmp_path: Path, spoiled: str, count: int
) -> None:
    path = tmp_path / "task.pyz"
    with (
        zipfile.ZipFile(io.BytesIO(packed_task())) as packed,
        zipfile.ZipFile(path, "w") as changed,
    ):
        for name in packed.namelist():
            data = packed.read(name)
            if name.startswith("seedfleet_node/"):
                # As another version's compiled files begin, and as no source does.
                data = b"spoiled)" + data[8:] if name.endswith(spoiled) else data
            changed.writestr(name, data)
    done = subprocess.run([sys.executable, path, "7"], capture_output=True, text=True, check=False)
    assert done.returncode == count
    assert (done.stdout == "order 7 has been dealt with\n") == (count == 0)


def test_a_ledger_keeps_what_a_batch_has_asked(tmp_path: Path) -> None:
    asked = Request(1, 5.0, "n", "rocm", requeue=False, exclude=("alpha", "beta"))
    BatchLedger(tmp_path / "batches").add(HandedIn("x", 1, ("t",), asked))
    assert BatchLedger(tmp_path / "batches").batches["x"].request == asked


def test_sbatch_is_told_what_to_keep_off() -> None:
    words = SlurmWishes().words(Request(0, 60.0, exclude=("alpha", "beta")))
    assert "--exclude=alpha,beta" in words
    assert not any("exclude" in word for word in SlurmWishes().words(Request(0, 60.0)))


@pytest.mark.parametrize("gpus", [0, 1, 2])
def test_a_refusal_of_gpus_names_what_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gpus: int
) -> None:
    tool = tmp_path / "sbatch"
    tool.write_text("#!/bin/sh\necho 'Invalid generic resource (gres) specification' >&2; exit 1\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    batch = Batch("name", ("true",), range(1, 2), Request(gpus, 60.0), tmp_path / "log")
    with pytest.raises(RefusedBatchError, match="sbatch: Invalid generic resource") as refused:
        asyncio.run(SlurmScheduler(SlurmWishes(), 10).submit(batch))
    said = str(refused.value)
    assert ("--engine-option default_gpus=0" in said) == ('"gpus": 0' in said) == (gpus > 0)
    assert gpus == 0 or f"{gpus} GPU" in said


def test_a_pin_to_no_node_of_slurm_is_no_matter_of_gpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "sbatch"
    failed = "sbatch: error: Batch job submission failed: Invalid node name specified"
    tool.write_text(f"#!/bin/sh\necho '{failed}' >&2; exit 1\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    batch = Batch("name", ("true",), range(1, 2), Request(1, 60.0, "gamma"), tmp_path / "log")
    with pytest.raises(RefusedBatchError, match="sinfo --Node lists the nodes") as refused:
        asyncio.run(SlurmScheduler(SlurmWishes(), 10).submit(batch))
    assert "default_gpus" not in str(refused.value)


def test_an_exported_run_waits_for_no_late_disk_whatever_its_number_of_tasks() -> None:
    for options in ({"slots": "9"}, {}):
        engine = make_engine(RunOptions(engine=BY_HAND, engine_options=options))
        assert isinstance(engine, ByHandEngine)
        assert engine._pace.grace_s == 0
        assert engine._pace.slots == int(options.get("slots", "4096"))


def test_what_tasks_have_left_tells_who_waits(tmp_path: Path) -> None:
    now = time.time()
    states = ("fresh", "quiet", "let-go", "ended", "unstarted")
    (tmp_path / "leases").mkdir()
    for name in states[:4]:
        folder = tmp_path / f"attempts/{name}/1"
        folder.mkdir(parents=True)
        if name in {"fresh", "quiet"}:
            (tmp_path / "leases" / name).touch()
    (tmp_path / "attempts/ended/1/status.json").touch()
    os.utime(tmp_path / "leases/quiet", (now - 61, now - 61))
    waiting = waiting_jobs(tmp_path, [(name, 1) for name in states], now)
    assert waiting == {"quiet", "let-go", "unstarted"}
    assert waiting_jobs(tmp_path, [("fresh", 2)], now) == {"fresh"}, "a later attempt"


def test_who_waits_is_counted_apart_from_who_runs() -> None:
    counts = {"succeeded": 3, "running": 5}
    assert waiting_apart(counts, 2) == {"succeeded": 3, "running": 3, "waiting": 2}
    assert waiting_apart(counts, 5) == {"succeeded": 3, "waiting": 5}
    assert waiting_apart(counts, 0) == counts
