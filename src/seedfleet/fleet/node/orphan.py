"""Finishing the work of a supervisor that was killed."""

from __future__ import annotations

import contextlib
import json
from datetime import datetime, timezone
from typing import Any, Dict, Optional

from .layout import AttemptFolder, write_atomically
from .locks import Lock
from .outputs import restore_previous
from .processes import end_processes, living

__all__ = ["settle"]


def settle(folder: AttemptFolder) -> Optional[Dict[str, Any]]:
    """Return how an attempt ended, or None while its supervisor lives.

    If the supervisor died without a word, its processes are ended, what stood at its output paths
    is restored, and the attempt is written down as lost. Safe to repeat and to run twice at once.

    Parameters
    ----------
    folder
        The folder of an attempt that has been claimed.

    Raises
    ------
    OSError
        If previous files cannot be restored; they are still in the attempt's folder.
    """
    alive = Lock(folder.alive)
    if not alive.acquire_nowait():
        return None
    try:
        with contextlib.suppress(FileNotFoundError):
            status: Dict[str, Any] = json.loads(folder.status.read_bytes())
            return status
        return _settle_lost(folder)
    finally:
        alive.release()


def _settle_lost(folder: AttemptFolder) -> Dict[str, Any]:
    order = json.loads(folder.order.read_bytes())
    end_processes(lambda: living(order["token"]), order["kill_grace_s"])
    restore_previous(folder)
    status = {
        "version": 1,
        "run_id": order["run_id"],
        "job_id": order["job_id"],
        "attempt": order["attempt"],
        "outcome": "lost",
        "problem": "its supervisor was killed",
        "ended_utc": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
    }
    # On a full disk the answer still holds: the next to ask finds the same and tries again.
    with contextlib.suppress(OSError):
        write_atomically(folder.status, json.dumps(status).encode())
    return status
