"""What runs on a Ray node for one run: an actor that lends GPUs and carries an agent's bytes.

The keeper is a detached actor, so it outlives the head. For every attempt it has one Ray task whose
only work is to hold what Ray gave it, until the keeper says that the attempt has ended. The scripts
themselves run below an agent and its supervisors, as on any other node, in sessions of their own:
what Ray does to a worker does not reach them. Once no head speaks to it, a keeper stays for as long
as a supervisor lives whose GPUs it holds, and then goes.

This module is sent to the cluster as it stands, together with `node.locks`, so it uses nothing else
but the standard library and Ray.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import shutil
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from seedfleet.fleet.node.locks import is_held, owned_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Keeper", "own_environment"]

_PIECE_BYTES: Final = 1 << 20
_ANSWER_S: Final = 10.0  # a reader hears something at least so often
_ALONE_S: Final = 10.0  # without a head, before holds are looked at
_SILENT_S: Final = 120.0  # a link whose reader stays away so long is given up
_POLL_S: Final = 1.0
_RETRY_S: Final = 1.0
_WORDS_BYTES: Final = 4000
_CLOSE_S: Final = 2.0


@dataclass
class _Link:
    """An agent, and the file with what it says on standard error."""

    process: asyncio.subprocess.Process
    words: Path
    read_s: float = field(default_factory=time.monotonic)


@dataclass
class _Hold:
    """One attempt's share of this node: wanted, and then given until `freed`."""

    alive: Path
    given: asyncio.Future[list[str]]
    freed: asyncio.Event = field(default_factory=asyncio.Event)
    held: bool = False  # a task is connected that holds it

    def free(self) -> None:
        self.freed.set()
        if not self.given.done():
            self.given.set_result([])


