"""From an attempt's folder on a node to the head's copy of it, on one machine.

Every step can be repeated after a crash, and `status.json` comes last: where it stands, all that it
speaks of has arrived and was checked.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from seedfleet.fleet.engines.base import Attempt, Ended
from seedfleet.fleet.node.layout import AttemptFolder, write_atomically
from seedfleet.fleet.node.outputs import digest, move
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
    from collections.abc import Callable, Mapping

__all__ = ["deliver", "delivered", "discard"]

_LOG_LIMIT_BYTES: Final = 10_000_000


def deliver(
    status: Mapping[str, Any], node: AttemptFolder, head: AttemptFolder, *, in_place: bool
) -> None:
    """Bring logs, outputs and status to the head.

    Parameters
    ----------
    status
        How the attempt ended on the node.
    node, head
        Where it is, and where its copy belongs.
    in_place
        True: the outputs stand at their final paths already and are only checked.

    Raises
    ------
    OSError
        If the head's disk refuses.
    """
    head.outputs.mkdir(parents=True, exist_ok=True)
    for source, target in ((node.stdout, head.stdout), (node.stderr, head.stderr)):
        _copy_tail(source, target)
    changed = [
        output["declared"]
        for number, output in enumerate(status.get("outputs", ()))
        if not _bring(output, None if in_place else head.outputs / str(number))
    ]
    if changed:
        # In place somebody else writes there now, so nothing is put back over it.
        problem = "changed after it was checked: " + ", ".join(changed)
        if in_place:
            problem += f"; what stood there before is kept in {node.previous}"
        status = {**status, "outcome": "output_invalid", "paths": changed, "problem": problem}
    write_atomically(head.status, json.dumps(status, indent=1).encode())


def delivered(attempt: Attempt, node: str, head: AttemptFolder) -> Ended:
    """Read the head's copy of an attempt's status as an event."""
    status = json.loads(head.status.read_bytes())
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


def discard(node: AttemptFolder) -> None:
    """Remove what a delivered attempt left on the node, if it is still there."""
    if node.path.exists():
        # Under its own name it must never be seen empty: a supervisor could claim it then.
        discarded = node.path.with_name(f".{node.path.name}.{secrets.token_hex(4)}")
        node.path.rename(discarded)
        shutil.rmtree(discarded)


def _bring(output: Mapping[str, Any], target: Path | None) -> bool:
    source = Path(output["path"])
    place = source if target is None else target
    if target is not None and os.path.lexists(source):
        move(source, target)
    try:
        return digest(place) == str(output["sha256"])
    except OSError:
        return False


def _copy_tail(source: Path, target: Path) -> None:
    if not source.exists():  # the script never ran
        return
    with source.open("rb") as log, target.open("wb") as copy:
        log.seek(max(0, source.stat().st_size - _LOG_LIMIT_BYTES))
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
