"""The process between a head and a Ray cluster: a Ray driver that speaks lines of JSON.

It is a process of its own, since Ray's client library takes memory that a head should not need,
prints where it likes, and ends its process when the cluster is gone for long. Standard input and
output carry JSON lines; a Unix socket takes a connection for every link to an agent, which begins
with a line from each side and goes on with the agent's own bytes. It ends with its standard input.

| the head says | and hears |
|---|---|
| | `nodes`, first of all, and whenever they are others |
| `hold`: token, node, gpus, cpus, alive | `held`: token, gpus; or `unheld`: token, problem |
| `free`: node, tokens | |
| | `over`: link, problem, before that connection is closed |
| `bye` | the end, once the keepers know |
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import ray
from ray import cloudpickle
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from seedfleet.fleet.engines.ray import keeper as keeper_module
from seedfleet.fleet.engines.ray.keeper import Keeper
from seedfleet.fleet.node import locks

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["main"]

_NAMESPACE: Final = "seedfleet"
_LOOK_S: Final = 2.0
_LEAVE_S: Final = 5.0
_PIECE_BYTES: Final = 1 << 20
_CALLS_AT_ONCE: Final = 100_000  # each attempt that waits for its GPUs is one
_LINE_BYTES: Final = 1 << 24
_WHY_LETTERS: Final = 1000


def main() -> int:
    """Join the cluster that the arguments name, and serve the head until it goes."""
    address, run_id, door = sys.argv[1:]
    said = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what Ray prints must not get between our lines
    try:
        ray.init(
            address=address,
            namespace=_NAMESPACE,
            log_to_driver=False,
            logging_level=logging.ERROR,
            configure_logging=False,
        )
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        said.write(_line({"op": "failed", "problem": _why(error)}))
        return 1
    for module in (keeper_module, locks):
        cloudpickle.register_pickle_by_value(module)  # type: ignore[no-untyped-call]
    asyncio.run(_Driver(run_id, said).serve(Path(door)))
    os._exit(0)  # the cluster notices; Ray's own goodbye takes seconds that the head would wait


class _Driver:
    def __init__(self, run_id: str, said: Any) -> None:
        self._run_id = run_id
        self._said = said
        self._nodes: list[dict[str, Any]] = []
        self._keepers: dict[str, Any] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, door: Path) -> None:
        """Run until the head says goodbye or is gone."""
        server = await asyncio.start_unix_server(self._carry, door, limit=_PIECE_BYTES)
        listening = asyncio.create_task(self._listen())
        looking = asyncio.create_task(self._look_around())
        await asyncio.wait({listening, looking}, return_when=asyncio.FIRST_COMPLETED)
        server.close()
        if looking.done():  # the cluster does not answer any more
            looking.result()
        looking.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LEAVE_S):
                await self._leave()

    async def _listen(self) -> None:
        reader = asyncio.StreamReader(limit=_LINE_BYTES)
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while (line := await reader.readline()) and (message := json.loads(line))["op"] != "bye":
            self._in_background(self._obey(message))

    def _in_background(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _say(self, message: Mapping[str, Any]) -> None:
        self._said.write(_line(message))

    # --- nodes ---

    async def _look_around(self) -> None:
        while True:
            nodes = [_described(node) for node in await asyncio.to_thread(ray.nodes)]
            living = [node for node in nodes if node is not None]
            living.sort(key=lambda node: str(node["name"]))
            if living != self._nodes:
                self._nodes = living
                self._say({"op": "nodes", "nodes": living})
            await asyncio.sleep(_LOOK_S)

    def _keeper(self, node_id: str) -> Any:
        """Find the keeper of this run on a node, made by this head, an earlier one, or now."""
        if node_id not in self._keepers:
            self._keepers[node_id] = (
                ray.remote(Keeper)
                .options(
                    name=f"{self._run_id} on {node_id}",
                    lifetime="detached",
                    get_if_exists=True,
                    num_cpus=0,
                    max_restarts=0,
                    max_concurrency=_CALLS_AT_ONCE,
                    scheduling_strategy=NodeAffinitySchedulingStrategy(node_id, soft=False),
                )
                .remote(node_id)
            )
        return self._keepers[node_id]

    # --- what the head asks for ---

    async def _obey(self, message: dict[str, Any]) -> None:
        node_id, tokens = message["node"], message["tokens"]
        try:
            if message["op"] == "free":
                if node_id in self._keepers:
                    await self._keepers[node_id].free.remote(tokens)
                return
            (token,) = tokens
            needs = {name: message[name] for name in ("gpus", "cpus", "alive")}
            held = await self._keeper(node_id).hold.remote(token, **needs)
            self._say({"op": "held", "token": token, "gpus": held})
        except ray.exceptions.RayError as error:
            self._keepers.pop(node_id, None)
            if message["op"] == "hold":
                self._say({"op": "unheld", "token": tokens[0], "problem": _problem(error)})

    async def _leave(self) -> None:
        """Tell the keepers that this head goes; those without attempts go with it."""
        calls = [keeper.leave.remote() for keeper in self._keepers.values()]
        for call in calls:
            with contextlib.suppress(ray.exceptions.RayError):
                await call

    # --- links ---

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Start an agent on a node, and carry bytes between it and the head."""
        with contextlib.suppress(ConnectionError):
            wanted = json.loads(await reader.readline())
            keeper = self._keeper(wanted["node"])
            try:
                number = await keeper.dial.remote(wanted["words"])
                writer.write(_line({"problem": ""}))
                problem = await _exchange(keeper, number, reader, writer)
                self._say({"op": "over", "link": wanted["link"], "problem": problem})
            except ray.exceptions.RayError as error:
                self._keepers.pop(wanted["node"], None)
                writer.write(_line({"problem": _problem(error)}))
            await writer.drain()
        writer.close()


async def _exchange(
    keeper: Any, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> str:
    """Carry bytes both ways until either side hangs up; return what is to be said of it."""

    async def outward() -> None:
        while data := await reader.read(_PIECE_BYTES):
            if not await keeper.write.remote(number, data):
                break

    async def inward() -> None:
        over = False
        while not over:
            data, over = await keeper.read.remote(number)
            writer.write(data)
            await writer.drain()

    ways = {asyncio.create_task(outward()), asyncio.create_task(inward())}
    over, others = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    for other in others:
        other.cancel()
    try:
        for way in over:
            way.result()
        words: str = await keeper.hang_up.remote(number)
    except (ray.exceptions.RayError, ConnectionError) as error:
        return _problem(error)
    return words


def _described(node: Mapping[str, Any]) -> dict[str, Any] | None:
    """Say of a living node what the head has to know."""
    if not node["Alive"]:
        return None
    resources = node.get("Resources") or {}
    prefix = "accelerator_type:"
    kinds = sorted(name.removeprefix(prefix) for name in resources if name.startswith(prefix))
    return {
        "id": node["NodeID"],
        "name": node.get("NodeName") or node["NodeManagerAddress"],
        "address": node["NodeManagerAddress"],
        "gpus": int(resources.get("GPU", 0)),
        "cpus": float(resources.get("CPU", 0)),
        "accelerator": kinds[0] if len(kinds) == 1 else None,
    }


def _why(error: BaseException) -> str:
    """Tell why a cluster was not joined: what Ray says, and the last line of what was behind it."""
    texts = [str(error), *str(error.__cause__ or "").strip().splitlines()[-1:]]
    return ": ".join(" ".join(text.split()) for text in texts)[:_WHY_LETTERS]


def _problem(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:400]


def _line(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"


if __name__ == "__main__":
    sys.exit(main())
