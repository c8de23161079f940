"""The obligations of `seedfleet.fleet.engines.base` as checks that run over any engine."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from seedfleet.fleet.engines.base import Allocation, Attempt, Ended, EngineEvent, Node, Rules
from seedfleet.fleet.node.outputs import digest
from seedfleet.fleet.outcome import Cancelled, Failed, Succeeded
from seedfleet.fleet.paths import RunPaths
from seedfleet.fleet.placement import FreeSlots, Requirement
from seedfleet.fleet.spec import Job

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from seedfleet.fleet.engines.base import Engine

__all__ = ["check_engine"]

_PATIENCE_S: Final = 30.0
_SCRIPTS: Final = {
    "succeed": """printf '{"ran": true}' > "$1"\n""",
    "fail": "exit 3\n",
    "wait": "exec sleep 600\n",
}


async def check_engine(make_engine: Callable[[], Engine], folder: Path) -> None:
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
    await check.failure_is_an_outcome()
    await check.starting_again_runs_nothing_twice()
    await check.cancelling_ends_what_runs_and_nothing_else()
    await check.attempts_outlive_the_engine()


@dataclass(frozen=True)
class _Head:
    """An open engine, and its events."""

    engine: Engine
    paths: RunPaths
    nodes: tuple[Node, ...]
    events: AsyncIterator[EngineEvent]

    async def start(self, name: str, number: int = 1) -> Attempt:
        job = Job(job_id=name, script=f"{name}.sh", args=("{output}",), expected_output=name)
        attempt = Attempt(job, number)
        await self.engine.start(attempt, self.place())
        return attempt

    def place(self) -> Allocation:
        place = FreeSlots.all_of(self.nodes).find(Requirement(None, None, None, None, None))
        _must(place is not None, "an idle engine has a place for a job without wishes")
        return place or Allocation("", ())

    async def next_end(self) -> Ended:
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                event = await anext(self.events)
                if isinstance(event, Ended):
                    return event


class _Check:
    def __init__(self, make_engine: Callable[[], Engine], folder: Path) -> None:
        self._make_engine = make_engine
        self._folder = folder
        self._runs = 0

    def _new_run(self) -> RunPaths:
        self._runs += 1
        return RunPaths(
            root=self._folder,
            output_dir=self._folder / "runs",
            run_id=f"contract-{self._runs}",
            preserve=False,
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
        if isinstance(ended.outcome, Succeeded):
            (produced,) = ended.outcome.outputs
            _must(digest(folder.outputs / "0") == produced.sha256, "outputs have come, unchanged")
            _must(produced.declared == "succeed", "an output keeps its declared name")
        status = json.loads(folder.status.read_text())
        _must(status["outcome"] == "succeeded", "the status has come to the head")
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


def _must(holds: bool, obligation: str) -> None:
    if not holds:
        raise AssertionError(obligation)
