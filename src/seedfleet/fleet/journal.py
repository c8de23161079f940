"""The truth of a run: its events in order, one JSON line each, only ever appended to.

A line is `{"version", "sequence", "utc", "event", "chain"}`. `chain` is a SHA-256 over the line's
other fields and the line before, so that a changed, missing or moved line is noticed. A line
counts from the moment it is on disk with its line feed: what a crash leaves without one at the end
was never acted on, and is cut off when the next head opens the journal. Anything else that does not
check is damage, and refused.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any, Final, Self

from seedfleet.fleet import messages, outcome
from seedfleet.fleet._codec import Codec
from seedfleet.fleet.engines.base import Allocation, Ended, Gpu, Node, NodeDown, NodeUp
from seedfleet.fleet.errors import HeadLostError, JournalDamagedError
from seedfleet.fleet.node.layout import sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

__all__ = ["CODEC", "VERSION", "Journal", "JournalFollower"]

VERSION: Final = 5  # of the line format and of what `core.decide` makes of the events

CODEC: Final = Codec(
    (
        *(
            messages.Opened,
            messages.Published,
            messages.PublishFailed,
            messages.DrainAsked,
            messages.CancelAsked,
            messages.NodeLost,
            messages.Probation,
        ),
        *(Ended, Allocation, Node, NodeDown, NodeUp, Gpu, outcome.ProducedFile),
        *outcome.Outcome.__args__,
    )
)
_NO_LINE: Final = "0" * 64


class Journal:
    """The open journal of a run. Only the holder of the run's `WriterLock` may have one.

    Parameters
    ----------
    path
        Made if it does not exist; a torn last line is cut off.
    clock
        Gives the time in UTC for the lines.

    Raises
    ------
    JournalDamagedError
        If any complete line is not what was written.
    """

    def __init__(self, path: Path, clock: Callable[[], datetime]) -> None:
        self._path = path
        self._clock = clock
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            events, self._end, self._chain = _scan(path)
            os.ftruncate(self._descriptor, self._end)
            sync_folder(path.parent)
        except BaseException:
            os.close(self._descriptor)
            raise
        self.events: tuple[messages.Event, ...] = tuple(events)
        self._sequence = len(events)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def append(self, events: Sequence[messages.Event]) -> None:
        """Write events and return when they are on disk, all by one sync.

        Raises
        ------
        HeadLostError
            If the disk refuses. What was written of them is taken back as far as the disk allows,
            and counts as torn otherwise.
        """
        text, chain, sequence = b"", self._chain, self._sequence
        for event in events:
            line, chain = _line(CODEC.encode(event), sequence, self._clock().isoformat(), chain)
            text += line
            sequence += 1
        try:
            self._write(text)
            os.fsync(self._descriptor)
        except OSError as error:
            os.ftruncate(self._descriptor, self._end)
            raise HeadLostError(f"cannot write {self._path}: {error.strerror}") from error
        self._end += len(text)
        self._chain, self._sequence = chain, sequence

    def _write(self, text: bytes) -> None:
        done = 0
        while done < len(text):
            done += os.pwrite(self._descriptor, text[done:], self._end + done)


class JournalFollower:
    """Reads a journal that another process may be writing; changes nothing.

    Parameters
    ----------
    path
        The journal.

    Attributes
    ----------
    offset, chain
        The length in bytes of the complete lines read so far, and the chain value of the last.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines = 0
        self.offset = 0
        self.chain = _NO_LINE

    def read(self) -> list[tuple[str, messages.Event]]:
        """Read the complete lines that were added since the last call, with their times in UTC.

        Raises
        ------
        JournalDamagedError
            If any of them is not what was written, with its place.
        OSError
            If the file cannot be read.
        """
        found = []
        with self._path.open("rb") as stream:
            stream.seek(self.offset)
            for raw in stream:
                if not raw.endswith(b"\n"):
                    break
                try:
                    utc, event, self.chain = _check(raw, self._lines, self.chain)
                except (ValueError, RecursionError) as error:
                    line = self._lines + 1
                    raise JournalDamagedError(self._path, line, self.offset, str(error)) from error
                found.append((utc, event))
                self.offset += len(raw)
                self._lines += 1
        return found


def _line(event: Any, sequence: int, utc: str, chain: str) -> tuple[bytes, str]:
    body = {"version": VERSION, "sequence": sequence, "utc": utc, "event": event}
    chain = _digest(body, chain)
    return json.dumps(body | {"chain": chain}).encode() + b"\n", chain


def _digest(body: dict[str, Any], chain: str) -> str:
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256((chain + canonical).encode()).hexdigest()


def _scan(path: Path) -> tuple[list[messages.Event], int, str]:
    """Return the events, the length of the complete lines in bytes, and the last chain value."""
    follower = JournalFollower(path)
    events = [event for _, event in follower.read()]
    return events, follower.offset, follower.chain


def _check(raw: bytes, sequence: int, chain: str) -> tuple[str, messages.Event, str]:
    body = json.loads(raw)
    if not isinstance(body, dict) or not {"version", "event", "utc"} <= body.keys():
        raise ValueError("not a line of a journal")
    if body["version"] != VERSION:
        raise ValueError(f"written by version {body['version']}, this is version {VERSION}")
    expected, chain = _line(body["event"], sequence, body["utc"], chain)
    if raw != expected:
        raise ValueError("it was changed, or a line before it is missing")
    return body["utc"], CODEC.decode(body["event"]), chain
