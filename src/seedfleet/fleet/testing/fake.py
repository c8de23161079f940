"""An engine without processes: attempts end when and how the test says, and nodes come and go.

>>> world = FakeWorld(nodes=(Node("a", "cpu", (), 2), Node("b", "cpu", (), 2)))
>>> world.cut("b", "its cable was pulled")  # every engine in this world says NodeDown
>>> world.mend("b")  # NodeUp, and then what has ended on b meanwhile
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from seedfleet.fleet.engines._delivery import delivered
from seedfleet.fleet.engines.base import (
    Allocation,
    Attempt,
    EngineEvent,
    Node,
    NodeDown,
    NodeUp,
    Rules,
)
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

    A node can be cut off and mended. While it is cut off, attempts on it go on: those that were
    told to start before run, `end` ends them, and no engine hears of it until the node is back. It
    can also be hushed: then nothing is heard of its attempts although it seems to be in contact.

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
        Every attempt that was ever really started, in order, and where.
    """

    nodes: tuple[Node, ...] = (Node("fake", "cpu", (), 2),)
    play: Callable[[Attempt], Status | None] = play_by_name
    running: dict[_Key, Attempt] = field(default_factory=dict)
    ended: dict[_Key, Status] = field(default_factory=dict)
    ran: list[tuple[_Key, Allocation]] = field(default_factory=list)
    _down: dict[str, NodeDown] = field(default_factory=dict)
    _hushed: set[str] = field(default_factory=set)
    _engines: list[FakeEngine] = field(default_factory=list)

    def end(self, key: tuple[str, str, int], status: Status) -> None:
        """End a running attempt, named by its run, job and number.

        Parameters
        ----------
        status
            As a supervisor would write it: `outcome` and what belongs to it; `node_fault` True
            where the node is to blame.
        """
        if self.running.pop(key, None) is not None:
            self.ended[key] = status
        self._wake()

    def cut(
        self, name: str, problem: str = "cut off by the test", *, for_good: bool = False
    ) -> None:
        """Take a node out of contact; `for_good` is an engine's word that it gives the node up."""
        self._down[name] = NodeDown(name, problem, for_good)
        for engine in self._engines:
            engine.say(self._down[name])

    def mend(self, name: str, node: Node | None = None) -> None:
        """Bring a node back, changed into `node` if that is given."""
        if node is not None:
            self.nodes = tuple(node if each.name == name else each for each in self.nodes)
        self._down.pop(name, None)
        for engine in self._engines:
            engine.say(NodeUp(next(each for each in self.nodes if each.name == name)))
        self._wake()

    def hush(self, name: str, *, hushed: bool = True) -> None:
        """Keep all news of a node's attempts back, or let them come with `hushed` False."""
        (self._hushed.add if hushed else self._hushed.discard)(name)
        self._wake()

    def repeat(self, event: EngineEvent) -> None:
        """Let every engine say something once more, or late, or although it is not so."""
        for engine in self._engines:
            engine.say(event)

    def is_heard(self, name: str) -> bool:
        """Tell whether news of a node's attempts comes through."""
        return name not in self._down and name not in self._hushed

    def offer(self) -> tuple[Node, ...]:
        """List all nodes with the contact that there is now."""
        return tuple(replace(node, contact=node.name not in self._down) for node in self.nodes)

    def enter(self, engine: FakeEngine) -> None:
        """Count an engine among those that hear what happens, and tell it what is amiss now."""
        self._engines.append(engine)
        for event in self._down.values():
            engine.say(event)

    def leave(self, engine: FakeEngine) -> None:
        """Forget an engine; may be repeated."""
        self._engines = [each for each in self._engines if each is not engine]

    def _wake(self) -> None:
        for engine in self._engines:
            engine.wake()


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
        self._watched: dict[_Key, tuple[Attempt, Allocation]] = {}
        self._unsent: dict[_Key, tuple[Attempt, Allocation]] = {}  # for nodes out of contact
        self._unheard: set[_Key] = set()  # to be cancelled when their node is back
        self._said: list[EngineEvent] = []
        self._changed = asyncio.Event()

    async def open(self, paths: RunPaths, rules: Rules) -> tuple[Node, ...]:
        """Offer the world's nodes."""
        del rules
        self._paths = paths
        self.world.enter(self)
        return self.world.offer()

    async def start(self, attempt: Attempt, allocation: Allocation) -> None:
        """Let the world's play decide, unless the attempt is known already."""
        key = (self._opened().run_id, attempt.job.job_id, attempt.number)
        if key in self._watched:
            return
        if delivered(attempt, allocation.node, self._head(key)) is None:
            if all(node.name != allocation.node for node in self.world.nodes):
                return
            if key not in self.world.running and key not in self.world.ended:
                self._unsent[key] = (attempt, allocation)
        self._watched[key] = (attempt, allocation)
        self._send()
        self.wake()

    async def events(self) -> AsyncIterator[EngineEvent]:
        """Report what has been said of nodes, and then what has ended on those in contact."""
        while True:
            self._changed.clear()
            while self._said:
                yield self._said.pop(0)
            self._send()
            for key, (attempt, allocation) in list(self._watched.items()):
                if key in self.world.running:
                    continue
                ended = delivered(attempt, allocation.node, self._head(key))
                if ended is None and self._is_told(key, allocation):
                    self._deliver(key, attempt)
                    ended = delivered(attempt, allocation.node, self._head(key))
                if ended is not None:
                    del self._watched[key]
                    yield ended
            await self._changed.wait()

    async def cancel(self, job_id: str, attempt: int) -> None:
        """End a running attempt as cancelled; on a node out of contact when it is back."""
        key = (self._opened().run_id, job_id, attempt)
        if key in self._watched:
            self._unheard.add(key)
            self._send()

    async def close(self) -> None:
        """Forget what was watched; the world goes on."""
        self._watched.clear()
        self.world.leave(self)

    def end(self, job_id: str, attempt: int, status: Status) -> None:
        """End a running attempt in the world and notice it."""
        self.world.end((self._opened().run_id, job_id, attempt), status)

    def say(self, event: EngineEvent) -> None:
        """Report an event as soon as somebody listens."""
        self._said.append(event)
        self.wake()

    def wake(self) -> None:
        """Look again at what has happened."""
        self._changed.set()

    def _send(self) -> None:
        """Do on the nodes that can be reached what was asked for."""
        for key, (attempt, allocation) in list(self._unsent.items()):
            if self.world.is_heard(allocation.node):
                del self._unsent[key]
                self.world.ran.append((key, allocation))
                self.world.running[key] = attempt
                status = self.world.play(attempt)
                if status is not None:
                    self.world.end(key, status)
        for key in list(self._unheard):
            if key not in self._watched:
                self._unheard.discard(key)
            elif self.world.is_heard(self._watched[key][1].node):
                self._unheard.discard(key)
                self.world.end(key, {"outcome": "cancelled"})

    def _is_told(self, key: _Key, allocation: Allocation) -> bool:
        return key in self.world.ended and self.world.is_heard(allocation.node)

    def _opened(self) -> RunPaths:
        if self._paths is None:
            raise RuntimeError("the engine is not open")
        return self._paths

    def _head(self, key: _Key) -> AttemptFolder:
        return self._opened().attempt(key[1], key[2])

    def _deliver(self, key: _Key, attempt: Attempt) -> None:
        head = self._head(key)
        status = dict(self.world.ended[key])
        head.outputs.mkdir(parents=True, exist_ok=True)
        head.stdout.touch()
        head.stderr.touch()
        if status["outcome"] == "succeeded":
            status["outputs"] = []
            for number, declared in enumerate(attempt.job.all_outputs):
                path = head.outputs / str(number)
                content = {"job_id": key[1], "attempt": key[2], "output": declared}
                path.write_text(json.dumps(content))
                entry = {"declared": declared, "path": str(path), "sha256": digest(path)}
                status["outputs"].append(entry | {"size_bytes": path.stat().st_size})
        write_atomically(head.status, json.dumps(status).encode())
