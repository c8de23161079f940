"""The task that a scheduler starts for one attempt: it takes the order and is its supervisor.

A scheduler may start a task again: after its machine went down, or was wanted for somebody else.
So the job's lease decides. While the first copy may live, a second one touches nothing. What a
dead one has left is put back, and the same attempt runs anew with paths of its own (`copies`). A
job that must not run again, or one that writes in place while its first copy may live on another
machine, ends as lost instead.

The words are `task-DIGEST.pyz NUMBER` for the order `orders/NUMBER.json` beside it, and
`task-DIGEST.pyz probe FOLDER... NUMBER` for a look at whether head and machine share these folders.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Optional

from .allotment import complete_environment, filled, host_name
from .copies import begin, take_over
from .layout import AttemptFolder, write_atomically
from .locks import shared_folder
from .outputs import UnsuccessfulError
from .supervisor import supervise_claimed

if TYPE_CHECKING:
    from .leases import Leases

__all__ = ["main"]


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
    if not _attempt(order):
        sys.stdout.write("{} has ended or runs already\n".format(order["token"]))
    if AttemptFolder(order["folder"]).status.exists():
        mark = Path(order["ended_mark"])
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    return 0


def _attempt(order: Dict[str, Any]) -> bool:
    """Run a copy; False if there is nothing to do."""
    problem: Optional[UnsuccessfulError] = None
    # Before any lease is made: it is by the complete order that the locks are known.
    order["lock_folder"] = order["lock_folder"] or str(shared_folder())
    try:
        order = filled(order)
    except UnsuccessfulError as error:
        problem = error
    leases = take_over(order)
    own = None if leases is None else begin(order, leases)
    if leases is None or own is None:
        return False
    if problem is None:
        supervise_claimed(own, leases)
    else:
        _refuse(own, leases, problem)
    return True


def _refuse(order: Dict[str, Any], leases: Leases, problem: UnsuccessfulError) -> None:
    """End an attempt for which its scheduler has not given what it takes."""
    status = {
        "version": 1,
        "run_id": order["run_id"],
        "job_id": order["job_id"],
        "attempt": order["attempt"],
        "copy": order["copy"],
        "outcome": problem.kind,
        "problem": str(problem),
        # The scheduler's doing, or this machine's: another one may have what the job takes.
        "node_fault": True,
        "host": host_name(),
        "gpu_ids": [],
    }
    folder = AttemptFolder(order["folder"])
    write_atomically(folder.status, json.dumps(status).encode(), durable=False)
    leases.release()
