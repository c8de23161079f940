"""Attempts as tasks of Slurm, by its command line tools alone: sbatch, squeue, scancel.

What squeue says is a hint. Nothing is asked of the accounting database, which many do not have.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import shlex
import shutil
import sys
import tempfile
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final, NamedTuple

from seedfleet.fleet.engines._slurm_words import Hold, Refusal, hold, is_silence, refusal, remedy
from seedfleet.fleet.engines.queued.engine import QueueEngine, QueuePace
from seedfleet.fleet.engines.queued.probe import DiskProbe
from seedfleet.fleet.engines.queued.scheduler import (
    Batch,
    RefusedBatchError,
    RefusedForNowError,
    SchedulerDownError,
    TaskState,
)
from seedfleet.fleet.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from seedfleet.fleet.engines.queued.folder import TaskRules
    from seedfleet.fleet.engines.queued.scheduler import Request

__all__ = ["DEFAULT_BATCH", "DEFAULT_WAIT_S", "SlurmEngine", "SlurmScheduler", "SlurmWishes"]

DEFAULT_BATCH: Final = 500  # an array of Slurm's own default size holds twice as many
DEFAULT_WAIT_S: Final = 600.0
_PATIENCE_S: Final = 60.0  # sbatch itself tries for longer when the controller is busy
_MARGIN_S: Final = 300.0  # for what surrounds the script: a dead copy's lease, GPUs in use, digests
_MOST_WORDS: Final = 200
# squeue knows more states than these; a task in any other is waiting, running or about to.
_OVER: Final = frozenset(
    (
        *("BOOT_FAIL", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL"),
        *("PREEMPTED", "REVOKED", "TIMEOUT"),
    )
)
_IN_LINE: Final = frozenset((TaskState.ALIVE, TaskState.HELD, TaskState.PAUSED, TaskState.NEVER))
_STATES: Final = {
    Hold.NONE: TaskState.ALIVE,
    Hold.FAULT: TaskState.HELD,
    Hold.PURPOSE: TaskState.PAUSED,
    Hold.NEVER: TaskState.NEVER,
}
# All that Slurm's tools, and so tasks, are given of the head's environment. A head that itself runs
# under Slurm must not hand its own job's variables on.
_PASSED_ON: Final = frozenset(
    ("HOME", "LANG", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "SLURM_CONF", "TZ", "USER")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlurmWishes:
    """What every task asks of Slurm, beside what its job asks.

    Parameters
    ----------
    partition, account, qos, constraint
        As `sbatch` takes them; None leaves them out.
    gres_type
        The type of GPU, as in `--gres=gpu:TYPE:N`.
    gpus_flag
        "gres" asks for GPUs with `--gres=gpu:N`, "gpus" with `--gpus=N`.
    cuda, rocm
        The constraint of jobs that ask for that platform.
    extra
        More words for `sbatch`; they come last, so they win, but for the name of an array.
    """

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    gres_type: str | None = None
    gpus_flag: str = "gres"
    cuda: str | None = None
    rocm: str | None = None
    extra: tuple[str, ...] = ()

    def finds(self, platform: str | None) -> bool:
        """Tell whether Slurm is told which machines have a platform of GPUs."""
        features = {"cuda": self.cuda, "rocm": self.rocm}.get(platform or "")
        return features is not None or self.partition is not None

    def words(self, request: Request) -> list[str]:
        """List what `sbatch` is to be told of one request."""
        minutes = math.ceil((request.timeout_s + _MARGIN_S) / 60)
        words = ["--nodes=1", "--ntasks=1", f"--time={minutes}"]
        named = {"partition": self.partition, "account": self.account, "qos": self.qos}
        words += [f"--{name}={value}" for name, value in named.items() if value is not None]
        asked = {"cuda": self.cuda, "rocm": self.rocm}.get(request.platform or "")
        constraints = [each for each in (self.constraint, asked) if each]
        if constraints:
            words.append(f"--constraint={'&'.join(constraints)}")
        if request.node is not None:
            words.append(f"--nodelist={request.node}")
        if request.exclude:
            words.append(f"--exclude={','.join(request.exclude)}")
        if request.gpus:
            kind = f"{self.gres_type}:{request.gpus}" if self.gres_type else str(request.gpus)
            words.append(f"--gpus={kind}" if self.gpus_flag == "gpus" else f"--gres=gpu:{kind}")
        return [*words, *self.extra]


class SlurmEngine(QueueEngine):
    """Implements `seedfleet.fleet.engines.base.Engine` over the Slurm that this machine talks to.

    Parameters
    ----------
    wishes
        For every task.
    task_rules, pace
        As for any queue; None are the defaults.
    most_in_batch
        Tasks of one array, at least 1 and less than the cluster's MaxArraySize.
    probe_wait_s
        How long the task may wait that looks for the shared disk; None: it is taken for granted.
    """

    def __init__(
        self,
        wishes: SlurmWishes | None = None,
        *,
        task_rules: TaskRules | None = None,
        pace: QueuePace | None = None,
        most_in_batch: int = DEFAULT_BATCH,
        probe_wait_s: float | None = DEFAULT_WAIT_S,
    ) -> None:
        pace = pace or QueuePace()
        probe = None
        if probe_wait_s is not None:
            probe = DiskProbe(wait_s=probe_wait_s, grace_s=pace.grace_s, say=_say)
        scheduler = SlurmScheduler(wishes or SlurmWishes(), most_in_batch)
        super().__init__(scheduler, task_rules=task_rules, pace=pace, probe=probe)


class SlurmScheduler:
    """Implements `seedfleet.fleet.engines.queued.scheduler.Scheduler`.

    A batch is an array. Its name here is `JOB+FIRST+NAME`: Slurm's own number of it, the number of
    its first task, since an array's own indices start at 0, and its name. A controller that starts
    without its state gives the same numbers again, so nothing is believed, or ended, by a number
    alone.

    Parameters
    ----------
    wishes
        For every task.
    most_in_batch
        Tasks of one array.
    """

    name = "slurm"

    def __init__(self, wishes: SlurmWishes, most_in_batch: int) -> None:
        self.most_in_batch = most_in_batch
        self._wishes = wishes
        self._reasons: dict[tuple[str, int], str] = {}

    async def check(self) -> None:
        """Look for the tools, and for a controller that answers."""
        missing = [name for name in ("sbatch", "squeue", "scancel") if shutil.which(name) is None]
        if missing:
            names = ", ".join(missing)
            raise BadInputError([f"engine slurm: {names} not found on PATH: is this a login node?"])
        try:
            await self._listed()
        except SchedulerDownError as error:
            raise BadInputError([f"engine slurm: {error}"]) from error

    async def submit(self, batch: Batch) -> str:
        """Hand an array in."""
        words = [
            *("sbatch", "--parsable", "--chdir=/"),
            "--requeue" if batch.request.requeue else "--no-requeue",
            # With NONE or NIL a node would start a login shell for every task to see what it sets.
            "--export=ALL",
            f"--array=0-{len(batch.numbers) - 1}",
            f"--output={str(batch.log).replace('%', '%%')}",
            "--open-mode=append",
            *self._wishes.words(batch.request),
            f"--job-name={batch.name}",  # after all wishes: by it the array is known
        ]
        command = shlex.join(batch.words)
        script = (
            "#!/bin/sh\nunset LC_ALL\n"
            # TERM must reach the supervisor itself, so no shell stays in between.
            f'exec {command} "$(({batch.numbers.start} + SLURM_ARRAY_TASK_ID))"\n'
        )
        try:
            code, printed, said = await _run(words, script)
        except SchedulerDownError as error:
            if refusal(str(error)) is not Refusal.TOO_MANY:
                raise
            code, printed, said = 1, "", str(error)  # it would have tried again by itself
        if code != 0:
            raise _refused(said, batch.request)
        job = printed.strip().rpartition("\n")[2].partition(";")[0]
        if not job.isdigit():
            raise RefusedBatchError(
                f"sbatch has handed nothing in and says: {said or printed.strip() or 'nothing'}; "
                "words such as --test-only in --engine-option extra have it do so"
            )
        return f"{job}+{batch.numbers.start}+{batch.name}"

    async def find(self, batch: Batch) -> str | None:
        """Look for an array by its name, which is unique."""
        for task in await self._listed():
            if task.name == batch.name:
                return f"{task.job}+{batch.numbers.start}+{batch.name}"
        return None

    async def look(
        self, batches: Mapping[str, Collection[int]]
    ) -> Mapping[tuple[str, int], TaskState]:
        """Ask squeue, once for all."""
        own = {(array.job, array.name): array for array in map(_Array.of, batches)}
        listed = [
            (own[task.job, task.name], task)
            for task in await self._listed()
            if (task.job, task.name) in own and task.place.isdigit()
        ]
        restarted = await self._restarted() if _needs_restarts(listed) else frozenset()
        states = {}
        self._reasons.clear()
        for array, task in listed:
            key = (array.handle, array.first + int(task.place))
            states[key] = _state(task, restarted=(task.job, task.place) in restarted)
            self._reasons[key] = _reason(task, states[key])
        return states

    def reason(self, batch: str, number: int) -> str:
        """Give squeue's word for it."""
        return self._reasons.get((batch, number), "")

    async def cancel(self, batch: str, numbers: Collection[int]) -> None:
        """Have scancel end tasks; those that have ended do not matter."""
        array = _Array.of(batch)
        # To give scancel the name beside the numbers would end other tasks of the array with them.
        if not any((each.job, each.name) == array[1:3] for each in await self._listed()):
            return
        tasks = [f"{array.job}_{number - array.first}" for number in sorted(numbers)]
        for start in range(0, len(tasks), _MOST_WORDS):
            code, _, said = await _run(["scancel", "--quiet", *tasks[start : start + _MOST_WORDS]])
            if code != 0 and is_silence(said):
                raise SchedulerDownError(said)

    async def close(self) -> None:
        """Let go of nothing."""

    async def _listed(self) -> list[_Listed]:
        """List every task that Slurm knows of this user."""
        words = ["squeue", "--me", "--noheader", "--array", "--states=all"]
        words.append("--format=%F|%K|%T|%j|%r")
        code, printed, said = await _run(words)
        if code != 0:
            raise SchedulerDownError(said)
        fields = (line.strip().split("|", 4) for line in printed.splitlines())
        return [_Listed(*each) for each in fields if len(each) == 5]

    async def _restarted(self) -> frozenset[tuple[str, str]]:
        """Name the pending tasks, by array and place, that Slurm has queued again."""
        words = ["squeue", "--me", "--noheader", "--array", "--states=PENDING"]
        words.append("--Format=ArrayJobID:32,ArrayTaskID:32,RestartCnt:16")
        _, printed, _ = await _run(words)  # an old one that does not know the field says nothing
        fields = (line.split() for line in printed.splitlines())
        return frozenset((each[0], each[1]) for each in fields if len(each) == 3 and each[2] != "0")


