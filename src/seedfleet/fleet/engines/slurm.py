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
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from seedfleet.fleet.engines.queued.engine import QueueEngine, QueuePace
from seedfleet.fleet.engines.queued.probe import DiskProbe
from seedfleet.fleet.engines.queued.scheduler import (
    Batch,
    RefusedBatchError,
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
_IN_LINE: Final = frozenset((TaskState.ALIVE, TaskState.HELD, TaskState.NEVER))
# Why a task waits, without separators and in lower case: for a person, or for what cannot come.
_HELD: Final = ("requeuedheld", "jobheldadmin", "holdmaxrequeue")
_NEVER: Final = ("partitiontimelimit", "partitionnodelimit", "badconstraints")
# What its tools say when nobody is there, or too busy to answer, in lower case.
_SILENCE: Final = (
    *("unable to contact", "connection refused", "connection reset", "timed out", "standby"),
    *("communication connection failure", "zero bytes were transmitted", "temporarily"),
    *("transport endpoint", "authentication", "unable to establish"),
)
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
        More words for `sbatch`; they come last, so they win.
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

    A batch is an array. Its name here is `JOB+FIRST`: Slurm's own number of it, and the number of
    its first task, since an array's own indices start at 0.

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
            *("sbatch", "--parsable", f"--job-name={batch.name}", "--chdir=/"),
            "--requeue" if batch.request.requeue else "--no-requeue",
            # With NONE or NIL a node would start a login shell for every task to see what it sets.
            "--export=ALL",
            f"--array=0-{len(batch.numbers) - 1}",
            f"--output={str(batch.log).replace('%', '%%')}",
            "--open-mode=append",
            *self._wishes.words(batch.request),
        ]
        command = shlex.join(batch.words)
        script = (
            "#!/bin/sh\nunset LC_ALL\n"
            # TERM must reach the supervisor itself, so no shell stays in between.
            f'exec {command} "$(({batch.numbers.start} + SLURM_ARRAY_TASK_ID))"\n'
        )
        code, printed, said = await _run(words, script)
        if code != 0 and _is_silence(said):
            raise SchedulerDownError(said)
        if code != 0:
            raise RefusedBatchError(
                f"sbatch: {said.removeprefix('sbatch: ')}{_advice(batch.request)}"
            )
        job = printed.strip().splitlines()[-1].partition(";")[0]
        return f"{job}+{batch.numbers.start}"

    async def find(self, batch: Batch) -> str | None:
        """Look for an array by its name, which is unique."""
        for task in await self._listed():
            if task.name == batch.name:
                return f"{task.job}+{batch.numbers.start}"
        return None

    async def look(
        self, batches: Mapping[str, Collection[int]]
    ) -> Mapping[tuple[str, int], TaskState]:
        """Ask squeue, once for all."""
        firsts = {batch.partition("+")[0]: batch for batch in batches}
        states = {}
        self._reasons.clear()
        for task in await self._listed():
            batch = firsts.get(task.job)
            if batch is not None and task.place.isdigit():
                key = (batch, int(batch.partition("+")[2]) + int(task.place))
                states[key] = _state(task)
                alive = states[key] in _IN_LINE
                self._reasons[key] = task.reason if alive else task.state
        return states

    def reason(self, batch: str, number: int) -> str:
        """Give squeue's word for it."""
        return self._reasons.get((batch, number), "")

    async def cancel(self, batch: str, numbers: Collection[int]) -> None:
        """Have scancel end tasks; those that have ended do not matter."""
        job, _, first = batch.partition("+")
        tasks = [f"{job}_{number - int(first)}" for number in sorted(numbers)]
        for start in range(0, len(tasks), _MOST_WORDS):
            code, _, said = await _run(["scancel", "--quiet", *tasks[start : start + _MOST_WORDS]])
            if code != 0 and _is_silence(said):
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


class _Listed(NamedTuple):
    """A line of squeue."""

    job: str
    place: str  # in its array
    state: str
    name: str
    reason: str


def _state(task: _Listed) -> TaskState:
    if task.state.startswith("CANCELLED"):
        return TaskState.CANCELLED
    if task.state == "OUT_OF_MEMORY":
        return TaskState.OUT_OF_MEMORY
    if task.state in _OVER:
        return TaskState.OVER
    why = "".join(filter(str.isalnum, task.reason.casefold()))
    if task.state == "PENDING" and any(each in why for each in _HELD):
        return TaskState.HELD
    if task.state == "PENDING" and any(each in why for each in _NEVER):
        return TaskState.NEVER
    return TaskState.ALIVE


def _advice(request: Request) -> str:
    """Say what helps where GPUs were asked for that there are not."""
    if not request.gpus:
        return ""
    asked = "1 GPU was" if request.gpus == 1 else f"{request.gpus} GPUs were"
    return (
        f"; {asked} asked for; where there are none: --engine-option default_gpus=0 for jobs that "
        'do not say, "gpus": 0 in those that do'
    )


def _is_silence(said: str) -> bool:
    return any(words in said.casefold() for words in _SILENCE)


def _passed_on() -> dict[str, str]:
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ}


async def _run(words: Collection[str], script: str = "") -> tuple[int, str, str]:
    """Run a tool; return its exit code, what it printed, and what it complained of, on one line.

    Raises
    ------
    SchedulerDownError
        If it does not come to an end, or cannot be run.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            env={**_passed_on(), "LC_ALL": "C"},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        raise SchedulerDownError(f"cannot run {next(iter(words))}: {error}") from error
    try:
        async with asyncio.timeout(_PATIENCE_S):
            printed, said = await process.communicate(script.encode())
    except TimeoutError as error:
        raise SchedulerDownError(f"{next(iter(words))} timed out") from error
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    lines = [line.strip() for line in said.decode("utf-8", "replace").splitlines()]
    complaint = "; ".join(line for line in lines if line)[-500:]
    return process.returncode or 0, printed.decode("utf-8", "replace"), complaint


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
