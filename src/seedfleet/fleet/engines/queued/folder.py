"""The part of a run's folder through which head and tasks meet, on a disk that all of them share.

RUN/queue/task-DIGEST.pyz   the supervisor, complete: any Python from 3.8 on runs it
          orders/N.json     what task N is to do
          cancel/N          there, if attempt N is to end
          ended/N           there, once attempt N has a status
          attempts/JOB/K    what attempt K of JOB leaves, as on any node: a link to the copy that
                            counts, in K.copies/, since its task may be started more than once
          leases/JOB        says that a copy of the job is alive
          logs/BATCH.log    what tasks have printed, for people
          batches.jsonl     what was handed in
"""

from __future__ import annotations

import hashlib
import io
import json
import marshal
import os
import zipfile
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.util import MAGIC_NUMBER, source_hash
from pathlib import Path
from typing import TYPE_CHECKING, Final

from seedfleet.fleet.engines._orders import Site, make_order
from seedfleet.fleet.engines.base import Allocation, Node
from seedfleet.fleet.engines.queued.scheduler import Request
from seedfleet.fleet.errors import BadInputError
from seedfleet.fleet.node.layout import AttemptFolder, write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seedfleet.fleet.engines.base import Attempt, Rules
    from seedfleet.fleet.paths import RunPaths
    from seedfleet.fleet.spec import Job

__all__ = ["QueueFolder", "QueueSite", "TaskRules", "ended_tasks", "packed_task", "startable"]

_MAIN: Final = "import sys\nfrom seedfleet_node.task import main\nsys.exit(main(sys.argv))\n"
_LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)  # the same bytes, whenever they are packed


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRules:
    """What is the same for every task of a run.

    Parameters
    ----------
    python
        The interpreter on the machines, of tasks and of `.py` scripts: a name on PATH, or a path,
        `~` allowed, relative to the run's root.
    default_gpus
        How many GPUs a job has that does not say.
    platform
        "cuda" or "rocm" where no job's wish or probe tells; None: what is found.
    masks_only
        True: a task's GPUs are those of its mask, whatever Slurm says of the allocation around it.
    """

    python: str = "python3"
    default_gpus: int = 1
    platform: str | None = None
    masks_only: bool = False

    def gpus_of(self, job: Job) -> int:
        """Tell how many GPUs a job takes."""
        if job.wants_no_gpu:
            return 0
        return job.gpus or (1 if job.platform else self.default_gpus)


@dataclass(frozen=True, slots=True)
class QueueSite(Site):
    """Any machine of the queue: its folder for running attempts is the run's own."""

    def run_folder(self, run_id: str) -> str:
        """Name the folder of a run."""
        del run_id
        return self.home


