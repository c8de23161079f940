"""From an attempt's folder on a node to the head's copy of it.

Every step can be repeated after a crash or a broken connection, and `status.json` comes last: where
it stands, all that it speaks of has arrived and was checked. It is on the disk for good after
`make_durable`, which many attempts share; until then the node keeps its own. The head decides the
name of every file that is written here; a node only fills them.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import stat
import time
from typing import TYPE_CHECKING, Any, Final

from seedfleet.fleet.engines._status import checked_status, ended_by
from seedfleet.fleet.node.fetching import LOG_LIMIT_BYTES
from seedfleet.fleet.node.layout import AttemptFolder, sync_file, sync_folder, write_atomically
from seedfleet.fleet.node.outputs import digest, hand_over_previous, move

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from seedfleet.fleet.engines.base import Attempt, Ended

__all__ = ["Arrival", "Source", "delivered", "make_durable", "reads", "write_nonce"]

_LATE_S: Final = (0.2, 0.5, 1.0, 2.0)  # network disks show another machine's files a little late
_NONCE_BYTES: Final = 64


class Source:
    """Where the head finds what an attempt has left, if its files do not come by themselves.

    Parameters
    ----------
    folder
        The attempt's folder on the node, if the head sees it; None if its files are carried.
    outputs
        The outputs in that folder, in the order declared.
    places
        Where outputs that were written in place stand; None if they have to be brought.
    """

    def __init__(
        self,
        folder: AttemptFolder | None,
        outputs: Sequence[Path],
        places: Sequence[Path] | None,
    ) -> None:
        self.folder = folder
        self.outputs = tuple(outputs)
        self.places = None if places is None else tuple(places)


class Arrival:
    """An attempt that has ended and whose files are coming to the head.

    Parameters
    ----------
    header
        Of the `ended` frame: the status, and the files that follow as `[name, size in bytes]`.
    attempt
        Which.
    head
        The attempt's folder here.
    source
        Where the files are that do not follow.

    Raises
    ------
    ValueError
        If the header is not about this attempt.
    OSError
        If the head's disk refuses.
    """

    def __init__(
        self, header: Mapping[str, Any], attempt: Attempt, *, head: AttemptFolder, source: Source
    ) -> None:
        self._attempt = attempt
        self._head = head
        self._source = source
        self._status = checked_status(header.get("status"), attempt)
        self._left = self._expected(header.get("files"))
        head.outputs.mkdir(parents=True, exist_ok=True)
        for name in self._left:  # of a try that was cut short
            (head.path / name).unlink(missing_ok=True)

    def take(self, header: Mapping[str, Any], body: bytes) -> bool:
        """Take a frame's content, and say whether it was the last.

        Raises
        ------
        ValueError
            If it is not what was announced.
        OSError
            If the head's disk refuses.
        """
        if header["op"] == "file":
            self._append(str(header.get("name")), body)
        elif header["op"] == "ended" and header.get("complete") is True:
            start = 0
            for name, size in list(self._left.items()):
                self._append(name, body[start : start + size])
                start += size
        return header["op"] == "complete" or header.get("complete") is True

    def finish(self, node: str) -> Ended:
        """Check what has come, write the status, and return how the attempt ended.

        Raises
        ------
        OSError
            If the head's disk refuses.
        """
        status, folder = self._status, self._source.folder
        if folder is not None:
            _copy_tail(folder.stdout, self._head.stdout)
            _copy_tail(folder.stderr, self._head.stderr)
        changed = [
            output["declared"]
            for number, output in enumerate(status.get("outputs", ()))
            if not self._has_come(number, output)
        ]
        if changed:
            # In place somebody else writes there now, so nothing is put back over it.
            problem = "changed after it was checked: " + ", ".join(changed)
            if folder is not None and self._source.places is not None:
                problem += f"; what stood there before is kept in {folder.previous}"
            status = {**status, "outcome": "output_invalid", "paths": changed, "problem": problem}
        for log in (self._head.stdout, self._head.stderr):
            log.touch()
        if folder is not None and status["outcome"] == "succeeded":
            # It has not succeeded before its outputs are published: until then the head keeps
            # what stood at their paths.
            hand_over_previous(folder, self._head)
        write_atomically(self._head.status, json.dumps(status).encode(), durable=False)
        return ended_by(status, self._attempt, node)

    def _expected(self, files: object) -> dict[str, int]:
        """Check what is announced against what may come; return the bytes to come by name."""
        names = ["stdout.log", "stderr.log"]
        most = dict.fromkeys(names, LOG_LIMIT_BYTES)
        if self._source.places is None:
            for number, output in enumerate(self._status.get("outputs", ())):
                most[f"outputs/{number}"] = output["size_bytes"]
        if self._source.folder is not None:
            most = {}
        announced = {str(name): size for name, size in files} if isinstance(files, list) else {}
        if announced.keys() != most.keys():
            raise ValueError(f"files that nobody asked for: {sorted(announced)[:5]}")
        for name, size in announced.items():
            if not (isinstance(size, int) and 0 <= size <= most[name]):
                raise ValueError(f"{name} would have {size} bytes")
        return announced

    def _append(self, name: str, data: bytes) -> None:
        if len(data) > self._left.get(name, -1):
            raise ValueError(f"more of {name[:80]} than was announced")
        self._left[name] -= len(data)
        if data:
            with (self._head.path / name).open("ab") as stream:
                stream.write(data)

    def _has_come(self, number: int, output: Mapping[str, Any]) -> bool:
        if self._source.places is not None:
            return _reads_late(self._source.places[number], output["sha256"])
        place = self._head.outputs / str(number)
        if self._source.folder is not None and os.path.lexists(self._source.outputs[number]):
            move(self._source.outputs[number], place)
        return _has_digest(place, output["sha256"])


def delivered(attempt: Attempt, node: str, head: AttemptFolder) -> Ended | None:
    """Read the head's copy of an attempt's status as an event; None if there is none.

    One that a power cut has torn is removed, so that the node is asked again.
    """
    try:
        status = checked_status(json.loads(head.status.read_bytes()), attempt)
    except FileNotFoundError:
        return None
    except ValueError:
        head.status.unlink(missing_ok=True)
        return None
    return ended_by(status, attempt, node)


def make_durable(heads: Iterable[AttemptFolder]) -> None:
    """Bring what has arrived in these folders to the disk; one wait for all where that can be.

    Raises
    ------
    OSError
        If the disk refuses.
    """
    sync = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    for head in heads:
        if sync is None:
            _sync_all(head)
            continue
        descriptor = os.open(head.path, os.O_RDONLY)
        try:
            if sync(descriptor) != 0:
                raise OSError(ctypes.get_errno(), "cannot sync", str(head.path))
        finally:
            os.close(descriptor)
        return  # all folders of a run are on one disk


def _sync_all(head: AttemptFolder) -> None:
    for folder in (head.outputs, head.path):
        for path in folder.iterdir() if folder.exists() else ():
            if path.is_file() and not path.is_symlink():
                sync_file(path)
        sync_folder(folder)


def write_nonce(path: Path, nonce: str) -> bool:
    """Leave a nonce for a node to look for; say whether that could be done."""
    try:
        path.write_text(nonce)
        sync_file(path)
    except OSError:
        return False
    return True


def reads(path: Path, nonce: str) -> bool:
    """Tell whether the head's nonce, that a node has written, is seen here."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return False
        with path.open("rb") as stream:
            return stream.read(_NONCE_BYTES) == nonce.encode()
    except OSError:
        return False


def _has_digest(path: Path, sha256: str) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode) and digest(path) == sha256
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
