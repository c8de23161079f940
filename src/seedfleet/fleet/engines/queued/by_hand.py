"""Tasks that people start themselves: an engine over nobody, which watches what they leave."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from seedfleet.fleet.engines._orders import token_of
from seedfleet.fleet.engines.base import Attempt, Node, Remark
from seedfleet.fleet.engines.queued.engine import QueueEngine, QueuePace
from seedfleet.fleet.engines.queued.folder import QueueFolder, TaskRules
from seedfleet.fleet.engines.queued.ledger import BatchLedger, HandedIn
from seedfleet.fleet.engines.queued.scheduler import TaskState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from seedfleet.fleet.engines.base import Rules
    from seedfleet.fleet.engines.queued.scheduler import Batch
    from seedfleet.fleet.paths import RunPaths
    from seedfleet.fleet.spec import Job

__all__ = ["BY_HAND", "ByHandEngine", "write_tasks"]

BY_HAND: Final = "by-hand"
_MOST: Final = 1_000_000
_SLOTS: Final = 4096


class ByHandEngine(QueueEngine):
    """Takes in what tasks leave that somebody starts; it hands nothing in.

    A further attempt of a job gets a task as well, and a remark says how it is started.

    Parameters
    ----------
    task_rules, pace
        None are the defaults, with 4096 slots: a job is watched while it has one, so there should
        be as many as jobs.
    """

    def __init__(
        self, *, task_rules: TaskRules | None = None, pace: QueuePace | None = None
    ) -> None:
        super().__init__(
            _Nobody(self._remark),
            task_rules=task_rules,
            pace=pace or QueuePace(slots=_SLOTS, grace_s=0),
        )

    def _remark(self, text: str) -> None:
        self._opened().events.put_nowait(Remark(text))


class _Nobody:
    """Implements `seedfleet.fleet.engines.queued.scheduler.Scheduler`: never starts anything."""

    def __init__(self, remark: Callable[[str], None]) -> None:
        self._remark = remark

    name = BY_HAND
    most_in_batch = _MOST

    async def check(self) -> None:
        """Find nothing wrong."""

    async def submit(self, batch: Batch) -> str:
        """Leave it to people."""
        for number in batch.numbers:
            command = f"{shlex.join(batch.words)} {number}"
            self._remark(f"somebody has to start, where and as the others were: {command}")
        return batch.name

    async def find(self, batch: Batch) -> str | None:
        """Take every batch for handed in."""
        return batch.name

    async def look(
        self, batches: Mapping[str, Collection[int]]
    ) -> Mapping[tuple[str, int], TaskState]:
        """Know nothing of any task."""
        return {
            (batch, number): TaskState.UNKNOWN
            for batch, numbers in batches.items()
            for number in numbers
        }

    def reason(self, batch: str, number: int) -> str:
        """Know of none."""
        del batch, number
        return ""

    async def cancel(self, batch: str, numbers: Collection[int]) -> None:
        """Do nothing: the supervisor sees the cancel file."""

    async def close(self) -> None:
        """Let go of nothing."""


def write_tasks(
    jobs: Sequence[Job], paths: RunPaths, rules: Rules, task_rules: TaskRules | None = None
) -> tuple[str, ...]:
    """Write the first attempt of every job as a task for people to start.

    Parameters
    ----------
    jobs
        Job i has task i + 1.
    paths
        Of the run; its folder exists, on a disk that the machines share.
    rules, task_rules
        For every task; None are the defaults.

    Returns
    -------
    tuple of str
        The words that run a task, but for its number.

    Raises
    ------
    OSError
        If the disk refuses.
    """
    node = Node(BY_HAND, "any", (), cpu_slots=1, in_place=paths.preserve, queue=True)
    folder = QueueFolder(paths, rules, node, task_rules or TaskRules())
    folder.prepare()
    ledger = BatchLedger(folder.batches)
    for number, job in enumerate(jobs, 1):
        folder.write_order(number, Attempt(job, 1))
    tokens = tuple(token_of(paths, job.job_id, 1) for job in jobs)
    if jobs:
        batch = HandedIn(BY_HAND, 1, tokens, folder.request(jobs[0]), BY_HAND)
        ledger.add(batch)
    return folder.words()
