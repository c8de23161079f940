"""The obligations of `seedfleet.fleet.engines.base` as checks that run over any engine."""

from __future__ import annotations

import asyncio
import json
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from seedfleet.fleet.engines.base import (
    Allocation,
    Attempt,
    Ended,
    EngineEvent,
    Node,
    NodeDown,
    NodeUp,
    Rules,
)
from seedfleet.fleet.node.outputs import digest
from seedfleet.fleet.outcome import Cancelled, Failed, Succeeded
from seedfleet.fleet.paths import RunPaths
from seedfleet.fleet.placement import FreeSlots, Requirement
from seedfleet.fleet.spec import Job

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from seedfleet.fleet.engines.base import Engine

__all__ = ["Outage", "check_engine"]

_PATIENCE_S: Final = 30.0
_SCRIPTS: Final = {
    "succeed": """while [ $# -gt 0 ]; do printf %s "$1" > "$2"; shift 2; done\n""",
    "fail": """printf half > "$2"; exit 3\n""",
    "wait": "exec sleep 600\n",
}


@dataclass(frozen=True, slots=True)
class Outage:
    """How to take all nodes of an engine out of contact, and to bring them back.

    Parameters
    ----------
    cut
        Returns when no node can be reached any more; what runs on them goes on.
    mend
        Returns when they can be reached again.
    """

    cut: Callable[[], None]
    mend: Callable[[], None]


async def check_engine(
    make_engine: Callable[[], Engine], folder: Path, outage: Outage | None = None
) -> None:
    """Check that an engine keeps what the seam asks of it.

    Parameters
    ----------
    make_engine
        Called for every engine that the checks need, as if each were of a new head: attempts that
        one of them started go on when it is closed and can be taken up by the next.
    folder
        An empty folder on a disk that the engine's nodes see; it becomes the root of the jobs. The
        scripts `succeed.sh`, `fail.sh` (exit code 3) and `wait.sh` are written into it; a fake
        engine goes by their names.
    outage
        Given for engines whose nodes can be cut off: what they owe then is checked as well.

    Raises
    ------
    AssertionError
        If an obligation is broken, saying which.
    TimeoutError
        If an attempt does not end.
    """
    for name, body in _SCRIPTS.items():
        script = folder / f"{name}.sh"
        script.write_text(f"#!/bin/sh\n{body}")
        script.chmod(0o755)
    check = _Check(make_engine, folder)
    await check.nodes_are_named_and_have_room()
    await check.success_is_delivered_before_it_is_reported()
    await check.outputs_come_in_the_order_declared()
    await check.preserved_paths_hold_a_result_or_what_was_there()
    await check.failure_is_an_outcome()
    await check.starting_again_runs_nothing_twice()
    await check.a_torn_status_is_brought_again()
    await check.nodes_of_other_engines_are_left_alone()
    await check.cancelling_ends_what_runs_and_nothing_else()
    await check.attempts_outlive_the_engine()
    if outage is not None:
        await check.an_outage_is_told_and_ends_nothing(outage)
        await check.what_is_asked_during_an_outage_is_done_after_it(outage)


@dataclass(frozen=True)
class _Head:
    """An open engine, and its events."""

    engine: Engine
    paths: RunPaths
    nodes: tuple[Node, ...]
    events: AsyncIterator[EngineEvent]
    early: list[Ended] = field(default_factory=list)  # told by a queue that was out of contact

    async def start(self, name: str, *more_outputs: str, place: Allocation | None = None) -> None:
        outputs = (name, *more_outputs)
        job = Job(
            job_id=name,
            script=f"{name}.sh",
            args=tuple(arg for output in outputs for arg in (f"this is {output}", output)),
            expected_output=name,
            outputs=more_outputs,
        )
        await self.engine.start(Attempt(job, 1), place or self.place())

    def place(self) -> Allocation:
        place = FreeSlots.all_of(self.nodes).find(Requirement(None, None, None, None, None))
        _must(place is not None, "an idle engine has a place for a job without wishes")
        return place or Allocation("", ())

    async def next_end(self) -> Ended:
        if self.early:
            return self.early.pop(0)
        while True:
            event = await self.next_event()
            if isinstance(event, Ended):
                return event

    async def next_event(self) -> EngineEvent:
        async with asyncio.timeout(_PATIENCE_S):
            return await anext(self.events)

    async def wait_contact(self, *, there: bool) -> None:
        """Wait until all nodes have been told to be out of contact, or back; nothing may end."""
        told: set[str] = set()
        while told != {node.name for node in self.nodes}:
            event = await self.next_event()
            if isinstance(event, Ended):
                queue = there and all(node.queue for node in self.nodes)
                _must(queue, "what ends on a node out of contact is reported when it is back")
                self.early.append(event)
            if there and isinstance(event, NodeUp):
                _must(event.node.contact, "a node that is up is in contact")
                told.add(event.node.name)
            elif not there and isinstance(event, NodeDown):
                _must(event.problem != "", "a node out of contact comes with the reason")
                told.add(event.node)


