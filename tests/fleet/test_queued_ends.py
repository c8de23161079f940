"""How attempts in a queue end, watched at the engine itself: who hears of it, and how often."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from queue_house import Line, LineScheduler, own_run_id, until

from seedfleet.fleet import BadInputError, Job
from seedfleet.fleet.engines.base import Allocation, Attempt, Ended, Rules
from seedfleet.fleet.engines.queued import probe as probing
from seedfleet.fleet.engines.queued.arrivals import Arrivals
from seedfleet.fleet.outcome import Cancelled, Succeeded
from seedfleet.fleet.paths import RunPaths

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from seedfleet.fleet.engines.queued.engine import QueueEngine

pytestmark = pytest.mark.slow  # all of them start interpreters, or wait

RUN = own_run_id()
JOB = Job(job_id="a", script="work.sh", args=("{output}",), expected_output="a.out")
SCRIPT = """#!/bin/sh
echo $$ > started
while [ -e hold ]; do sleep 0.02; done
echo done > "$1"
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "work.sh").write_text(SCRIPT)
    (tmp_path / "work.sh").chmod(0o755)
    return tmp_path


@pytest.fixture
def paths(root: Path) -> RunPaths:
    made = RunPaths(root=root, output_dir=root / "out", run_id=RUN, preserve=False)
    made.folder.mkdir(parents=True)
    return made


async def ends(
    engine: QueueEngine,
    paths: RunPaths,
    cancel_when: Callable[[], bool] | None = None,
    play: Callable[[], Awaitable[None]] | None = None,
) -> list[Ended]:
    """Run one attempt, or cancel it; return all ends that are told, those too many included."""
    (node,) = await engine.open(paths, Rules(kill_grace_s=0.5))
    told: list[Ended] = []

    async def listen() -> None:
        async for event in engine.events():
            if isinstance(event, Ended):
                told.append(event)  # noqa: PERF401 - each is seen as it comes

    listening = asyncio.ensure_future(listen())
    try:
        await engine.start(Attempt(JOB, 1), Allocation(node.name, ()))
        if cancel_when is not None:
            await until(cancel_when)
            await engine.cancel("a", 1)
        if play is not None:
            await play()
        await until(lambda: bool(told))
        await asyncio.sleep(1.0)  # many looks at files, and questions to the scheduler
    finally:
        listening.cancel()
        await engine.close()
    return told


