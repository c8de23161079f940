"""One writer for a run's folder, also when several hosts share the disk.

On one host the kernel's `flock` decides, and frees the lock when the head dies, however it dies.
Some network disks keep `flock` to one host, so the file also names its holder and is touched every
few seconds; another host takes it over only when it has been quiet for long, by the disk's own
clock, and looks again after a moment whether it really has it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from seedfleet.fleet.errors import HeadLostError, RunHeldError
from seedfleet.fleet.node.shared_lease import has_ended, quiet_s, whereabouts

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["HEARTBEAT_S", "Holder", "WriterLock", "read_holder"]

HEARTBEAT_S: Final = 5.0
_QUIET_S: Final = 60.0  # twelve missed heartbeats
_SETTLE_S: Final = 1.0
_PATIENCE_S: Final = 5.0
_RETRY_S: Final = 0.02


class WriterLock:
    """The right to write a run's journal, held until `release` or the process's death.

    Parameters
    ----------
    path
        The lock file; its folder exists. The file stays when the lock is released.

    Raises
    ------
    RunHeldError
        If another head has it, with that head's pid and host.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._name = secrets.token_hex(8)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._acquire()
        except BaseException:
            os.close(self._descriptor)
            raise

    @property
    def name(self) -> str:
        """What this head is called, and no other head before or after it."""
        return self._name

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def beat(self) -> None:
        """Show that this head lives; to be called every `HEARTBEAT_S` seconds.

        Raises
        ------
        HeadLostError
            If another head has taken the run over meanwhile.
        """
        self.check()
        holder = self._read()
        if holder.get("name") != self._name:
            pid, host = holder.get("pid"), holder.get("host")
            raise HeadLostError(f"{self._path} was taken over by process {pid} on {host}")
        self._write()

    def check(self) -> None:
        """Make sure that the file is still the one that this head has locked; cheap.

        Raises
        ------
        HeadLostError
            If it was removed or replaced, so that another head may have come in.
        """
        if not self._is_named():
            raise HeadLostError(f"{self._path} was removed or replaced while this head had it")

    def release(self) -> None:
        """Let go; may be repeated."""
        if self._descriptor >= 0:
            if self._read().get("name") == self._name:
                os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1

    def _is_named(self) -> bool:
        ours = os.fstat(self._descriptor)
        try:
            named = self._path.lstat()
        except FileNotFoundError:
            return False
        return (named.st_ino, named.st_dev) == (ours.st_ino, ours.st_dev)

    def _acquire(self) -> None:
        self._take_flock()
        if not self._is_named():
            raise RunHeldError(self._path.parent, None, None)
        holder = self._read()
        elsewhere = bool(holder) and holder.get("host") != socket.gethostname()
        if elsewhere and quiet_s(self._path) < _QUIET_S:
            raise self._held(holder)
        self._write()
        if elsewhere:
            time.sleep(_SETTLE_S)
            holder = self._read()
            if holder.get("name") != self._name:
                raise self._held(holder)

    def _take_flock(self) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                holder = self._read()
                # A head killed while it forked leaves a child that holds the lock until its exec.
                if not has_ended(holder) or time.monotonic() > deadline:
                    raise self._held(holder) from error
                time.sleep(_RETRY_S)
            else:
                return

    def _held(self, holder: dict[str, Any]) -> RunHeldError:
        return RunHeldError(self._path.parent, holder.get("pid"), holder.get("host"))

    def _read(self) -> dict[str, Any]:
        with contextlib.suppress(ValueError):
            holder = json.loads(os.pread(self._descriptor, 4096, 0))
            if isinstance(holder, dict):
                return holder
        return {}  # free, or its holder died while it wrote its name

    def _write(self) -> None:
        holder = {
            "name": self._name,
            "pid": os.getpid(),
            **whereabouts(),
            "beat_utc": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        text = json.dumps(holder).encode()
        os.pwrite(self._descriptor, text, 0)
        os.ftruncate(self._descriptor, len(text))


@dataclass(frozen=True, slots=True)
class Holder:
    """The head that wrote its name into a lock file and has not released it.

    Parameters
    ----------
    name
        As `WriterLock.name`.
    quiet_s
        Seconds since its last heartbeat, by this machine's clock.
    at_work
        False if its process has ended, or was quiet for so long that it is taken for dead.
    """

    name: str
    pid: int
    host: str
    quiet_s: float
    at_work: bool


def read_holder(path: Path) -> Holder | None:
    """Look who has a run open, without taking part in who gets it.

    The lock itself is not tried: even a moment of it could turn a head away that is just coming.

    Returns
    -------
    Holder or None
        None if the lock was released, or never taken.
    """
    try:
        known = json.loads(path.read_bytes())
        since_s = time.time() - path.stat().st_mtime
        name, pid, host = str(known["name"]), int(known["pid"]), str(known["host"])
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return Holder(name, pid, host, since_s, since_s < _QUIET_S and not has_ended(known))
