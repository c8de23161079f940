"""Finishing the work of a supervisor that was killed."""

from __future__ import annotations

import contextlib
import json
import os
from datetime import datetime, timezone
from typing import Any, Dict, Optional

from .layout import AttemptFolder, write_atomically
from .leases import Leases
from .locks import Lock
from .outputs import UnsuccessfulError, restore_previous
from .processes import end_processes, living

__all__ = ["put_back", "settle"]


def put_back(folder: AttemptFolder, order: Dict[str, Any]) -> bool:
    """End what a dead copy has left running and restore what stood at its output paths.

    Nothing is written down, since another copy of the same attempt is about to run. May be
    repeated.

    Parameters
    ----------
    folder
        The copy's.
    order
        Of the attempt; its job's lease is the caller's.

    Returns
    -------
    bool
        False if the copy is alive; then nothing was done.
    """
    alive = Lock(folder.alive)
    if not alive.acquire_nowait():
        return False
    try:
        end_processes(lambda: living(order["token"]), order["kill_grace_s"])
        _restore(folder, order, has_job=True)
    finally:
        alive.release()
    return True


def settle(
    folder: AttemptFolder, *, copy_may_live: bool = False, has_job: bool = False
) -> Optional[Dict[str, Any]]:
    """Return how an attempt ended, or None while its supervisor lives.

    If the supervisor died without a word, its processes are ended, what stood at its output paths
    is restored, and the attempt is written down as lost. Safe to repeat and to run twice at once.

    Parameters
    ----------
    folder
        The folder of an attempt that has been claimed.
    copy_may_live
        What a loss is to say of the supervisor: True if it is believed dead for its silence alone.
    has_job
        True if the caller has the job's lease.

    Raises
    ------
    OSError
        If previous files cannot be restored; they are still in the attempt's folder.
    """
    alive = Lock(folder.alive)
    if not alive.acquire_nowait():
        return None
    try:
        with contextlib.suppress(FileNotFoundError, ValueError):  # torn by a machine that went down
            status: Dict[str, Any] = json.loads(folder.status.read_bytes())
            return status
        return _settle_lost(folder, copy_may_live=copy_may_live, has_job=has_job)
    finally:
        alive.release()


def _settle_lost(folder: AttemptFolder, *, copy_may_live: bool, has_job: bool) -> Dict[str, Any]:
    problem = "its supervisor was killed"
    try:
        order = json.loads(folder.order.read_bytes())
    except (OSError, ValueError):  # the machine went down before the disk had it all
        order = {}
    alive = False
    if order:
        alive = bool(living(order["token"]))
        end_processes(lambda: living(order["token"]), order["kill_grace_s"])
        problem += _restore(folder, order, has_job=has_job)
    times = _times(folder, datetime.now(timezone.utc), alive=alive)
    status = {"version": 1, "outcome": "lost", "problem": problem, **times}
    if copy_may_live:
        status["copy_may_live"] = True
    status.update({name: order[name] for name in ("copy", "host", "gpu_ids") if name in order})
    # On a full disk the answer still holds: the next to ask finds the same and tries again.
    with contextlib.suppress(OSError):
        write_atomically(folder.status, json.dumps(status).encode())
    return status


def _times(folder: AttemptFolder, now: datetime, *, alive: bool) -> Dict[str, Any]:
    """Say from when to when the script ran; of one that has ended, to its last sign of life."""
    ended = now
    times: Dict[str, Any] = {}
    if folder.stdout.exists():  # else the script never ran
        files = (folder.order, folder.stdout, folder.stderr)
        touched = [os.path.getmtime(path) for path in files if path.exists()]
        started = datetime.fromtimestamp(touched[0], timezone.utc)  # touched for that
        if not alive:
            ended = datetime.fromtimestamp(max(touched), timezone.utc)
        times["started_utc"] = started.isoformat(timespec="milliseconds")
        times["run_s"] = max(0.0, (ended - started).total_seconds())
    times["ended_utc"] = ended.isoformat(timespec="milliseconds")
    return times


def _restore(folder: AttemptFolder, order: Dict[str, Any], *, has_job: bool) -> str:
    """Restore under the same locks that the supervisor had, and say if that cannot be."""
    leases = Leases(order)
    try:
        take = leases.take_paths_nowait if has_job else leases.take_nowait
        take()
        restore_previous(folder, unless_accepted_for=order["run_id"])
    except (UnsuccessfulError, OSError) as reason:  # one job's trouble must not stop the others
        return "; what stood at its output paths is kept in {}, since {}".format(
            folder.previous, reason
        )
    finally:
        leases.release()
    return ""
