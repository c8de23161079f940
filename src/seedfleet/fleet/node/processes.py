"""Ending every process of an attempt, whatever it did to get away.

A script's children are found in three ways, since each alone can be escaped: its process group,
the children that the kernel hands to the supervisor when their parents die (it is a subreaper),
and every process of the machine whose environment carries the attempt's token.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from pathlib import Path
from typing import Callable, Dict, List, Optional, Set

__all__ = ["TOKEN_VARIABLE", "become_subreaper", "end_processes", "living"]

TOKEN_VARIABLE = "SEEDFLEET_ATTEMPT_TOKEN"  # noqa: S105 - a name, and no secret either
_PR_SET_CHILD_SUBREAPER = 36
_KILL_PATIENCE_S = 10.0  # a process in an uninterruptible call outlives even SIGKILL
_PROC = Path("/proc")
_LIBC = ctypes.CDLL(None, use_errno=True)  # once, and not in each of the agent's forks


def become_subreaper() -> None:
    """Ask Linux to hand orphans of this process's children to it; elsewhere do nothing."""
    if sys.platform.startswith("linux"):
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def living(token: str, ancestor: Optional[int] = None) -> Set[int]:
    """Find the processes of an attempt.

    Parameters
    ----------
    token
        The attempt's token, as its processes carry it in their environment.
    ancestor
        A process whose descendants count too, whatever their environment: the supervisor.

    Returns
    -------
    set of int
        Process ids, without `ancestor`, this process and zombies. Empty where there is no /proc.
    """
    wanted = "{}={}".format(TOKEN_VARIABLE, token).encode()
    found: Set[int] = set()
    parents: Dict[int, int] = {}
    for entry in _numbered(_PROC):
        parent = _parent_if_running(entry)
        if parent is None:
            continue
        parents[entry] = parent
        if wanted in _environment(entry):
            found.add(entry)
    if ancestor is not None:
        found |= {pid for pid in parents if _descends(pid, ancestor, parents)}
    return found - {os.getpid(), ancestor or 0}


def end_processes(find: Callable[[], Set[int]], grace_s: float) -> int:
    """Send TERM to every process that `find` returns, and KILL to those left after `grace_s`.

    Parameters
    ----------
    find
        Looks for the processes anew at each call, so that those started meanwhile are met too.
    grace_s
        Seconds between the two signals, at least 0.

    Returns
    -------
    int
        How many different processes were signalled.
    """
    met: Set[int] = set()
    deadline = time.monotonic() + grace_s
    final = deadline + _KILL_PATIENCE_S
    pause_s = 0.005
    while time.monotonic() < final:
        found = find()
        if not found:
            break
        late = time.monotonic() >= deadline
        for pid in found if late else found - met:
            _signal(pid, signal.SIGKILL if late else signal.SIGTERM)
        met |= found
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, 0.1)
    return len(met)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
        if number == signal.SIGTERM:
            os.kill(pid, signal.SIGCONT)  # a stopped process acts on TERM only when it goes on


def _numbered(folder: Path) -> List[int]:
    try:
        return [int(name) for name in os.listdir(folder) if name.isdigit()]
    except OSError:
        return []


def _parent_if_running(pid: int) -> Optional[int]:
    try:
        text = (_PROC / str(pid) / "stat").read_bytes()
    except OSError:
        return None
    state, parent = text[text.rindex(b")") + 2 :].split()[:2]  # the name before may hold anything
    return None if state in {b"Z", b"X"} else int(parent)


def _environment(pid: int) -> List[bytes]:
    try:
        return (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:  # another user's process, or one that has just ended
        return []


def _descends(pid: int, ancestor: int, parents: Dict[int, int]) -> bool:
    seen: Set[int] = set()
    while pid in parents and pid not in seen:
        seen.add(pid)
        pid = parents[pid]
        if pid == ancestor:
            return True
    return False
