"""The connection of a head with the agent on one node.

A link is one child process, `ssh` or an interpreter on this machine, whose standard input and
output carry frames, or whatever else an engine has that behaves like one. It starts the agent, asks
it questions and passes on what the agent says by itself. It knows nothing of attempts.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from seedfleet.fleet.engines import _boot
from seedfleet.fleet.engines._channel import Words
from seedfleet.fleet.engines._ways import NodeContactError, RefusedError, Way, translate, ways_to
from seedfleet.fleet.node.frames import BrokenFramesError, Unpacker, pack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from seedfleet.fleet.cluster import NodeConfig
    from seedfleet.fleet.engines._channel import Channel
    from seedfleet.fleet.node.frames import Frame

__all__ = ["NodeContactError", "NodeLink", "RefusedError", "Timeouts"]

_READ_BYTES: Final = 1 << 18
_KEPT_NOISE_BYTES: Final = 8000  # of what a login prints before the agent speaks
_CLOSE_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long each step of a contact may take.

    Parameters
    ----------
    connect_s
        Until the network connection stands.
    start_s
        Until the agent has said what it found: login, noisy shells and slow drivers included.
    silent_s
        Without a word from an agent that is asked for one; then the connection counts as dead.
    """

    connect_s: float = 20.0
    start_s: float = 90.0
    silent_s: float = 45.0


