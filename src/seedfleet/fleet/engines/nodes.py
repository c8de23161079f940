"""An engine over any number of machines, this one included, each behind one agent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from seedfleet.fleet.engines import _delivery
from seedfleet.fleet.engines._orders import token_of
from seedfleet.fleet.engines._session import NodeSession, Reach
from seedfleet.fleet.engines._shift import Task
from seedfleet.fleet.engines._staging import ScriptCopies
from seedfleet.fleet.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from seedfleet.fleet.cluster import Cluster
    from seedfleet.fleet.engines.base import Allocation, Attempt, EngineEvent, Node, Rules
    from seedfleet.fleet.paths import RunPaths

__all__ = ["NodesEngine"]

_GRACE_S: Final = 10.0  # for the others, once one node is there


class NodesEngine:
    """Implements `seedfleet.fleet.engines.base.Engine` with a session for every node.

    Parameters
    ----------
    cluster
        The nodes.
    reach
        How to get to them.
    """

    def __init__(self, cluster: Cluster, reach: Reach) -> None:
        self._cluster = cluster
        self._reach = reach
        self._paths: RunPaths | None = None
        self._sessions: dict[str, NodeSession] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._events: asyncio.Queue[EngineEvent | BaseException] = asyncio.Queue()

    async def open(self, paths: RunPaths, rules: Rules) -> tuple[Node, ...]:
        """Connect to all nodes at once; those that cannot be reached are tried again later."""
        self._paths = paths
        copies = ScriptCopies()
        for config in self._cluster.nodes:
            task = Task(
                config=config,
                paths=paths,
                rules=rules,
                copies=copies,
                silent_s=self._reach.timeouts.silent_s,
                shared_disks=self._reach.shared_disks,
                tell=self._events.put_nowait,
                lender=self._reach.lender,
            )
            session = self._sessions[config.name] = NodeSession(self._reach, task)
            running = asyncio.create_task(session.run(), name=f"node {session.name}")
            running.add_done_callback(self._session_ended)
            self._tasks.append(running)
        nodes = await self._first_contacts()
        if not any(node.contact for node in nodes):
            raise BadInputError(
                [f"node {each.name}: {each.problem}" for each in self._sessions.values()]
            )
        return nodes

    async def _first_contacts(self) -> tuple[Node, ...]:
        """Wait until each node is there or has failed; once one is there, not long any more."""
        sessions = self._sessions.values()
        waiting, limit_s = {session.first for session in sessions}, None
        while waiting:
            done, waiting = await asyncio.wait(
                waiting, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                break
            if any(first.result().contact for first in done):
                limit_s = _GRACE_S
        return tuple(session.first_or_believed() for session in sessions)

    async def start(self, attempt: Attempt, allocation: Allocation) -> None:
        """Give an attempt to its node, unless it was delivered before."""
        head = self._opened().attempt(attempt.job.job_id, attempt.number)
        ended = _delivery.delivered(attempt, allocation.node, head)
        if ended is not None:
            self._events.put_nowait(ended)
        elif allocation.node in self._sessions:
            self._sessions[allocation.node].start(attempt, allocation)

    async def events(self) -> AsyncIterator[EngineEvent]:
        """Report what the sessions tell."""
        while True:
            event = await self._events.get()
            if isinstance(event, BaseException):
                raise event
            yield event

    async def cancel(self, job_id: str, attempt: int) -> None:
        """Send TERM to the attempt's supervisor."""
        for session in self._sessions.values():
            session.cancel(token_of(self._opened(), job_id, attempt))

    async def close(self) -> None:
        """Let go of all nodes; what runs there goes on."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)  # what they failed with has been told as an event
        self._tasks.clear()
        async with asyncio.TaskGroup() as tasks:
            for session in self._sessions.values():
                tasks.create_task(session.close())
        self._sessions.clear()

    def _opened(self) -> RunPaths:
        if self._paths is None:
            raise RuntimeError("the engine is not open")
        return self._paths

    def _session_ended(self, task: asyncio.Task[None]) -> None:
        """Pass a session's failure on: it never ends by itself, but when it cannot write here."""
        error = None if task.cancelled() else task.exception()
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if error is not None:
            self._events.put_nowait(error)
