"""The task that a scheduler starts for one attempt: it takes the order and is its supervisor.

A scheduler may start a task again: after its machine went down, or was wanted for somebody else.
So the attempt's folder and lease decide. While the first copy may live, a second one touches
nothing. What a dead one has left is put aside, with what stood at its output paths restored, and
the same attempt runs anew. A job that must not run again, or one that writes in place while its
first copy may live on another machine, ends as lost instead.

The words are `task-DIGEST.pyz NUMBER` for the order `orders/NUMBER.json` beside it, and
`task-DIGEST.pyz probe FOLDER... NUMBER` for a look at whether head and machine share these folders.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import sys
import time
from pathlib import Path
from typing import Any, Dict, List

from .allotment import complete_environment, filled, host_name
from .layout import AttemptFolder, write_atomically
from .locks import is_held
from .orphan import settle
from .outputs import UnsuccessfulError
from .shared_lease import lease_lives, may_live
from .supervisor import claim, supervise

__all__ = ["main"]

_LOOK_S = 1.0


def main(words: List[str]) -> int:
    """Do what the words say; returns the exit status."""
    if words[1:2] == ["probe"]:
        return _answer_probe([Path(folder) for folder in words[2:-1]])
    return _run(Path(words[0]).absolute().parent, int(words[1]))


def _answer_probe(folders: List[Path]) -> int:
    """Show the head that this machine reads what it has written, and where this is."""
    for folder in folders:
        nonce = (folder / "nonce").read_text()
        answer = {"nonce": nonce, "host": host_name(), "python": list(sys.version_info[:3])}
        write_atomically(folder / "answer", json.dumps(answer).encode())
    return 0


def _run(queue: Path, number: int) -> int:
    """Run the order with this number."""
    complete_environment()
    try:
        order = json.loads((queue / "orders" / "{}.json".format(number)).read_bytes())
    except FileNotFoundError:
        sys.stdout.write("order {} has been dealt with\n".format(number))
        return 0
    folder = AttemptFolder(order["folder"])
    if folder.path.exists() and not _put_aside(folder, order):
        sys.stdout.write("{} has ended or runs already\n".format(order["token"]))
    else:
        _attempt(order, folder)
    if folder.status.exists():
        mark = Path(order["ended_mark"])
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    return 0


def _attempt(order: Dict[str, Any], folder: AttemptFolder) -> None:
    try:
        complete = filled(order)
    except UnsuccessfulError as problem:
        _refuse(order, folder, problem)
    else:
        supervise(complete)


def _refuse(order: Dict[str, Any], folder: AttemptFolder, problem: UnsuccessfulError) -> None:
    """End an attempt for which its scheduler has not given what it takes."""
    alive = claim(folder, order)
    if alive is None:
        return
    status = {
        "version": 1,
        "run_id": order["run_id"],
        "job_id": order["job_id"],
        "attempt": order["attempt"],
        "outcome": problem.kind,
        "problem": str(problem),
        # The scheduler's doing, or this machine's: another one may have what the job takes.
        "node_fault": True,
        "host": host_name(),
        "gpu_ids": [],
    }
    write_atomically(folder.status, json.dumps(status).encode(), durable=False)
    alive.release()


def _put_aside(folder: AttemptFolder, order: Dict[str, Any]) -> bool:
    """Say whether the attempt may run anew, with what a dead copy has left out of the way."""
    if folder.status.exists() or is_held(folder.alive) or not _has_died(folder, order):
        return False
    copy_may_live = may_live(Path(order["job_lease"]), order["token"])
    if not order["rerun"] or (copy_may_live and order["in_place"]):
        settle(folder, copy_may_live=copy_may_live)
        return False
    aside = AttemptFolder(
        folder.path.with_name(".{}.{}".format(folder.path.name, secrets.token_hex(4)))
    )
    try:
        os.rename(folder.path, aside.path)
    except FileNotFoundError:  # another copy was quicker
        return False
    settle(aside)
    return True


def _has_died(folder: AttemptFolder, order: Dict[str, Any]) -> bool:
    """Wait until the first copy has shown that it lives, or has been quiet for long."""
    lease = Path(order["job_lease"])
    seen = _touched(lease)
    while lease_lives(lease, order["token"]):
        time.sleep(_LOOK_S)
        if _touched(lease) != seen or folder.status.exists():
            return False
    return not folder.status.exists()


def _touched(path: Path) -> float:
    with contextlib.suppress(OSError):
        return os.path.getmtime(path)
    return 0.0
