"""The head's side of the process that speaks with a Ray cluster; see `driver`."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import itertools
import json
import os
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import seedfleet
from seedfleet.fleet.engines.link import NodeContactError
from seedfleet.fleet.node.locks import owned_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedfleet.fleet.cluster import NodeConfig

__all__ = ["Gateway", "RayNode", "ray_is_installed"]

_DRIVER: Final = "seedfleet.fleet.engines.ray.driver"
_LINE_BYTES: Final = 1 << 24
_KEPT_WORDS_BYTES: Final = 8000
_CLOSE_S: Final = 8.0
_PAUSE_S: Final = 5.0  # after a cluster could not be joined; nodes ask one after the other


@dataclass(frozen=True, slots=True)
class RayNode:
    """A living node of a Ray cluster.

    Parameters
    ----------
    id
        Ray's own; a node that is started again has another one.
    name
        As `ray start --node-name` says, else its address.
    address
        Its IP address.
    gpus, cpus
        What Ray has to give there.
    accelerator
        The model of its GPUs as Ray tells it, or None.
    """

    id: str
    name: str
    address: str
    gpus: int
    cpus: float
    accelerator: str | None


class Gateway:
    """Joins a cluster in a child process, again and again if need be; never starts a cluster.

    Parameters
    ----------
    address
        As `ray.init` takes it.
    run_id
        Of the run; what it leaves on the cluster is found again by it.
    connect_s
        How long joining may take.
    cpus
        How many of a node's CPUs a script without GPUs gets.
    """

    def __init__(self, address: str, run_id: str, *, connect_s: float, cpus: float) -> None:
        self._address = address
        self._run_id = run_id
        self._connect_s = connect_s
        self._cpus = cpus
        self._folder, self._owner = owned_folder("seedfleet-ray-")  # 0700; the socket is in it
        self._joining = asyncio.Lock()
        self._child: asyncio.subprocess.Process | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._words = b""
        self._joined: asyncio.Future[None] | None = None
        self._nodes: dict[str, RayNode] = {}
        self._lending: dict[str, asyncio.Future[tuple[str, ...]]] = {}
        self._numbers = itertools.count(1)
        self._channels: dict[int, _Channel] = {}
        self._failed: tuple[float, str] = (0.0, "")

    async def nodes(self) -> tuple[RayNode, ...]:
        """List the nodes that live and have something to give.

        Raises
        ------
        NodeContactError
            If the cluster cannot be joined.
        """
        await self._join()
        return tuple(self._nodes.values())

    async def dial(self, config: NodeConfig, words: Sequence[str]) -> _Channel:
        """Start a Python interpreter on a node, as `NodeLink.dialled` wants it.

        Raises
        ------
        NodeContactError
            If that cannot be done now.
        """
        await self._join()
        node = self._living(config.name)
        number = next(self._numbers)
        try:
            reader, writer = await asyncio.open_unix_connection(self._door)
        except OSError as error:
            raise NodeContactError(f"the way to the Ray cluster is gone: {error}") from error
        channel = self._channels[number] = _Channel(reader, writer)
        problem = None
        try:
            writer.write(_line({"link": number, "node": node.id, "words": list(words)}))
            problem = json.loads(await reader.readline() or b"{}").get("problem")
        finally:
            if problem != "":
                channel.kill()
        if problem != "":
            raise NodeContactError(problem or self._broken())
        return channel

    async def lend(self, node: str, token: str, *, gpus: int, alive: Path) -> tuple[str, ...]:
        """Have Ray hold what an attempt needs; see `Lender`."""
        await self._join()
        place = self._living(node)
        # A node to which Ray gives no CPUs at all may still run a script that asks for none.
        cpus = 0.0 if gpus else min(self._cpus, place.cpus)
        lending: asyncio.Future[tuple[str, ...]] = asyncio.get_running_loop().create_future()
        self._lending[token] = lending
        needs = {"gpus": gpus, "cpus": cpus, "alive": str(alive)}
        self._say({"op": "hold", "node": place.id, "tokens": [token], **needs})
        try:
            return await lending
        finally:
            self._lending.pop(token, None)

    def take_back(self, node: str, token: str) -> None:
        """Give back what an attempt has, or stop asking for it; see `Lender`."""
        place = self._nodes.get(node)
        if place is not None and self._child is not None:
            self._say({"op": "free", "node": place.id, "tokens": [token]})

    async def close(self) -> None:
        """Leave the cluster; what runs there goes on."""
        child = self._child
        if child is not None:
            self._say({"op": "bye"})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_S):
                    await child.wait()
        await self._let_go()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._owner.release()

    # --- the child ---

    @property
    def _door(self) -> Path:
        return self._folder / "door"

    def _living(self, name: str) -> RayNode:
        if name not in self._nodes:
            known = ", ".join(sorted(self._nodes)) or "none"
            raise NodeContactError(f"it is no node of the Ray cluster now (living: {known})")
        return self._nodes[name]

    async def _join(self) -> None:
        """Start the child, unless it lives, and wait until it knows the nodes."""
        async with self._joining:
            if self._child is not None and self._child.returncode is None:
                return
            failed_s, problem = self._failed
            if problem and time.monotonic() - failed_s < _PAUSE_S:
                raise NodeContactError(problem)
            await self._let_go()
            try:
                await self._start()
            except NodeContactError as error:
                self._failed = time.monotonic(), error.problem
                await self._let_go()
                raise
            self._failed = 0.0, ""

    async def _start(self) -> None:
        self._door.unlink(missing_ok=True)
        self._words = b""
        paths = [str(Path(seedfleet.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        self._child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", _DRIVER, self._address, self._run_id, str(self._door)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
            cwd=self._folder,
            start_new_session=True,  # Ctrl-C on the head's terminal is the head's to hear
            limit=_LINE_BYTES,
        )
        self._joined = asyncio.get_running_loop().create_future()
        self._tasks = [
            asyncio.create_task(self._listen(self._child), name="ray"),
            asyncio.create_task(self._keep_words(self._child), name="ray-words"),
        ]
        try:
            async with asyncio.timeout(self._connect_s):
                await self._joined
        except TimeoutError:
            text = f"no Ray cluster answered at {self._address} within {self._connect_s:g} s"
            raise NodeContactError(text) from None

    async def _listen(self, child: asyncio.subprocess.Process) -> None:
        problem = ""
        while child.stdout is not None and (line := await child.stdout.readline()):
            message = json.loads(line)
            if message["op"] == "failed":
                problem = f"cannot join the Ray cluster at {self._address}: {message['problem']}"
            else:
                self._hear(message)
        await child.wait()
        self._channels.clear()
        error = NodeContactError(problem or self._broken())
        for waiting in (self._joined, *self._lending.values()):
            if waiting is not None and not waiting.done():
                waiting.set_exception(error)

    def _hear(self, message: dict[str, Any]) -> None:
        if message["op"] == "nodes":
            nodes = [RayNode(**node) for node in message["nodes"]]
            self._nodes = {node.name: node for node in _with_own_names(nodes)}
            if self._joined is not None and not self._joined.done():
                self._joined.set_result(None)
        elif message["op"] == "over":
            channel = self._channels.pop(message["link"], None)
            if channel is not None:
                channel.say(message["problem"])
        elif (lending := self._lending.get(message["token"])) is None or lending.done():
            pass  # nobody waits for it any more
        elif message["op"] == "held":
            lending.set_result(tuple(message["gpus"]))
        else:
            lending.set_exception(NodeContactError(message["problem"]))

    async def _keep_words(self, child: asyncio.subprocess.Process) -> None:
        while child.stderr is not None and (data := await child.stderr.read(_KEPT_WORDS_BYTES)):
            self._words = (self._words + data)[-_KEPT_WORDS_BYTES:]

    def _broken(self) -> str:
        lines = self._words.decode("utf-8", "replace").strip().splitlines()
        return f"the contact with the Ray cluster broke: {lines[-1][-300:] if lines else 'no word'}"

    def _say(self, message: dict[str, Any]) -> None:
        if self._child is not None and self._child.stdin is not None:
            self._child.stdin.write(_line(message))

    async def _let_go(self) -> None:
        child, self._child = self._child, None
        if child is not None and child.returncode is None:
            child.kill()
            await child.wait()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._tasks = []


class _Channel:
    """A connection to an agent through the child; a `Channel` as links want it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.stdout = reader
        self.stdin = writer
        self.stderr = asyncio.StreamReader()
        self.returncode: int | None = None

    def say(self, words: str) -> None:
        """Say why it ended."""
        self.stderr.feed_data(words.encode())
        self.stderr.feed_eof()

    async def wait(self) -> int:
        """Wait until the connection is closed."""
        with contextlib.suppress(ConnectionError):
            await self.stdin.wait_closed()
        if not self.stderr.at_eof():
            self.stderr.feed_eof()
        self.returncode = 0
        return 0

    def kill(self) -> None:
        """Close it without another word."""
        self.stdin.transport.abort()


def ray_is_installed() -> bool:
    """Tell whether Ray's package can be imported; it is not imported for that."""
    return importlib.util.find_spec("ray") is not None


def _with_own_names(nodes: list[RayNode]) -> list[RayNode]:
    """Keep the nodes that give something; name those that share a name by address, then by id."""
    named: dict[str, RayNode] = {}
    for node in nodes:
        if node.gpus < 1 and node.cpus <= 0:  # kept free on purpose, as a cluster's first one often
            continue
        names = (node.name, node.address, node.id)
        name = next(name for name in names if name not in named)
        named[name] = RayNode(node.id, name, node.address, node.gpus, node.cpus, node.accelerator)
    return list(named.values())


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"
