"""A scheduler of processes of this machine, for what queueing engines have in common."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedfleet.fleet import Job, RunOptions, run
from seedfleet.fleet.engines.queued.engine import QueueEngine, QueuePace
from seedfleet.fleet.engines.queued.folder import TaskRules
from seedfleet.fleet.engines.queued.scheduler import (
    Batch,
    RefusedBatchError,
    SchedulerDownError,
    TaskState,
)
from seedfleet.fleet.node.processes import TOKEN_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from seedfleet.fleet import RunReport

SOON = QueuePace(slots=8, gather_s=0.02, files_s=0.05, poll_s=0.1, grace_s=0.3)
BASE = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}

# Counts its starts, says what it sees, and waits as long as `hold` is there.
SCRIPT = """#!/bin/sh
echo $$ >> "starts-$2"
env > "env-$2"
while [ -e hold ]; do sleep 0.02; done
printf '%s' "$3" > "$1"
"""


def own_run_id() -> str:
    """Name a run as no other process does: whatever has a run's token is ended with its attempt."""
    return f"r{secrets.token_hex(4)}"


RUN = own_run_id()  # of one process: its tests come one after another


async def until(condition: Callable[[], bool], limit_s: float = 60.0) -> None:
    """Wait for something to come true; TimeoutError where it does not."""
    async with asyncio.timeout(limit_s):
        while not condition():
            await asyncio.sleep(0.02)


@dataclass
class Line:
    """What outlives the engines: the tasks, and whether the scheduler answers."""

    environment: dict[str, str] = field(default_factory=dict)
    tasks: dict[tuple[str, int], subprocess.Popen[bytes]] = field(default_factory=dict)
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    ended_by_request: set[tuple[str, int]] = field(default_factory=set)
    down: bool = False
    unanswered: int = 0  # how often it was asked while it was down
    refuses: str = ""
    waits: TaskState = TaskState.ALIVE  # what it says of tasks that it has not started
    reason: str = ""
    over: TaskState = TaskState.OVER  # what it says of those that have ended
    cancels: int = 0  # how often it was asked to end tasks
    holds: bool = False  # takes batches and starts nothing
    elsewhere: bool = False  # its machines do not see this disk
    finds: int = 0  # how often it was asked for a batch
    loses_answer: bool = False  # the next batch is taken, and the answer does not arrive
    stands_still: str = ""  # "before" it takes the next batch, or "after" that: for ever

    def run_task(self, batch: Batch, number: int) -> subprocess.Popen[bytes]:
        """Start a task, for the first time or again."""
        # By a shell, as schedulers do: it tells when there is no such program.
        words = ["sh", "-c", 'exec "$@"', "sh", *batch.words, str(number)]
        words = ["false"] if self.elsewhere else words
        with batch.log.open("ab") as log:
            task = subprocess.Popen(
                words,
                env=BASE | self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.tasks[batch.name, number] = task
        self.started.append(task)
        return task

    def end_all(self) -> None:
        for task in self.started:
            with suppress(ProcessLookupError):
                os.killpg(task.pid, signal.SIGKILL)
            task.wait()

    def engine(self, pace: QueuePace = SOON, **rules: object) -> QueueEngine:
        task_rules = TaskRules(**({"default_gpus": 0} | rules))  # type: ignore[arg-type]
        return QueueEngine(LineScheduler(self), task_rules=task_rules, pace=pace)


class LineScheduler:
    """Starts each task at once as a process of its own."""

    name = "line"
    most_in_batch = 3

    def __init__(self, line: Line) -> None:
        self._line = line

    def _answer(self) -> None:
        if self._line.down:
            self._line.unanswered += 1
            raise SchedulerDownError("it does not answer")

    async def check(self) -> None:
        """Is always there at first."""

    async def submit(self, batch: Batch) -> str:
        self._answer()
        if self._line.refuses:
            raise RefusedBatchError(self._line.refuses)
        if self._line.stands_still == "before":
            await self._stand_still()
        self._line.batches.append(batch)
        if not self._line.holds:
            for number in batch.numbers:
                self._line.run_task(batch, number)
        if self._line.stands_still == "after":
            await self._stand_still()
        if self._line.loses_answer:
            self._line.loses_answer = False
            raise SchedulerDownError("the answer was lost")
        return batch.name

    async def _stand_still(self) -> None:
        self._line.stands_still = ""
        await asyncio.Event().wait()

    async def find(self, batch: Batch) -> str | None:
        self._answer()
        self._line.finds += 1
        return next((each.name for each in self._line.batches if each.name == batch.name), None)

    async def look(
        self, batches: Mapping[str, Collection[int]]
    ) -> Mapping[tuple[str, int], TaskState]:
        self._answer()
        return {
            (name, number): state
            for name, numbers in batches.items()
            for number in numbers
            if (state := self._state(name, number)) is not None
        }

    def _state(self, name: str, number: int) -> TaskState | None:
        if (name, number) in self._line.ended_by_request:
            return TaskState.CANCELLED
        task = self._line.tasks.get((name, number))
        if task is None:
            known = any(each.name == name for each in self._line.batches)
            return self._line.waits if known else None
        return TaskState.ALIVE if task.poll() is None else self._line.over

    def reason(self, batch: str, number: int) -> str:
        del batch, number
        return self._line.reason

    async def cancel(self, batch: str, numbers: Collection[int]) -> None:
        self._answer()
        self._line.cancels += 1
        for number in numbers:
            self._line.ended_by_request.add((batch, number))
            task = self._line.tasks.get((batch, number))
            if task is not None and task.poll() is None:
                task.terminate()

    async def close(self) -> None:
        """Keeps nothing."""


def end_scripts(marker: str) -> None:
    """End what a killed supervisor of a failed test has left."""
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            environment = (entry / "environ").read_bytes()
            if TOKEN_VARIABLE.encode() in environment and marker.encode() in environment:
                os.kill(int(entry.name), signal.SIGKILL)


def job(name: str = "a", **changes: Any) -> Job:
    values = {
        "args": ("{output}", "{job_id}", "{gpu_id}:{device}"),
        "expected_output": f"{name}.out",
    }
    return Job(job_id=name, **{"script": "work.sh"} | values | changes)


async def start(root: Path, engine: QueueEngine, *jobs: Job, **more: Any) -> RunReport:
    options = RunOptions(root=root, output_dir="out", kill_grace_s=0.5, **more)
    return await run(jobs, options, engine=engine, run_id=RUN)


def starts(root: Path, name: str = "a") -> int:
    with suppress(FileNotFoundError):
        return len((root / f"starts-{name}").read_text().split())
    return 0


def with_play(
    root: Path, line: Line, play: Callable[[], Awaitable[None]], *jobs: Job, **options: Any
) -> RunReport:
    """Run jobs while something happens to them."""

    async def both() -> RunReport:
        running = asyncio.ensure_future(start(root, line.engine(), *jobs, **options))
        try:
            await play()
        finally:
            (root / "hold").unlink(missing_ok=True)
        async with asyncio.timeout(90):
            return await running

    (root / "hold").touch()
    return asyncio.run(both())
