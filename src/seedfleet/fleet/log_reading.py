"""What a script has printed: on the head when its attempt has ended, on its node until then."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seedfleet.fleet.node.layout import AttemptFolder

__all__ = ["AttemptLogs", "FolderLogs", "LogPart", "LogReader", "NodeLogs", "Stream"]

_PART_BYTES = 1 << 20

Stream = Literal["stdout", "stderr"]


@dataclass(frozen=True, slots=True)
class LogPart:
    """A part of a log.

    Parameters
    ----------
    data
        From the offset that was asked for; empty if nothing more has been written.
    size_bytes
        Of the whole log at this moment.
    ended
        True when nothing more will be written.
    """

    data: bytes
    size_bytes: int
    ended: bool


class LogReader(Protocol):
    """Reads the logs of one attempt, wherever they are."""

    async def read(self, stream: Stream, offset: int) -> LogPart:
        """Read on from an offset in bytes, about a megabyte at a time.

        Raises
        ------
        OSError
            If the log cannot be read; `FileNotFoundError` if it is not, or no longer, there.
        """


class FolderLogs:
    """Implements `LogReader` over an attempt's folder on a disk that this process sees.

    Parameters
    ----------
    folder
        The attempt's, on the head or on this machine as a node.
    """

    def __init__(self, folder: AttemptFolder) -> None:
        self._folder = folder

    async def read(self, stream: Stream, offset: int) -> LogPart:
        """Read on from an offset in bytes."""
        # Asked first: what was written before the status is then in what is read.
        ended = self._folder.status.exists()
        path = self._folder.stdout if stream == "stdout" else self._folder.stderr
        if not path.exists() and self._folder.path.exists():
            return LogPart(b"", 0, ended=ended)  # its script has not been started, or never was
        with path.open("rb") as log:
            log.seek(offset)
            return LogPart(log.read(_PART_BYTES), os.fstat(log.fileno()).st_size, ended)


class AttemptLogs:
    """Implements `LogReader` over an attempt that may end, and leave its node, while it is read.

    Parameters
    ----------
    head
        The head's copy of the attempt's folder, complete once it holds a status.
    live
        Where the logs are until then.
    """

    def __init__(self, head: AttemptFolder, live: LogReader) -> None:
        self._head = head
        self._live = live

    async def read(self, stream: Stream, offset: int) -> LogPart:
        """Read on from an offset in bytes; a log that is nowhere is being moved, and is empty."""
        if not self._head.status.exists():
            try:
                return await self._live.read(stream, offset)
            except FileNotFoundError:
                if not self._head.status.exists():
                    return LogPart(b"", 0, ended=False)
        return await FolderLogs(self._head).read(stream, offset)


class _Link(Protocol):
    async def ask(self, question: str, **fields: Any) -> Mapping[str, Any]: ...


class NodeLogs:
    """Implements `LogReader` by asking the agent of a node.

    Parameters
    ----------
    link
        An open connection, such as `engines.link.NodeLink`.
    run_id, job_id, attempt
        Which attempt.
    """

    def __init__(self, link: _Link, run_id: str, job_id: str, *, attempt: int) -> None:
        self._link = link
        self._which = {"run_id": run_id, "job_id": job_id, "attempt": attempt}

    async def read(self, stream: Stream, offset: int) -> LogPart:
        """Read on from an offset in bytes."""
        reply = await self._link.ask("read_log", stream=stream, offset=offset, **self._which)
        answer = reply["answer"]
        if not answer["exists"]:
            raise FileNotFoundError("the attempt has left its node, or is just coming there")
        return LogPart(reply["body"], int(answer["size_bytes"]), bool(answer["ended"]))