class NodeLink:
    """An open connection; made by `connect`.

    Parameters
    ----------
    process
        Speaks frames on its streams, the agent having said that it is loaded.
    unpacker
        Holds what has come of the next frame.
    words
        Collects what the process says on its standard error.

    Attributes
    ----------
    hello
        What the agent found on its node; see `seedfleet.fleet.node.facts`.
    """

    def __init__(self, process: Channel, unpacker: Unpacker, words: Words) -> None:
        self._process = process
        self._unpacker = unpacker
        self._words = words
        self._ids = itertools.count(1)
        self._asked: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._early: list[Frame] = []
        self._broken = ""  # why nothing comes any more
        self._heard_s = time.monotonic()
        self._noise = ""  # what a login that came to nothing has printed
        self._reader: asyncio.Task[None] | None = None
        self._inbox: asyncio.Queue[list[Frame] | None] = asyncio.Queue(maxsize=64)
        self.hello: Mapping[str, Any] = {}

    @classmethod
    async def connect(
        cls,
        config: NodeConfig,
        *,
        ssh_command: Sequence[str] = ("ssh",),
        timeouts: Timeouts | None = None,
        wishes: Mapping[str, Any] | None = None,
    ) -> Self:
        """Start an agent on a node.

        Parameters
        ----------
        config
            Of the node; this machine needs no ssh.
        ssh_command
            The OpenSSH client and options that come before all others.
        timeouts
            None is `Timeouts()`.
        wishes
            For the agent, beside what `config` says; see `seedfleet.fleet.node.facts.look_around`.

        Raises
        ------
        NodeContactError
            If the node cannot be used, with what to do about it.
        """
        timeouts = timeouts or Timeouts()
        problem = NodeContactError("there is no way to it")
        for way in ways_to(config, ssh_command, timeouts.connect_s):
            try:
                async with asyncio.timeout(timeouts.start_s):
                    link = await cls._start(way)
            except TimeoutError:
                text = f"no agent came up within {timeouts.start_s:g} s"
                raise NodeContactError(text) from None
            except NodeContactError as error:
                problem = error
                if not error.other_python:
                    raise
                continue
            await link.open_within(timeouts.start_s, config, wishes or {})
            return link
        raise problem

    @classmethod
    async def dialled(
        cls,
        config: NodeConfig,
        dial: Callable[[NodeConfig, Sequence[str]], Awaitable[Channel]],
        *,
        timeouts: Timeouts,
        wishes: Mapping[str, Any],
    ) -> Self:
        """Start an agent on a node that neither this machine nor `ssh` leads to.

        `dial` starts a Python interpreter there with these words after its name; all else is as in
        `connect`.
        """
        word = secrets.token_hex(12)
        way = Way((), "", "python3")
        try:
            async with asyncio.timeout(timeouts.start_s):
                channel = await dial(config, way.command(word)[1:])
                link = await cls._load(channel, way, word)
        except TimeoutError:
            text = f"no agent came up within {timeouts.start_s:g} s"
            raise NodeContactError(text) from None
        await link.open_within(timeouts.start_s, config, wishes)
        return link

    @classmethod
    async def _start(cls, way: Way) -> Self:
        word = secrets.token_hex(12)
        try:
            process = await asyncio.create_subprocess_exec(
                *way.command(word),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                # Ctrl-C on the head's terminal must not end the connections that draining needs.
                start_new_session=True,
                limit=_READ_BYTES,
            )
        except OSError as error:
            text = f"cannot run {way.command(word)[0]}: {error.strerror}"
            raise NodeContactError(text, for_good=True) from error
        return await cls._load(process, way, word)

    @classmethod
    async def _load(cls, process: Channel, way: Way, word: str) -> Self:
        link = cls(process, Unpacker(), Words(process))
        try:
            said = await link._wait_word(word)
            await link._check_word(way, said)
            link._write(_boot.payload())
        except BaseException:
            await link.close()
            raise
        return link

    async def _wait_word(self, word: str) -> tuple[str, str] | None:
        """Skip noise until the boot line speaks; None is the end of the channel."""
        wanted, seen = word.encode() + b" ", b""
        while True:
            data = await self._stdout().read(_READ_BYTES)
            if not data:
                self._noise = seen.decode("utf-8", "replace")
                return None
            seen += data
            at = seen.find(wanted)
            end = seen.find(b"\n", at)
            if at >= 0 and end >= 0:
                state, _, version = seen[at + len(wanted) : end].decode("ascii").partition(" ")
                # Nothing may follow yet: the agent waits for what we send now.
                return state, version.strip()
            seen = seen[-_KEPT_NOISE_BYTES:]

    async def _check_word(self, way: Way, said: tuple[str, str] | None) -> None:
        if said is None:
            status = await self._process.wait()
            raise translate(way, status, self._noise + await self._words.all())
        state, version = said
        if state == _boot.TOO_OLD:
            oldest = "{}.{}".format(*_boot.OLDEST_PYTHON)
            raise NodeContactError(
                f"{way.python} is Python {version}, at least {oldest} is needed; "
                "python_env can name another",
                for_good=True,
                other_python=True,
            )

    async def open_within(
        self, start_s: float, config: NodeConfig, wishes: Mapping[str, Any]
    ) -> None:
        """Tell the agent what is configured and hear what it finds; `connect` does it, once."""
        try:
            async with asyncio.timeout(start_s):
                await self._open(config, wishes)
        except TimeoutError as error:
            await self.close()
            text = f"its agent did not answer within {start_s:g} s"
            raise NodeContactError(text) from error
        except BaseException:
            await self.close()
            raise

    async def _open(self, config: NodeConfig, wishes: Mapping[str, Any]) -> None:
        frames = (await self._next_frames())[1:]  # the first one says that it is loaded
        wanted: dict[str, Any] = {"home": None, "locks": None, "slots": config.cpu_slots}
        # On this machine scripts run with the interpreter that runs the head.
        python = config.python_env or (sys.executable if config.is_local else None)
        wanted |= {"root": config.script_path, "python": python}
        self.post({"op": "open", **wanted, **wishes})
        while not frames:
            frames = await self._next_frames()
        self.hello = frames[0][0]
        self._early = frames[1:]
        self._reader = asyncio.create_task(self._read(), name="link")

    # --- speaking ---

    def post(self, header: dict[str, Any]) -> None:
        """Send a frame without waiting; what a broken connection does not take is lost."""
        self._write(pack(header))

    async def ask(
        self, question: str, body: bytes = b"", *, within_s: float | None = None, **fields: Any
    ) -> dict[str, Any]:
        """Ask the agent one of the questions of `seedfleet.fleet.node.answers`.

        Parameters
        ----------
        question, body, fields
            As the question wants them.
        within_s
            Seconds to wait; None is as long as the connection lasts.

        Returns
        -------
        dict
            `answer`, and `body` with the raw bytes that came with it.

        Raises
        ------
        NodeContactError
            If the connection ends before there is an answer, or there is none in time.
        RefusedError
            If the node cannot do it.
        """
        if self._broken:
            raise NodeContactError(self._broken)
        number = next(self._ids)
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._asked[number] = future
        try:
            async with asyncio.timeout(within_s):
                self._write(pack({"op": "ask", "id": number, "question": question, **fields}, body))
                await self._written()
                reply = await future
        except TimeoutError as error:
            raise NodeContactError(f"no answer within {within_s:g} s") from error
        finally:
            self._asked.pop(number, None)
        if "problem" in reply:
            raise RefusedError(str(reply["problem"]))
        return reply

    def quiet_s(self) -> float:
        """Return the seconds since the node said anything."""
        return time.monotonic() - self._heard_s

    async def heard(self) -> AsyncIterator[list[Frame]]:
        """Give what the agent says by itself, several frames at once; ends with the connection."""
        while (frames := await self._inbox.get()) is not None:
            yield frames

    async def close(self) -> None:
        """End the connection; supervisors go on."""
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
        self._break("the connection was closed")
        stdin = self._process.stdin
        if stdin is not None:
            stdin.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await self._drain()
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        await self._words.all()

    def last_words(self) -> str:
        """Return the last line that the connection's process said, for people."""
        return self._words.last_line()

    # --- listening ---

    def _stdout(self) -> asyncio.StreamReader:
        if self._process.stdout is None:
            raise RuntimeError("the process has no pipe")
        return self._process.stdout

    async def _drain(self) -> None:
        """Read to the end, so that a process that still wants to say something can end."""
        while await self._stdout().read(_READ_BYTES):
            pass
        await self._process.wait()

    def _write(self, data: bytes) -> None:
        stdin = self._process.stdin
        if stdin is not None and not stdin.is_closing():
            stdin.write(data)

    async def _written(self) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(ConnectionError):
                await self._process.stdin.drain()

    async def _next_frames(self) -> list[Frame]:
        """Wait for frames.

        Raises
        ------
        NodeContactError
            At the end of the channel, or where something else than frames comes.
        """
        while True:
            data = await self._stdout().read(_READ_BYTES)
            self._heard_s = time.monotonic()
            if not data:
                said = self.last_words() or "no reason given"
                raise NodeContactError(f"the connection ended: {said}")
            try:
                frames = self._unpacker.feed(data)
            except BrokenFramesError as error:
                text = f"its agent does not speak plainly: {error}"
                raise NodeContactError(text) from error
            if frames:
                return frames

    async def _read(self) -> None:
        frames = self._early
        try:
            while True:
                spoken = [frame for frame in frames if not self._is_answer(frame)]
                if spoken:
                    await self._inbox.put(spoken)
                frames = await self._next_frames()
        except NodeContactError as error:
            self._break(error.problem)
            await self._inbox.put(None)  # after all that came before

    def _is_answer(self, frame: Frame) -> bool:
        header, body = frame
        if header.get("op") != "answer":
            return False
        number = header.get("id")
        future = self._asked.get(number) if isinstance(number, int) else None
        if future is not None and not future.done():
            future.set_result({"answer": None, **header, "body": body})
        return True

    def _break(self, problem: str) -> None:
        self._broken = self._broken or problem
        for future in self._asked.values():
            if not future.done():
                future.set_exception(NodeContactError(problem))