class _Array(NamedTuple):
    """A batch, as its name here tells it."""

    handle: str
    job: str
    name: str
    first: int

    @classmethod
    def of(cls, handle: str) -> _Array:
        job, first, name = handle.split("+")
        return cls(handle, job, name, int(first))


class _Listed(NamedTuple):
    """A line of squeue."""

    job: str
    place: str  # in its array
    state: str
    name: str
    reason: str


def _needs_restarts(listed: Collection[tuple[_Array, _Listed]]) -> bool:
    """Tell whether some task's hold is a fault if it has been queued again, and else is not."""
    return any(
        hold(task.reason, restarted=True) is not hold(task.reason, restarted=False)
        for _, task in listed
    )


def _state(task: _Listed, *, restarted: bool) -> TaskState:
    if task.state.startswith("CANCELLED"):
        return TaskState.CANCELLED
    if task.state == "OUT_OF_MEMORY":
        return TaskState.OUT_OF_MEMORY
    if task.state in _OVER:
        return TaskState.OVER
    if task.state != "PENDING":
        return TaskState.ALIVE
    return _STATES[hold(task.reason, restarted=restarted)]


def _reason(task: _Listed, state: TaskState) -> str:
    if state is TaskState.PAUSED:
        return f"{task.reason}, which `scontrol release {task.job}` ends"
    return task.reason if state in _IN_LINE else task.state