class _Check:
    def __init__(self, make_engine: Callable[[], Engine], folder: Path) -> None:
        self._make_engine = make_engine
        self._folder = folder
        # What has a run's token is ended with its attempt, whoever else checks an engine here.
        self._name = f"contract-{secrets.token_hex(4)}"
        self._runs = 0

    def _new_run(self, *, preserve: bool = False) -> RunPaths:
        self._runs += 1
        return RunPaths(
            root=self._folder,
            output_dir=self._folder / "runs",
            run_id=f"{self._name}-{self._runs}",
            preserve=preserve,
        )

    async def _open(self, paths: RunPaths) -> _Head:
        engine = self._make_engine()
        nodes = await engine.open(paths, Rules(kill_grace_s=1.0))
        return _Head(engine, paths, nodes, engine.events())

    async def nodes_are_named_and_have_room(self) -> None:
        head = await self._open(self._new_run())
        names = [node.name for node in head.nodes]
        _must(len(names) > 0, "there is at least one node")
        _must(len(set(names)) == len(names), "node names are unique")
        _must(all(node.cpu_slots >= 1 for node in head.nodes), "every node has a CPU slot")
        await head.engine.close()

    async def success_is_delivered_before_it_is_reported(self) -> None:
        head = await self._open(self._new_run())
        await head.start("succeed")
        ended = await head.next_end()
        _must((ended.job_id, ended.attempt) == ("succeed", 1), "an end names its attempt")
        folder = head.paths.attempt("succeed", 1)
        _must(isinstance(ended.outcome, Succeeded), f"a good script succeeds, not {ended}")
        queued = any(node.queue for node in head.nodes)
        _must(not queued or ended.host is not None, "a queue tells on which machine a script ran")
        if isinstance(ended.outcome, Succeeded):
            (produced,) = ended.outcome.outputs
            _must(digest(folder.outputs / "0") == produced.sha256, "outputs have come, unchanged")
            _must(produced.declared == "succeed", "an output keeps its declared name")
        status = json.loads(folder.status.read_text())
        _must(status["outcome"] == "succeeded", "the status has come to the head")
        await head.engine.close()

    async def outputs_come_in_the_order_declared(self) -> None:
        head = await self._open(self._new_run())
        declared = ("succeed", "second", "a-third")
        await head.start(*declared)
        ended = await head.next_end()
        _must(isinstance(ended.outcome, Succeeded), f"a script may have more outputs: {ended}")
        if isinstance(ended.outcome, Succeeded):
            produced = ended.outcome.outputs
            _must(tuple(each.declared for each in produced) == declared, "in the order declared")
            folder = head.paths.attempt("succeed", 1)
            for number, output in enumerate(produced):
                place = folder.outputs / str(number)
                _must(digest(place) == output.sha256, f"outputs/{number} is what it says")
                _must(place.stat().st_size == output.size_bytes, f"outputs/{number} is whole")
                names = output.declared in place.read_text()
                _must(names, f"outputs/{number} is not another output's content")
        await head.engine.close()

    async def preserved_paths_hold_a_result_or_what_was_there(self) -> None:
        paths = self._new_run(preserve=True)
        for name in ("succeed", "fail"):
            paths.on_head(name).write_text("from an earlier run")
        head = await self._open(paths)
        await head.start("succeed")
        ended = await head.next_end()
        _must(isinstance(ended.outcome, Succeeded), f"a good script succeeds in place: {ended}")
        if isinstance(ended.outcome, Succeeded):
            (produced,) = ended.outcome.outputs
            brought = paths.attempt("succeed", 1).outputs / "0"
            place = brought if brought.exists() else paths.on_head("succeed")
            _must(digest(place) == produced.sha256, "a result is brought or stands at its path")
        await head.start("fail")
        _must((await head.next_end()).outcome == Failed(3, None), "a failure in place is a failure")
        left = paths.on_head("fail").read_text()
        _must(left == "from an earlier run", "what a failed attempt overwrote is put back")
        for name in ("succeed", "fail"):
            paths.on_head(name).unlink(missing_ok=True)
        await head.engine.close()

    async def failure_is_an_outcome(self) -> None:
        head = await self._open(self._new_run())
        await head.start("fail")
        ended = await head.next_end()
        _must(ended.outcome == Failed(3, None), f"exit code 3 is Failed(3, None), not {ended}")
        folder = head.paths.attempt("fail", 1)
        _must(folder.stderr.exists() and folder.stdout.exists(), "logs come after a failure too")
        await head.engine.close()

    async def starting_again_runs_nothing_twice(self) -> None:
        paths = self._new_run()
        head = await self._open(paths)
        await head.start("succeed")
        first = await head.next_end()
        before = paths.attempt("succeed", 1).status.stat()
        await head.start("succeed")
        _must(await head.next_end() == first, "an attempt that has ended is reported as it ended")
        await head.engine.close()
        later = await self._open(paths)
        await later.start("succeed")
        _must(await later.next_end() == first, "a later head hears the same")
        after = paths.attempt("succeed", 1).status.stat()
        _must(before.st_mtime_ns == after.st_mtime_ns, "a delivered attempt is left alone")
        await later.engine.close()

    async def a_torn_status_is_brought_again(self) -> None:
        paths = self._new_run()
        head = await self._open(paths)
        await head.start("fail")
        first = await head.next_end()
        await head.engine.close()
        status = paths.attempt("fail", 1).status
        whole = status.read_bytes()
        for torn in (whole[: len(whole) // 2], b""):
            status.write_bytes(torn)
            later = await self._open(paths)
            await later.start("fail")
            _must(await later.next_end() == first, "a torn status is no status: it comes again")
            _must(json.loads(status.read_bytes()) == json.loads(whole), "and is whole then")
            await later.engine.close()

    async def nodes_of_other_engines_are_left_alone(self) -> None:
        paths = self._new_run()
        head = await self._open(paths)
        await head.start("succeed")
        first = await head.next_end()
        elsewhere = Allocation("a-node-of-another-engine", (), 0)
        await head.start("wait", place=elsewhere)
        await head.engine.cancel("wait", 1)
        await head.start("succeed", place=elsewhere)
        _must(await head.next_end() == first, "what was delivered is told wherever it ran")
        _must(not paths.attempt("wait", 1).status.exists(), "nothing runs on unknown nodes")
        await head.engine.close()
        await head.engine.close()

    async def cancelling_ends_what_runs_and_nothing_else(self) -> None:
        head = await self._open(self._new_run())
        await head.engine.cancel("nobody", 1)
        await head.start("wait")
        await head.engine.cancel("wait", 2)
        await head.engine.cancel("wait", 1)
        await head.engine.cancel("wait", 1)
        ended = await head.next_end()
        _must(ended.outcome == Cancelled(), f"a cancelled attempt is Cancelled, not {ended}")
        await head.engine.cancel("wait", 1)
        await head.engine.close()

    async def attempts_outlive_the_engine(self) -> None:
        paths = self._new_run()
        head = await self._open(paths)
        await head.start("wait")
        await head.engine.close()
        later = await self._open(paths)
        await later.start("wait")
        await later.start("wait")
        await later.engine.cancel("wait", 1)
        ended = await later.next_end()
        _must(ended.outcome == Cancelled(), f"a later head can cancel what it took up: {ended}")
        await later.engine.close()

    async def an_outage_is_told_and_ends_nothing(self, outage: Outage) -> None:
        head = await self._open(self._new_run())
        await head.start("wait")
        outage.cut()
        await head.wait_contact(there=False)
        outage.mend()
        await head.wait_contact(there=True)
        await head.engine.cancel("wait", 1)
        ended = await head.next_end()
        _must(ended.outcome == Cancelled(), f"an attempt outlives an outage: {ended}")
        await head.engine.close()

    async def what_is_asked_during_an_outage_is_done_after_it(self, outage: Outage) -> None:
        head = await self._open(self._new_run())
        await head.start("wait")
        outage.cut()
        await head.wait_contact(there=False)
        await head.engine.cancel("wait", 1)
        await head.start("succeed")
        outage.mend()
        await head.wait_contact(there=True)
        ends = {ended.job_id: ended.outcome for ended in [await head.next_end() for _ in "12"]}
        _must(ends.get("wait") == Cancelled(), f"a cancellation is kept for the node: {ends}")
        _must(isinstance(ends.get("succeed"), Succeeded), f"and so is a start: {ends}")
        await head.engine.close()


def _must(holds: bool, obligation: str) -> None:
    if not holds:
        raise AssertionError(obligation)
