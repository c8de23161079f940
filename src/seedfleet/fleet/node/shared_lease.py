"""A lease on a disk that several machines share, where `flock` may know only one of them.

The lease is a file that appears complete, with its holder's name in it, or not at all. Its holder
touches it every few seconds. Somebody else takes it over when its holder was a process of the same
machine that has ended, or when it has been quiet for long by the disk's own clock, the only one
that all machines see. Who takes it over puts a file of his own in its place and looks again after
a moment, so of several who do so at once only the last has it.

A holder that stands still for longer than the quiet time, or is cut off from the disk, can lose the
lease while it lives. It sees that when the disk is back, and has to stop; what it does until then
nobody can prevent.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import threading
import time
from pathlib import Path
from typing import Any, Dict, Mapping, Optional

from .processes import living

__all__ = [
    "SharedLease",
    "has_ended",
    "holder_token",
    "lease_lives",
    "may_live",
    "quiet_s",
    "whereabouts",
]

_HEARTBEAT_S = 5.0
_QUIET_S = 60.0  # twelve missed heartbeats
_SETTLE_S = 2.0


class SharedLease:
    """The right to one job, among machines that share a disk; may be let go and taken again.

    Parameters
    ----------
    path
        The lease file; its folder is made if it is missing.
    token
        The attempt's. While processes with a dead holder's token live here, its lease is free for
        those alone who have the same token: they have to end these processes.
    quiet_limit_s
        After so many seconds without a heartbeat a holder on another machine counts as dead.
    settle_s
        How long to wait before looking again after a take-over; longer than another machine
        can be between its look at the old lease and its own take-over.
    """

    def __init__(
        self,
        path: Path,
        token: str,
        *,
        quiet_limit_s: float = _QUIET_S,
        settle_s: float = _SETTLE_S,
    ) -> None:
        self.path = path
        self._token = token
        self._name = secrets.token_hex(8)
        self._quiet_limit_s = quiet_limit_s
        self._settle_s = settle_s
        self._ended = threading.Event()
        self._beats: Optional[threading.Thread] = None

    def acquire_nowait(self) -> bool:
        """Take the lease and say True, or say False if somebody else has it.

        Taking over a dead holder's lease lasts `settle_s`.

        Raises
        ------
        OSError
            If the disk refuses.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_name(".{}.{}".format(self.path.name, self._name))
        draft.write_text(json.dumps(self._holder()))
        try:
            taken = _link(draft, self.path) or self._take_over(draft)
        finally:
            with contextlib.suppress(FileNotFoundError):
                draft.unlink()
        if taken:
            self._ended.clear()
            self._beats = threading.Thread(target=self._beat, daemon=True, name="lease")
            self._beats.start()
        return taken

    def remove(self) -> None:
        """Let go, if it is ours; may be repeated."""
        if self._beats is None:
            return
        self._ended.set()
        self._beats.join()
        self._beats = None
        if self._is_ours():
            with contextlib.suppress(FileNotFoundError):
                self.path.unlink()

    def is_lost(self) -> bool:
        """Look whether somebody else has it now; a disk that does not answer says nothing."""
        try:
            holder = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            return True
        except (OSError, ValueError):
            return False
        return not isinstance(holder, dict) or holder.get("name") != self._name

    def _take_over(self, draft: Path) -> bool:
        holder = _read(self.path)
        if has_ended(holder):
            token = str(holder.get("token"))
            if token != self._token and living(token):
                return False
        elif quiet_s(self.path) < self._quiet_limit_s:
            return False
        draft.replace(self.path)
        time.sleep(self._settle_s)
        return self._is_ours()

    def _beat(self) -> None:
        while not self._ended.wait(_HEARTBEAT_S):
            with contextlib.suppress(OSError):  # the disk may answer again before the time is over
                if self.is_lost():
                    return
                os.utime(self.path)  # without times: the disk's server sets its own

    def _is_ours(self) -> bool:
        return _read(self.path).get("name") == self._name

    def _holder(self) -> Dict[str, Any]:
        return {
            "name": self._name,
            "pid": os.getpid(),
            **whereabouts(),
            "token": self._token,
        }


def whereabouts() -> Dict[str, Optional[str]]:
    """Say where a process id of ours means this process: `host`, `boot_id` and `pid_ns`.

    Containers of one machine may have its name and its boot id, and yet number their processes
    each for itself. None stands for what this system does not tell.
    """
    known: Dict[str, Optional[str]] = {"host": socket.gethostname(), "boot_id": None}
    with contextlib.suppress(OSError):
        known["boot_id"] = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    known["pid_ns"] = None
    with contextlib.suppress(OSError):
        known["pid_ns"] = os.readlink("/proc/self/ns/pid")
    return known


def has_ended(holder: Mapping[str, Any]) -> bool:
    """Tell whether a lease's holder was a process of this machine that has certainly ended.

    Parameters
    ----------
    holder
        Its `pid` and what `whereabouts` said there, as far as they are known.
    """
    # Another boot id may also be another machine with the same name.
    here = whereabouts()
    if None in here.values() or any(holder.get(name) != here[name] for name in here):
        return False
    try:
        stat = Path("/proc/{}/stat".format(int(holder["pid"]))).read_text()
    except FileNotFoundError:
        return Path("/proc/self/stat").exists()  # else this system cannot tell
    except (OSError, KeyError, TypeError, ValueError):
        return False
    return stat[stat.rindex(")") + 2] == "Z"


def holder_token(path: Path) -> Optional[str]:
    """Name the attempt that has the lease at `path`, dead or alive; None if nobody has it."""
    return _read(path).get("token")


def lease_lives(path: Path, token: str, quiet_limit_s: float = _QUIET_S) -> bool:
    """Tell whether an attempt's supervisor may hold the lease at `path`, and so be alive.

    One of this machine that has ended is dead, whatever it has left behind: `orphan.settle` ends
    that first.

    Parameters
    ----------
    path
        The lease file.
    token
        The attempt's.
    quiet_limit_s
        As for `SharedLease`.
    """
    holder = _read(path)
    ours = holder.get("token") == token
    return ours and not has_ended(holder) and quiet_s(path) < quiet_limit_s


def may_live(path: Path, token: str) -> bool:
    """Tell whether a supervisor that is believed dead is so for its silence alone.

    Parameters
    ----------
    path
        The lease file; one that ended in order has removed it.
    token
        The attempt's.
    """
    holder = _read(path)
    return holder.get("token") == token and not has_ended(holder)


def quiet_s(path: Path) -> float:
    """Measure how long a file has not been touched, by the clock of the disk that holds it.

    Returns
    -------
    float
        Seconds; 0 if the file has gone meanwhile, since then somebody is at work on it.
    """
    probe = path.with_name(".{}.{}".format(path.name, secrets.token_hex(6)))
    try:
        probe.touch()
        return probe.stat().st_mtime - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
    finally:
        with contextlib.suppress(FileNotFoundError):
            probe.unlink()


def _link(draft: Path, path: Path) -> bool:
    try:
        os.link(draft, path)
    except FileExistsError:
        # A network disk may repeat a request that had succeeded; the count of names tells.
        return draft.stat().st_nlink == 2
    return True


def _read(path: Path) -> Dict[str, Any]:
    try:
        holder = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return holder if isinstance(holder, dict) else {}