def _refused(said: str, request: Request) -> Exception:
    """Tell a refusal that passes from one that does not."""
    how = refusal(said)
    if how is Refusal.SILENCE:
        return SchedulerDownError(said)
    text = f"sbatch: {said.removeprefix('sbatch: ')}{remedy(said, request.gpus)}"
    if how is Refusal.NEVER:
        return RefusedBatchError(text)
    return RefusedForNowError(text, too_many=how is Refusal.TOO_MANY)


def _passed_on() -> dict[str, str]:
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}


async def _run(words: Collection[str], script: str = "") -> tuple[int, str, str]:
    """Run a tool; return its exit code, what it printed, and what it complained of, on one line.

    Raises
    ------
    SchedulerDownError
        If it does not come to an end, or cannot be run.
    """
    tool = next(iter(words))
    with tempfile.TemporaryFile() as complaints:  # to be read also from one that does not end
        try:
            process = await asyncio.create_subprocess_exec(
                *words,
                env={**_passed_on(), "LC_ALL": "C"},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=complaints,
            )
        except OSError as error:
            raise SchedulerDownError(f"cannot run {tool}: {error}") from error
        try:
            async with asyncio.timeout(_PATIENCE_S):
                printed, _ = await process.communicate(script.encode())
        except TimeoutError as error:
            said = _on_one_line(complaints)
            raise SchedulerDownError(
                ": ".join(filter(None, (f"{tool} timed out", said)))
            ) from error
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        return process.returncode or 0, printed.decode("utf-8", "replace"), _on_one_line(complaints)


def _on_one_line(complaints: IO[bytes]) -> str:
    complaints.seek(0)
    lines = complaints.read().decode("utf-8", "replace").splitlines()
    return "; ".join(line.strip() for line in lines if line.strip())[-500:]


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
