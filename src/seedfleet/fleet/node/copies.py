"""Copies of one attempt, where a scheduler may start its task more than once.

    attempts/JOB/N              a link to the copy that counts
    attempts/JOB/N.copies/C/    all that copy C of attempt N reads and writes

Each copy has paths of its own, so one that was believed dead and comes back cannot touch what its
successor writes. The job's lease is taken before anything is touched and held until the copy has
ended: of any number of copies that start at once, one goes on and the others find nothing to do.
Under the lease, what a dead copy has left running is ended, what stood at its output paths comes
back, and the link is set anew.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import shutil
import time
from pathlib import Path
from typing import Any, Dict, Optional

from .layout import AttemptFolder, tombstone
from .leases import Leases
from .locks import is_held
from .orphan import put_back, settle
from .outputs import UnsuccessfulError
from .shared_lease import holder_token, lease_lives, may_live
from .supervisor import claim

__all__ = ["begin", "counting", "discard_copies", "take_over"]

_LOOK_S = 1.0
_BLINK_S = 0.05  # another one's look at a lock holds it for a moment
_PATIENCE_S = 10.0  # a copy that has lost its lease ends its script: the order's grace, and this

Order = Dict[str, Any]


def take_over(order: Order) -> Optional[Leases]:
    """Get the right to run an attempt, with what a dead copy has left put back.

    Waits while the first copy may be alive and does not show it, a minute at most.

    Returns
    -------
    Leases or None
        With the job's own lease, unless another attempt has it or the disk refuses. None if there
        is nothing to do: the attempt has ended, or a copy of it runs or is about to.

    Raises
    ------
    OSError
        If what stood at an output path cannot be put back.
    """
    named, lease = AttemptFolder(order["folder"]), Path(order["job_lease"])
    while True:
        seen = _pointed(named)
        if named.status.exists() or _is_alive(named) or not _has_died(named, order):
            return None
        copy_may_live = may_live(lease, order["token"])
        leases = Leases(order)
        try:
            taken = leases.take_job_nowait()
        except UnsuccessfulError:
            return leases  # the supervisor finds the same, and tells it
        if not taken:
            holder = holder_token(lease)
            if holder is not None:
                return None if holder == order["token"] else leases
        elif _pointed(named) == seen and not named.status.exists():
            break
        leases.release()  # somebody has come or gone between the look and the lease
        time.sleep(_BLINK_S)
    if seen is not None and not _make_way(named, seen, order, copy_may_live=copy_may_live):
        leases.release()
        return None
    return leases


def begin(order: Order, leases: Leases) -> Optional[Order]:
    """Make a copy's folder, locked as long as this process lives, and have it count.

    Parameters
    ----------
    order
        Of the attempt.
    leases
        From `take_over`; released if the answer is None.

    Returns
    -------
    dict or None
        The order with the copy's own paths and its number, `copy`; None if it has come too late.

    Raises
    ------
    OSError
        If the disk refuses.
    """
    named = AttemptFolder(order["folder"])
    for number in itertools.count(1):
        own = AttemptFolder(_copies(named) / str(number))
        made = _moved(order, own, number)
        if not own.path.exists() and claim(own, made) is not None:
            break
    ended = tombstone(named.path).exists() or os.path.exists(order["delivered"])
    if ended or not _point(named, own, leases):
        shutil.rmtree(own.path)
        leases.release()
        return None
    return made


def counting(named: AttemptFolder) -> AttemptFolder:
    """Name the folder of the copy that counts, whatever becomes of the attempt's link.

    Raises
    ------
    OSError
        If there is none.
    """
    return AttemptFolder(named.path.parent / os.readlink(named.path))


def discard_copies(named: AttemptFolder) -> None:
    """Remove all copies of an attempt for good: a task that comes late finds a tombstone.

    Raises
    ------
    OSError
        If the disk refuses.
    """
    tombstone(named.path).touch()
    with contextlib.suppress(FileNotFoundError):
        named.path.unlink()
    # One that was believed dead may be writing there; what it makes anew nobody looks at.
    shutil.rmtree(_copies(named), ignore_errors=True)


def _copies(named: AttemptFolder) -> Path:
    return named.path.with_name(named.path.name + ".copies")


def _pointed(named: AttemptFolder) -> Optional[str]:
    try:
        return os.readlink(named.path)
    except FileNotFoundError:
        return None


def _is_alive(named: AttemptFolder) -> bool:
    if not is_held(named.alive):
        return False
    time.sleep(_BLINK_S)
    return is_held(named.alive)


def _has_died(named: AttemptFolder, order: Order) -> bool:
    """Wait until the first copy has shown that it lives, or has been quiet for long."""
    lease = Path(order["job_lease"])
    seen = _touched(lease)
    while lease_lives(lease, order["token"]):
        time.sleep(_LOOK_S)
        if _touched(lease) != seen or named.status.exists():
            return False
    return not named.status.exists()


def _touched(path: Path) -> float:
    with contextlib.suppress(OSError):
        return os.path.getmtime(path)
    return 0.0


def _make_way(named: AttemptFolder, seen: str, order: Order, *, copy_may_live: bool) -> bool:
    """Put back what a dead copy has left; False if it lives after all, or nothing may follow."""
    dead = AttemptFolder(named.path.parent / seen)
    if not order["rerun"] or (copy_may_live and order["in_place"]):
        settle(dead, copy_may_live=copy_may_live, has_job=True)
        return False
    deadline = time.monotonic() + order["kill_grace_s"] + _PATIENCE_S
    while dead.path.exists() and not put_back(dead, order):
        if time.monotonic() > deadline:
            return False
        time.sleep(_BLINK_S)
    # They never count, and a task may be started again often.
    shutil.rmtree(dead.outputs, ignore_errors=True)
    return True


def _moved(order: Order, own: AttemptFolder, number: int) -> Order:
    """Tell the script the copy's own paths instead of the attempt's."""
    made = dict(order, folder=str(own.path), copy=number)
    if not order["preserve_paths"]:
        made["outputs"] = [
            dict(each, path=str(own.path / os.path.relpath(each["path"], order["folder"])))
            for each in order["outputs"]
        ]
    return made


def _point(named: AttemptFolder, own: AttemptFolder, leases: Leases) -> bool:
    """Have a copy count; False if another one does and we have no right to replace it."""
    target = os.path.join(own.path.parent.name, own.path.name)
    if _pointed(named) is None:
        with contextlib.suppress(FileExistsError):
            os.symlink(target, named.path)
        return _pointed(named) == target  # a network disk may repeat a request that had succeeded
    if not leases.has_job or leases.are_lost():
        return False
    draft = named.path.with_name(".{}.{}".format(named.path.name, secrets.token_hex(6)))
    os.symlink(target, draft)
    os.replace(draft, named.path)
    return True
