"""One engine for every scheduler that keeps a line: hand in, watch files, and ask now and then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedfleet.fleet.engines import _delivery
from seedfleet.fleet.engines.base import Node
from seedfleet.fleet.engines.queued._work import Work
from seedfleet.fleet.engines.queued.folder import QueueFolder, TaskRules
from seedfleet.fleet.engines.queued.pace import QueuePace

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from seedfleet.fleet.engines.base import Allocation, Attempt, EngineEvent, Rules
    from seedfleet.fleet.engines.queued.probe import DiskProbe
    from seedfleet.fleet.engines.queued.scheduler import Scheduler
    from seedfleet.fleet.paths import RunPaths

__all__ = ["QueueEngine", "QueuePace"]


class QueueEngine:
    """Implements `seedfleet.fleet.engines.base.Engine` over a scheduler.

    Parameters
    ----------
    scheduler
        Which starts the tasks.
    task_rules, pace
        None are the defaults.
    probe
        Of the shared disk, before the first job of a run; None takes it for granted.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        *,
        task_rules: TaskRules | None = None,
        pace: QueuePace | None = None,
        probe: DiskProbe | None = None,
    ) -> None:
        self._scheduler = scheduler
        self._task_rules = task_rules or TaskRules()
        self._pace = pace or QueuePace()
        self._probe = probe
        self._work: Work | None = None

    async def open(self, paths: RunPaths, rules: Rules) -> tuple[Node, ...]:
        """Ask the scheduler whether it can be used, and of a new run whether the disk is shared."""
        node = Node(
            self._scheduler.name,
            "any",
            (),
            cpu_slots=self._pace.slots,
            in_place=paths.preserve,
            queue=True,
        )
        await self._scheduler.check()
        folder = QueueFolder(paths, rules, node, self._task_rules)
        if self._probe is not None and not folder.path.exists():
            await self._probe.check(self._scheduler, paths, folder.python)
        self._work = Work(self._scheduler, paths, folder, self._pace)
        return (node,)

    async def start(self, attempt: Attempt, allocation: Allocation) -> None:
        """Hand an attempt in, or take it up."""
        work = self._opened()
        head = work.paths.attempt(attempt.job.job_id, attempt.number)
        ended = _delivery.delivered(attempt, allocation.node, head)
        if ended is not None:
            work.events.put_nowait(ended)
        elif allocation.node == self._scheduler.name:
            work.start(attempt)

    async def events(self) -> AsyncIterator[EngineEvent]:
        """Report what the tasks have left, and how the scheduler does."""
        while True:
            event = await self._opened().events.get()
            if isinstance(event, BaseException):
                raise event
            yield event

    async def cancel(self, job_id: str, attempt: int) -> None:
        """Have an attempt ended, wherever it is in the line."""
        self._opened().cancel(job_id, attempt)

    async def close(self) -> None:
        """Let go; what was handed in goes on."""
        if self._work is not None:
            await self._work.end()
        await self._scheduler.close()

    def _opened(self) -> Work:
        if self._work is None:
            raise RuntimeError("the engine is not open")
        return self._work