class QueueFolder:
    """Writes what tasks read, and reads what they have written.

    Parameters
    ----------
    paths, rules
        Of the run.
    node
        The queue.
    task_rules
        For every task.

    Attributes
    ----------
    python
        The interpreter as tasks can start it: they begin in another folder, and with no shell.

    Raises
    ------
    BadInputError
        If the interpreter is that of a user whom nobody knows.
    """

    def __init__(self, paths: RunPaths, rules: Rules, node: Node, task_rules: TaskRules) -> None:
        self.path = paths.queue
        # By its content: the tasks of a newer version must not meet an older supervisor.
        self.task = self.path / f"task-{hashlib.sha256(packed_task()).hexdigest()[:12]}.pyz"
        self.batches = self.path / "batches.jsonl"
        self.python = startable(task_rules.python, paths.root)
        self.site = QueueSite(
            node=node,
            home=str(self.path),
            root=str(paths.root),
            locks="",
            python=self.python,
            sees_root=True,
            home_seen=True,
            home_shared=True,
        )
        self._paths = paths
        self._rules = rules
        self._task_rules = task_rules

    def order(self, number: int) -> Path:
        """Name the order of a task."""
        return self.path / "orders" / f"{number}.json"

    def log(self, batch: str) -> Path:
        """Name the file that takes what the tasks of a batch print."""
        return self.path / "logs" / f"{batch}.log"

    def words(self) -> tuple[str, ...]:
        """List the words that run a task, but for its number."""
        return (self.python, str(self.task))

    def attempt(self, attempt: Attempt) -> AttemptFolder:
        """Name what a task leaves of its attempt."""
        return self.site.attempt(self._paths, attempt.job.job_id, attempt.number)

    def lease(self, attempt: Attempt) -> Path:
        """Name what says that a copy of an attempt's job is alive."""
        return self.path / "leases" / attempt.job.job_id

    def request(self, job: Job) -> Request:
        """Say what a job asks of the scheduler."""
        pin = None if job.node == self.site.node.name else job.node
        return Request(
            self._task_rules.gpus_of(job), job.timeout_s, pin, job.platform, requeue=job.rerun
        )

    def prepare(self) -> None:
        """Make the folders and the task file; may be repeated.

        Raises
        ------
        OSError
            If the disk refuses.
        """
        # Orders hold what jobs are given in their environment, which may be secret.
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in ("orders", "cancel", "ended", "logs"):
            (self.path / name).mkdir(exist_ok=True)
        if not self.task.exists():
            write_atomically(self.task, packed_task())

    def write_order(self, number: int, attempt: Attempt) -> None:
        """Write what a task is to do; what only its machine knows is left open.

        Raises
        ------
        OSError
            If the disk refuses.
        """
        job = attempt.job
        order = make_order(
            attempt, Allocation(self.site.node.name, ()), self.site, self._paths, self._rules
        )
        wished = job.platform if job.platform != "cpu" else None
        order |= {
            "gpus": self._task_rules.gpus_of(job),
            "gpus_needed": bool(job.gpus or wished),
            "platform": wished or self._task_rules.platform,
            "masks_only": self._task_rules.masks_only,
            "cancel_file": str(self.path / "cancel" / str(number)),
            "ended_mark": str(self.path / "ended" / str(number)),
        }
        write_atomically(self.order(number), json.dumps(order).encode(), durable=False)

    def ask_to_end(self, numbers: Iterable[int]) -> None:
        """Leave word that the attempts of tasks are to end."""
        for number in numbers:
            (self.path / "cancel" / str(number)).touch()

    def ended(self) -> list[int]:
        """List the tasks that have left a status; cost O(those that were not forgotten)."""
        return ended_tasks(self._paths)

    def forget(self, numbers: Iterable[int]) -> None:
        """Drop orders: a task that comes late finds nothing to do."""
        for number in numbers:
            for name in (f"orders/{number}.json", f"ended/{number}", f"cancel/{number}"):
                (self.path / name).unlink(missing_ok=True)


def startable(python: str, folder: Path) -> str:
    """Name an interpreter so that it is found from everywhere.

    Parameters
    ----------
    python
        A word alone stays what it is, to be looked for on PATH; anything else is a path.
    folder
        Where a relative path starts.

    Raises
    ------
    BadInputError
        If it starts with `~USER` and there is no such user.
    """
    if os.sep not in python and not python.startswith("~"):
        return python
    try:
        return str(folder / Path(python).expanduser())
    except RuntimeError as error:
        raise BadInputError([f"interpreter {python}: {error}"]) from error


def ended_tasks(paths: RunPaths) -> list[int]:
    """List the tasks of a run that have left a status and were not taken in; none has no queue."""
    try:
        marks = [entry.name for entry in (paths.queue / "ended").iterdir()]
    except FileNotFoundError:
        return []
    return [int(name) for name in marks if name.isdigit()]


@cache
def packed_task() -> bytes:
    """Return a file that is the supervisor with all that it needs: `python3 FILE NUMBER`."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, "__main__.py", _MAIN.encode())
        for entry in sorted(files("seedfleet.fleet.node").iterdir(), key=lambda each: each.name):
            if entry.name.endswith(".py"):
                name, text = f"seedfleet_node/{entry.name}", entry.read_bytes()
                # To compile all of it is half of what a task costs. Of another version than this
                # one, Python passes over what was compiled and takes the source.
                _add(archive, f"{name}c", _compiled(text, name))
                _add(archive, name, text)
    return packed.getvalue()


def _compiled(source: bytes, name: str) -> bytes:
    """Compile a module as a `.pyc` file that nobody holds against its source (PEP 552)."""
    code = compile(source, name, "exec", dont_inherit=True, optimize=0)
    unchecked_hash = (1).to_bytes(4, "little") + source_hash(source)
    return MAGIC_NUMBER + unchecked_hash + marshal.dumps(code)


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, _LONG_AGO), data, zipfile.ZIP_DEFLATED)
