"""A way to an agent and back, whatever it is made of."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final, Protocol

__all__ = ["Channel", "Words"]

_KEPT_WORDS_BYTES: Final = 8000
_LAST_WORDS_S: Final = 2.0


class Channel(Protocol):
    """A way to an agent and back: a process, or what behaves like one."""

    @property
    def stdin(self) -> asyncio.StreamWriter | None:
        """Goes to the agent; where it is closed, the agent ends."""

    @property
    def stdout(self) -> asyncio.StreamReader | None:
        """What the agent says."""

    @property
    def stderr(self) -> asyncio.StreamReader | None:
        """What is said for people."""

    @property
    def returncode(self) -> int | None:
        """None as long as the channel is there."""

    async def wait(self) -> int:
        """Wait for its end."""

    def kill(self) -> None:
        """End it now."""


class Words:
    """What a channel says for people: the end of it.

    Parameters
    ----------
    channel
        Read to its end, in the background.
    """

    def __init__(self, channel: Channel) -> None:
        self._kept = b""
        self._task = asyncio.create_task(self._collect(channel), name="link-words")

    async def _collect(self, channel: Channel) -> None:
        while channel.stderr is not None and (data := await channel.stderr.read(_KEPT_WORDS_BYTES)):
            self._kept = (self._kept + data)[-_KEPT_WORDS_BYTES:]

    async def all(self) -> str:
        """Wait a moment for the last words and return what is kept of all."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._task, _LAST_WORDS_S)
        return self._kept.decode("utf-8", "replace")

    def last_line(self) -> str:
        """Return the last line so far."""
        lines = self._kept.decode("utf-8", "replace").strip().splitlines()
        return lines[-1].strip() if lines else ""
