"""What is going on in a run, gathered from its progress; drawn by `_run_table`."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from seedfleet.cli._forecast import Forecast
from seedfleet.cli._words import place
from seedfleet.fleet.durations import expected_durations
from seedfleet.fleet.engines.queued.line import waiting_jobs
from seedfleet.fleet.outcome import Succeeded
from seedfleet.fleet.progress import (
    AttemptEnded,
    AttemptStarted,
    JobDone,
    NodeContact,
    Notice,
    Progress,
    RunStarted,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seedfleet.fleet.engines.base import Allocation, Node

__all__ = ["NodePicture", "RunPicture", "RunningPicture", "expected_by_job", "slots_of"]

_LOOK_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class RunningPicture:
    """An attempt that runs."""

    job_id: str
    attempt: int
    allocation: Allocation
    since: float  # seconds since 1970


@dataclass(frozen=True, slots=True)
class NodePicture:
    """A node, and what has come of it."""

    node: Node
    busy: int = 0  # of `slots_of(node)`
    beside: int = 0  # jobs without a GPU, on a node whose slots are its GPUs
    succeeded: int = 0
    failed: int = 0
    problem: str = ""
    changed: float = 0.0  # when it went out of contact, or came back; seconds since 1970


class RunPicture:
    """Keeps up with a run; every event costs O(1).

    Attributes
    ----------
    run_id
        Empty until the run has started.
    running
        By job id, oldest first.
    nodes
        By name.
    total, done, failed
        Jobs of the run, those with an outcome, and those of them without success that are known.
    waiting
        The jobs that were handed to a queue and had not begun when `look` was called.
    """

    def __init__(self) -> None:
        self.run_id = ""
        self.running: dict[str, RunningPicture] = {}
        self.nodes: dict[str, NodePicture] = {}
        self.total = self.done = self.failed = 0
        self._ended_at: dict[
            str, str
        ] = {}  # job id -> node, between an attempt's end and the job's
        self._forecast: Forecast | None = None
        self.waiting: frozenset[str] = frozenset()
        self._queue = Path()
        self._looked_at, self._pause_s = 0.0, _LOOK_S

    def look(self, now: float) -> None:
        """Find out which attempts wait in a queue, unless that was done a moment ago.

        Parameters
        ----------
        now
            Seconds since 1970.
        """
        if abs(now - self._looked_at) < self._pause_s:
            return
        self._looked_at, began = now, time.monotonic()
        queued = [each for each in list(self.running.values()) if self.is_queued(each)]
        attempts = [(each.job_id, each.attempt) for each in queued]
        self.waiting = waiting_jobs(self._queue, attempts, now)
        # Over a slow disk a table of thousands of jobs must not do nothing else.
        self._pause_s = max(_LOOK_S, 20 * (time.monotonic() - began))

    def hear(self, event: Progress, at: float) -> None:
        """Take in what happened at a time in seconds since 1970."""
        match event:
            case RunStarted():
                self._start(event)
            case AttemptStarted():
                self._attempt(event, at)
            case AttemptEnded():
                self._end(event)
            case JobDone():
                self._finish(event)
            case NodeContact():
                old = self._node(event.node.name) or NodePicture(event.node)
                self.nodes[event.node.name] = replace(
                    old, node=event.node, problem=event.problem, changed=at
                )
            case Notice():
                pass

    def is_queued(self, running: RunningPicture) -> bool:
        """Tell whether an attempt was handed to a queue."""
        node = self._node(running.allocation.node)
        return node is not None and node.node.queue

    def where(self, running: RunningPicture) -> str:
        """Say where an attempt runs, or in which line it waits."""
        if not self.is_queued(running):
            return place(running.allocation)
        line = running.allocation.node  # its slots are all alike
        return f"{line}, waiting" if running.job_id in self.waiting else line

    def left_s(self, now: float) -> float | None:
        """Estimate the seconds until the run ends; None if nothing sensible can be said."""
        if self._forecast is None or self.done == self.total:
            return None
        machines = [n.node for n in self.nodes.values() if n.node.contact and not n.node.queue]
        # Several GPUs to one job make the estimate too early; so does a wish that few slots meet.
        slots, running = sum(map(slots_of, machines)), []
        for job_id, each in self.running.items():
            if not self.is_queued(each):
                running.append((job_id, now - each.since))
            elif job_id not in self.waiting:
                # How many a queue runs at once only those tell that run, and nothing since when.
                slots += 1
                running.append((job_id, 0.0))
        return self._forecast.left_s(running, slots)

    def _start(self, event: RunStarted) -> None:
        self.run_id, self.total, self.done = event.run_id, event.total, event.done
        self._queue = event.folder / "queue"
        old = self.nodes
        self.nodes = {
            node.name: replace(old.get(node.name, NodePicture(node)), node=node)
            for node in event.nodes
        }
        # Which jobs a resumed run has left is not said here, so only the mean can tell.
        expected = expected_by_job(event.folder) if event.done == 0 else {}
        if self._forecast is None:
            self._forecast = Forecast(event.total - event.done, expected)

    def _attempt(self, event: AttemptStarted, at: float) -> None:
        self._drop(event.job_id)
        self.running[event.job_id] = RunningPicture(
            event.job_id, event.attempt, event.allocation, at
        )
        self._occupy(event.allocation, 1)

    def _end(self, event: AttemptEnded) -> None:
        shown = self.running.get(event.ended.job_id)
        if shown is None or shown.attempt == event.ended.attempt:  # else another one counts
            self._ended_at[event.ended.job_id] = event.allocation.node
            self._drop(event.ended.job_id)

    def _drop(self, job_id: str) -> str | None:
        """Forget a running attempt, and say on which node it ran."""
        ran = self.running.pop(job_id, None)
        if ran is None:
            return None
        self._occupy(ran.allocation, -1)
        return ran.allocation.node

    def _occupy(self, allocation: Allocation, change: int) -> None:
        """Count an attempt that begins (1) or ends (-1) at its node's slots, or beside them."""
        node = self._node(allocation.node)
        if node is None:
            return
        gpus = len(allocation.gpu_ids)
        if gpus or not node.node.gpus:
            node = replace(node, busy=node.busy + change * (gpus or 1))
        else:
            node = replace(node, beside=node.beside + change)
        self.nodes[allocation.node] = node

    def _finish(self, event: JobDone) -> None:
        succeeded = isinstance(event.outcome, Succeeded)
        name = self._drop(event.job_id) or self._ended_at.pop(event.job_id, None)
        self.done, self.total = event.done, event.total
        self.failed += not succeeded
        if name is not None and (node := self._node(name)) is not None:
            self.nodes[name] = replace(
                node, succeeded=node.succeeded + succeeded, failed=node.failed + (not succeeded)
            )
        if self._forecast is not None:
            self._forecast.job_done(event.job_id, event.run_s, succeeded=succeeded)

    def _node(self, name: str) -> NodePicture | None:
        return self.nodes.get(name)


def slots_of(node: Node) -> int:
    """Tell how many jobs run at once on a node: one for each GPU, or core where there are none."""
    slots = len(node.gpus) or node.cpu_slots
    return slots if node.max_jobs is None else min(slots, node.max_jobs)


def expected_by_job(folder: Path) -> Mapping[str, float]:
    """Read how long earlier runs say that a run's jobs take, in seconds; unknown ones are absent.

    Parameters
    ----------
    folder
        The run's own.
    """
    known = expected_durations()
    if not known:
        return {}
    try:
        root = Path(json.loads((folder / "options.json").read_bytes())["options"]["root"])
        jobs = json.loads((folder / "jobs.json").read_bytes())
        scripts = {job["job_id"]: str(root / job["script"]) for job in jobs}
    except (OSError, ValueError, TypeError, KeyError):  # an estimate is not worth an error
        return {}
    return {job_id: known[script] for job_id, script in scripts.items() if script in known}