class Keeper:
    """Holds the GPUs of a run's attempts on one node; an actor with methods that wait.

    Parameters
    ----------
    node_id
        Ray's id of the node that it runs on.
    """

    def __init__(self, node_id: str) -> None:
        self._node_id = node_id
        self._folder, self._owner = owned_folder("seedfleet-ray-")
        # A worker that serves GPU tasks only once, as Ray has it, costs a new process each.
        self._task: Any = ray.remote(max_calls=0, max_retries=0)(_hold)
        self._numbers = itertools.count(1)
        self._links: dict[int, _Link] = {}
        self._holds: dict[str, _Hold] = {}
        self._keeping: set[asyncio.Task[None]] = set()
        self._heard_s = time.monotonic()
        self._beginning = asyncio.Lock()
        self._server: asyncio.Server | None = None
        self._watch: asyncio.Task[None] | None = None

    # --- an agent ---

    async def dial(self, words: Sequence[str]) -> int:
        """Start an agent by the words after its interpreter; return its number."""
        await self._begin()
        number = next(self._numbers)
        said = self._folder / f"words-{number}"
        with said.open("wb") as stderr:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *words,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=stderr,
                env=own_environment(os.environ, _environment_of(os.getppid())),
                start_new_session=True,
            )
        self._links[number] = _Link(process, said)
        return number

    async def read(self, number: int) -> tuple[bytes, bool]:
        """Wait a while for what an agent says; return it, and whether it has hung up."""
        self._heard()
        link = self._links.get(number)
        if link is None or link.process.stdout is None:
            return b"", True
        link.read_s = time.monotonic()
        try:
            async with asyncio.timeout(_ANSWER_S):
                data = await link.process.stdout.read(_PIECE_BYTES)
        except TimeoutError:
            return b"", False
        link.read_s = time.monotonic()
        return data, not data

    async def write(self, number: int, data: bytes) -> bool:
        """Pass bytes on to an agent; say whether it still listens."""
        self._heard()
        link = self._links.get(number)
        if link is None or link.process.stdin is None:
            return False
        link.process.stdin.write(data)
        with contextlib.suppress(ConnectionError):
            await link.process.stdin.drain()
            return True
        return False

    async def hang_up(self, number: int) -> str:
        """Let an agent go and return its last words; supervisors go on."""
        self._heard()
        link = self._links.pop(number, None)
        if link is None:
            return ""
        if link.process.stdin is not None:
            link.process.stdin.close()
        try:
            async with asyncio.timeout(_CLOSE_S):
                await link.process.wait()
        except TimeoutError:
            link.process.kill()
            await link.process.wait()
        return link.words.read_bytes()[-_WORDS_BYTES:].decode("utf-8", "replace")

    # --- what Ray gives ---

    async def hold(self, token: str, *, gpus: int, cpus: float, alive: str) -> list[str]:
        """Wait until Ray gives what an attempt needs, and keep it; return the GPUs' ids.

        Parameters
        ----------
        token
            Of the attempt; what is held for it already is simply told again.
        gpus, cpus
            How much of them.
        alive
            The file that its supervisor locks while it lives.
        """
        await self._begin()
        known = self._holds.get(token)
        if known is None:
            given: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
            known = self._holds[token] = _Hold(Path(alive), given)
            keeping = asyncio.create_task(self._keep(token, known, gpus, cpus))
            self._keeping.add(keeping)
            keeping.add_done_callback(self._keeping.discard)
        return await asyncio.shield(known.given)

    async def free(self, tokens: Sequence[str]) -> None:
        """Give back what these attempts held or waited for."""
        self._heard()
        for token in tokens:
            hold = self._holds.pop(token, None)
            if hold is not None:
                hold.free()

    async def leave(self) -> None:
        """Say goodbye: what nobody uses any more is given back at once."""
        for number in list(self._links):
            await self.hang_up(number)
        self._heard_s = time.monotonic() - _ALONE_S
        self._look_after_holds()

    async def _keep(self, token: str, hold: _Hold, gpus: int, cpus: float) -> None:
        """Have a task hold it; where Ray loses the task's worker, have another one."""
        wanted = self._task.options(
            name=f"seedfleet {token}",
            num_gpus=gpus,
            num_cpus=cpus,
            scheduling_strategy=NodeAffinitySchedulingStrategy(self._node_id, soft=False),
        )
        while not hold.freed.is_set():
            holding = wanted.remote(str(self._door), token)
            freed = asyncio.ensure_future(hold.freed.wait())
            ended = asyncio.ensure_future(_ended(holding))
            await asyncio.wait({freed, ended}, return_when=asyncio.FIRST_COMPLETED)
            freed.cancel()
            if not (ended.done() or hold.held):
                ray.cancel(holding)  # it waits for its turn; one that holds is let go by `_serve`
            await ended
            if not hold.freed.is_set():
                await asyncio.sleep(_RETRY_S)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hear what a task was given, and keep it waiting until its attempt has ended."""
        with contextlib.suppress(ConnectionError, ValueError):
            said = json.loads(await reader.readline())
            hold = self._holds.get(said["token"])
            if hold is not None:
                if not hold.given.done():
                    hold.given.set_result(said["gpus"])
                hold.held = True
                gone = asyncio.ensure_future(reader.read())
                freed = asyncio.ensure_future(hold.freed.wait())
                await asyncio.wait({gone, freed}, return_when=asyncio.FIRST_COMPLETED)
                gone.cancel()
                freed.cancel()
                hold.held = False
        writer.close()

    # --- its own life ---

    @property
    def _door(self) -> Path:
        return self._folder / "door"

    def _heard(self) -> None:
        self._heard_s = time.monotonic()

    async def _begin(self) -> None:
        self._heard()
        async with self._beginning:
            if self._watch is None:
                # The door first: where it cannot be opened, the next call has to try again, since
                # without it a hold would wait for ever.
                self._server = await asyncio.start_unix_server(self._serve, self._door)
                self._watch = asyncio.create_task(self._look_around())

    async def _look_around(self) -> None:
        while True:
            await asyncio.sleep(_POLL_S)
            for number, link in list(self._links.items()):
                if time.monotonic() - link.read_s > _SILENT_S:
                    await self.hang_up(number)
            self._look_after_holds()

    def _look_after_holds(self) -> None:
        if self._links or time.monotonic() - self._heard_s < _ALONE_S:
            return
        for token, hold in list(self._holds.items()):
            if not is_held(hold.alive):
                hold.free()
                del self._holds[token]
        if not self._holds:
            shutil.rmtree(self._folder, ignore_errors=True)
            ray.kill(ray.get_runtime_context().current_actor)


def own_environment(worker: Mapping[str, str], raylet: Mapping[str, str]) -> dict[str, str]:
    """Return a worker's environment without what Ray has put into it.

    Parameters
    ----------
    worker
        As it is now.
    raylet
        That of the process which started the worker: what the node's owner gave it. Empty where it
        cannot be read; then only what bears Ray's name is left out.
    """
    own = {name: value for name, value in worker.items() if not name.startswith("RAY_")}
    if not raylet:
        return own
    return {name: value for name, value in own.items() if raylet.get(name) == value}


def _environment_of(pid: int) -> dict[str, str]:
    try:
        entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return {}
    pairs = (entry.partition(b"=") for entry in entries if b"=" in entry)
    return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs}


def _hold(door: str, token: str) -> None:
    """Hold what Ray gave to this task until the keeper closes the connection, or dies."""
    gpus = ray.get_runtime_context().get_accelerator_ids().get("GPU", [])
    said = json.dumps({"token": token, "gpus": [str(gpu) for gpu in gpus]})
    # Nothing of Ray's to wait for: while a task waits for that, Ray lends its CPUs to others.
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(door)
        connection.sendall(said.encode() + b"\n")
        connection.recv(1)


async def _ended(holding: Any) -> None:
    """Wait for a task, however it ends."""
    with contextlib.suppress(ray.exceptions.RayError):
        await holding