def test_a_probe_believes_the_answer_to_its_own_nonce_alone(
    line: Line, paths: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not one of another run, nor what a slow disk shows of an old file."""
    line.holds = True
    make_folder = probing._make_folder

    def with_old_answer(top: Path) -> Path:
        folder = make_folder(top)
        (folder / "answer").write_text(json.dumps({"nonce": "0" * 32}))
        return folder

    monkeypatch.setattr(probing, "_make_folder", with_old_answer)
    probe = probing.DiskProbe(wait_s=0.1, grace_s=0.1, say=print)
    with pytest.raises(BadInputError, match="has not run the task"):
        asyncio.run(probe.check(LineScheduler(line), paths, "python3"))
    assert (line.batches[0].name, 0) in line.ended_by_request, "nobody waits for it any more"


def test_a_cancel_is_passed_on_to_the_scheduler_that_has_the_task(
    line: Line, paths: RunPaths
) -> None:
    line.holds = True

    def is_taken() -> bool:
        ledger = paths.queue / "batches.jsonl"
        return bool(line.batches) and len(ledger.read_text().splitlines()) == 2

    (end,) = asyncio.run(ends(line.engine(), paths, is_taken))
    assert end.outcome == Cancelled()
    assert (line.batches[0].name, 1) in line.ended_by_request


def test_a_supervisor_ends_its_script_by_the_cancel_file_alone(
    line: Line, paths: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no other way where people start the tasks."""

    async def nobody(*_: object) -> None:
        """Pass nothing on."""

    monkeypatch.setattr(LineScheduler, "cancel", nobody)
    (paths.root / "hold").touch()
    started = paths.root / "started"
    (end,) = asyncio.run(ends(line.engine(), paths, lambda: _says_something(started)))
    assert end.outcome == Cancelled()
    assert not Path(f"/proc/{started.read_text().strip()}").exists()


def test_of_two_that_look_at_an_end_at_once_the_first_has_it_alone(
    line: Line, paths: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One for its mark, one since the scheduler says that the task is over."""
    found: list[Ended] = []
    take_in = Arrivals.take_in

    def slowly(self: Arrivals, attempt: Attempt) -> Ended | None:
        ended = take_in(self, attempt)
        if ended is not None:
            found.append(ended)
            deadline = time.monotonic() + 1
            while len(found) < 2 and time.monotonic() < deadline:
                time.sleep(0.01)
        return ended

    monkeypatch.setattr(Arrivals, "take_in", slowly)
    (end,) = asyncio.run(ends(line.engine(), paths))
    assert isinstance(end.outcome, Succeeded)
    assert len(found) == 1


def test_an_end_is_told_while_the_scheduler_is_silent(line: Line, paths: RunPaths) -> None:
    """Files are the truth: whoever waits for the result need not wait for the scheduler."""

    async def play() -> None:
        await until(lambda: _says_something(paths.root / "started"))
        line.down = True
        await until(lambda: line.unanswered > 2)
        (paths.root / "hold").unlink()

    (paths.root / "hold").touch()
    (end,) = asyncio.run(ends(line.engine(), paths, play=play))
    assert isinstance(end.outcome, Succeeded)
    assert line.down


@pytest.mark.parametrize("stands_still", ["before", "after"])
def test_a_batch_of_a_head_that_died_while_it_handed_it_in_runs_once(
    line: Line, paths: RunPaths, stands_still: str
) -> None:
    """Whether the scheduler had it is not known to the next head, which asks."""

    async def leave() -> None:
        engine = line.engine()
        (node,) = await engine.open(paths, Rules())
        await engine.start(Attempt(JOB, 1), Allocation(node.name, ()))
        await until(lambda: not line.stands_still)
        await engine.close()

    line.stands_still = stands_still
    asyncio.run(leave())
    (end,) = asyncio.run(ends(line.engine(), paths))
    assert isinstance(end.outcome, Succeeded)
    assert line.finds == len(line.batches) == len(line.tasks) == 1


def _says_something(path: Path) -> bool:
    return path.exists() and path.read_text().endswith("\n")


# Saves what it has when it is ended, and calls that a success.
SAVING = """#!/bin/sh
trap 'echo half > "$1"; exit 0' TERM
echo $$ >> started
while [ -e hold ]; do sleep 0.02; done
echo whole > "$1"
"""


def end_as_slurm_does(line: Line, started: Path) -> None:
    """End the one task by TERM to each of its processes, the script before its supervisor."""
    script, (task,) = int(started.read_text().split()[-1]), line.tasks.values()
    os.kill(script, signal.SIGTERM)
    deadline = time.monotonic() + 10
    while _runs(script) and time.monotonic() < deadline:
        time.sleep(0.001)
    task.send_signal(signal.SIGTERM)
    task.wait()


def _runs(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_what_a_script_saves_when_it_is_cancelled_is_no_result(
    line: Line, paths: RunPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = paths.root / "started"

    async def cancel(*_: object) -> None:
        await asyncio.to_thread(end_as_slurm_does, line, started)

    monkeypatch.setattr(LineScheduler, "cancel", cancel)
    (paths.root / "work.sh").write_text(SAVING)
    (paths.root / "hold").touch()
    (end,) = asyncio.run(ends(line.engine(), paths, lambda: _says_something(started)))
    assert end.outcome == Cancelled()


def test_what_a_script_saves_when_its_machine_is_wanted_back_is_no_result(
    line: Line, paths: RunPaths
) -> None:
    started = paths.root / "started"
    (paths.root / "work.sh").write_text(SAVING)
    (paths.root / "hold").touch()

    async def play() -> list[Ended]:
        ending = asyncio.ensure_future(ends(line.engine(), paths))
        await until(lambda: _says_something(started))
        await asyncio.to_thread(end_as_slurm_does, line, started)
        (paths.root / "hold").unlink()
        line.run_task(line.batches[0], 1)
        return await ending

    (end,) = asyncio.run(play())
    assert isinstance(end.outcome, Succeeded)
    assert len(started.read_text().split()) == 2
    assert [file.size_bytes for file in end.outcome.outputs] == [len("whole\n")]
