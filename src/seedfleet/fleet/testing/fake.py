"""An engine without processes: attempts end when and how the test says."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seedfleet.fleet.engines._delivery import delivered
from seedfleet.fleet.engines.base import Allocation, Attempt, Ended, Node, Rules
from seedfleet.fleet.node.layout import write_atomically
from seedfleet.fleet.node.outputs import digest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from seedfleet.fleet.node.layout import AttemptFolder
    from seedfleet.fleet.paths import RunPaths

__all__ = ["FakeEngine", "FakeWorld", "play_by_name"]

_Key = tuple[str, str, int]  # run id, job id, attempt number
Status = dict[str, Any]


def play_by_name(attempt: Attempt) -> Status | None:
    """Decide how an attempt ends from the name of its script.

    Parameters
    ----------
    attempt
        A script named `fail...` ends with exit code 3, `wait...` runs until it is cancelled, and
        any other succeeds.

    Returns
    -------
    dict or None
        The beginning of a status, or None to run on.
    """
    name = attempt.job.script.rpartition("/")[2]
    if name.startswith("wait"):
        return None
    if name.startswith("fail"):
        return {"outcome": "failed", "exit_code": 3, "signal": None, "problem": "fake failure"}
    return {"outcome": "succeeded", "exit_code": 0}


@dataclass
class FakeWorld:
    """What goes on outside of any head, and so survives it.

    Parameters
    ----------
    nodes
        What engines in this world offer.
    play
        Decides how an attempt ends, or None to let it run until it is cancelled or ended by `end`.

    Attributes
    ----------
    running
        Attempts under way.
    ran
        Every attempt that was ever really started, in order.
    """

    nodes: tuple[Node, ...] = (Node("fake", "cpu", (), 2),)
    play: Callable[[Attempt], Status | None] = play_by_name
    running: dict[_Key, Attempt] = field(default_factory=dict)
    ended: dict[_Key, Status] = field(default_factory=dict)
    ran: list[tuple[_Key, Allocation]] = field(default_factory=list)

    def end(self, key: tuple[str, str, int], status: Status) -> None:
        """End a running attempt, named by its run, job and number."""
        if self.running.pop(key, None) is not None:
            self.ended[key] = status


class FakeEngine:
    """Implements `seedfleet.fleet.engines.base.Engine` over a `FakeWorld`.

    Parameters
    ----------
    world
        Give the same one to a second engine to play a head that comes back; None is a new one.
    """

    def __init__(self, world: FakeWorld | None = None) -> None:
        self.world = world or FakeWorld()
        self._paths: RunPaths | None = None
        self._watched: dict[_Key, Attempt] = {}
        self._changed = asyncio.Event()

    async def open(self, paths: RunPaths, rules: Rules) -> tuple[Node, ...]:
        """Offer the world's nodes."""
        del rules
        self._paths = paths
        return self.world.nodes

    async def start(self, attempt: Attempt, allocation: Allocation) -> None:
        """Let the world's play decide, unless the attempt is known already."""
        key = (self._opened().run_id, attempt.job.job_id, attempt.number)
        if key in self._watched:
            return
        self._watched[key] = attempt
        known = key in self.world.running or key in self.world.ended
        if not known and not self._head(key).status.exists():
            self.world.ran.append((key, allocation))
            self.world.running[key] = attempt
            status = self.world.play(attempt)
            if status is not None:
                self.world.end(key, status)
        self._changed.set()

    async def events(self) -> AsyncIterator[Ended]:
        """Report what has ended."""
        while True:
            self._changed.clear()
            for key, attempt in list(self._watched.items()):
                if key in self.world.running:
                    continue
                del self._watched[key]
                self._deliver(key, attempt)
                node = self.world.nodes[0].name
                yield delivered(attempt, node, self._head(key))
            await self._changed.wait()

    async def cancel(self, job_id: str, attempt: int) -> None:
        """End a running attempt as cancelled."""
        self.end(job_id, attempt, {"outcome": "cancelled"})

    async def close(self) -> None:
        """Forget what was watched; the world goes on."""
        self._watched.clear()

    def end(self, job_id: str, attempt: int, status: Status) -> None:
        """End a running attempt in the world and notice it."""
        self.world.end((self._opened().run_id, job_id, attempt), status)
        self._changed.set()

    def _opened(self) -> RunPaths:
        if self._paths is None:
            raise RuntimeError("the engine is not open")
        return self._paths

    def _head(self, key: _Key) -> AttemptFolder:
        return self._opened().attempt(key[1], key[2])

    def _deliver(self, key: _Key, attempt: Attempt) -> None:
        head = self._head(key)
        if head.status.exists():
            return
        status = dict(self.world.ended[key])
        head.outputs.mkdir(parents=True, exist_ok=True)
        head.stdout.touch()
        head.stderr.touch()
        if status["outcome"] == "succeeded":
            status["outputs"] = []
            for number, declared in enumerate(attempt.job.all_outputs):
                path = head.outputs / str(number)
                path.write_text(json.dumps({"job_id": key[1], "attempt": key[2]}))
                entry = {"declared": declared, "path": str(path), "sha256": digest(path)}
                status["outputs"].append(entry | {"size_bytes": path.stat().st_size})
        write_atomically(head.status, json.dumps(status).encode())
