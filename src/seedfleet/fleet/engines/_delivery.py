"""From an attempt's folder on a node to the head's copy of it.

Every step can be repeated after a crash or a broken connection, and `status.json` comes last: where
it stands, all that it speaks of has arrived and was checked.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from seedfleet.fleet.engines.base import Attempt, Ended
from seedfleet.fleet.node.fetching import LOG_LIMIT_BYTES
from seedfleet.fleet.node.layout import AttemptFolder, sync_file, write_atomically
from seedfleet.fleet.node.outputs import digest, hand_over_previous, move
from seedfleet.fleet.outcome import (
    Cancelled,
    Failed,
    FailedToStart,
    Lost,
    Outcome,
    OutputEmpty,
    OutputInvalid,
    OutputMissing,
    ProducedFile,
    Succeeded,
    TimedOut,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Arrival", "delivered", "reads", "write_nonce", "write_status"]

_LATE_S: Final = (0.2, 0.5, 1.0, 2.0)  # network disks show another machine's files a little late


class Arrival:
    """An attempt that has ended and whose files are coming to the head.

    Parameters
    ----------
    header
        Of the `ended` frame: the status, and the files that follow as `[name, size in bytes]`.
    head, node
        The attempt's folder here and on the node. Where no files follow, the head sees the node's
        folder and takes them itself.
    places
        Where outputs that were written in place stand; None if they have to be brought.
    """

    def __init__(
        self,
        header: Mapping[str, Any],
        *,
        head: AttemptFolder,
        node: AttemptFolder,
        places: Sequence[Path] | None,
    ) -> None:
        self._status: Mapping[str, Any] = header["status"]
        self._files: list[tuple[str, int]] = [(name, size) for name, size in header["files"]]
        self._head = head
        self._node = node
        self._places = places
        head.outputs.mkdir(parents=True, exist_ok=True)
        if not header["complete"]:
            for name, _ in self._files:
                (head.path / name).write_bytes(b"")

    def take(self, header: Mapping[str, Any], body: bytes) -> bool:
        """Take a frame's content, and say whether it was the last.

        Raises
        ------
        OSError
            If the head's disk refuses.
        """
        if header["op"] == "file":
            self._append(header["name"], body)
        elif header["op"] == "ended" and header["complete"]:
            start = 0
            for name, size in self._files:
                (self._head.path / name).write_bytes(body[start : start + size])
                start += size
        return bool(header["op"] == "complete" or header.get("complete"))

    def finish(self, attempt: Attempt, node: str) -> Ended:
        """Check what has come, write the status, and return how the attempt ended.

        Raises
        ------
        OSError
            If the head's disk refuses.
        """
        if self._head.status.exists():  # taken in before, by an earlier head or another engine
            return delivered(attempt, node, self._head)
        status = self._status
        if not self._files and self._node.path.exists():
            for source, target in (
                (self._node.stdout, self._head.stdout),
                (self._node.stderr, self._head.stderr),
            ):
                _copy_tail(source, target)
        changed = [
            output["declared"]
            for number, output in enumerate(status.get("outputs", ()))
            if not self._has_come(number, output)
        ]
        if changed:
            # In place somebody else writes there now, so nothing is put back over it.
            problem = "changed after it was checked: " + ", ".join(changed)
            if self._places is not None:
                problem += f"; what stood there before is kept in {self._node.previous}"
            status = {**status, "outcome": "output_invalid", "paths": changed, "problem": problem}
        write_status(status, self._head)
        if not self._files and status["outcome"] == "succeeded":
            # It has not succeeded before its outputs are published: until then the head keeps
            # what stood at their paths.
            hand_over_previous(self._node, self._head)
        return _ended(status, attempt, node)

    def _append(self, name: str, data: bytes) -> None:
        if data:
            with (self._head.path / name).open("ab") as stream:
                stream.write(data)

    def _has_come(self, number: int, output: Mapping[str, Any]) -> bool:
        if self._places is not None:
            return _reads_late(self._places[number], output["sha256"])
        place, source = self._head.outputs / str(number), Path(output["path"])
        if not self._files and os.path.lexists(source):
            move(source, place)
        return _has_digest(place, output["sha256"])


def delivered(attempt: Attempt, node: str, head: AttemptFolder) -> Ended:
    """Read the head's copy of an attempt's status as an event."""
    return _ended(json.loads(head.status.read_bytes()), attempt, node)


def write_status(status: Mapping[str, Any], head: AttemptFolder) -> None:
    """Write the head's copy of a status, with logs beside it, however empty.

    Raises
    ------
    OSError
        If the head's disk refuses.
    """
    head.outputs.mkdir(parents=True, exist_ok=True)
    for log in (head.stdout, head.stderr):
        if not log.exists():
            log.touch()
    # Not durable: the journal is, and publishing checks every digest once more.
    write_atomically(head.status, json.dumps(status).encode(), durable=False)


def write_nonce(path: Path, nonce: str) -> None:
    """Leave a nonce for a node to look for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nonce)
    sync_file(path)


def reads(path: str, nonce: str) -> bool:
    """Tell whether a node's nonce is seen here."""
    try:
        return Path(path).read_text() == nonce
    except (OSError, ValueError):
        return False


def _ended(status: Mapping[str, Any], attempt: Attempt, node: str) -> Ended:
    return Ended(
        job_id=attempt.job.job_id,
        attempt=attempt.number,
        outcome=_outcome(status, attempt, node),
        started_utc=status.get("started_utc"),
        ended_utc=status.get("ended_utc"),
        run_s=status.get("run_s", 0.0),
        exit_code=status.get("exit_code"),
        detail=status.get("problem", ""),
        stderr_tail=status.get("stderr_tail", ""),
        node_fault=status.get("node_fault", False),
    )


def _has_digest(path: Path, sha256: str) -> bool:
    try:
        return digest(path) == sha256
    except OSError:
        return False


def _reads_late(path: Path, sha256: str) -> bool:
    for pause_s in _LATE_S:
        if _has_digest(path, sha256):
            return True
        time.sleep(pause_s)
    return _has_digest(path, sha256)


def _copy_tail(source: Path, target: Path) -> None:
    if not source.exists():  # the script never ran
        return
    with source.open("rb") as log, target.open("wb") as copy:
        log.seek(max(0, source.stat().st_size - LOG_LIMIT_BYTES))
        shutil.copyfileobj(log, copy)


def _outcome(status: Mapping[str, Any], attempt: Attempt, node: str) -> Outcome:
    problem, paths = status.get("problem", ""), tuple(status.get("paths", ()))
    by_name: dict[str, Callable[[], Outcome]] = {
        "succeeded": lambda: Succeeded(
            tuple(
                ProducedFile(output["declared"], output["size_bytes"], output["sha256"])
                for output in status["outputs"]
            )
        ),
        "failed": lambda: Failed(status["exit_code"], status["signal"]),
        "timed_out": lambda: TimedOut(attempt.job.timeout_s),
        "output_missing": lambda: OutputMissing(paths),
        "output_empty": lambda: OutputEmpty(paths),
        "output_invalid": lambda: OutputInvalid(paths, problem),
        "failed_to_start": lambda: FailedToStart(problem),
        "cancelled": Cancelled,
        "lost": lambda: Lost(node, problem),
    }
    return by_name[status["outcome"]]()
