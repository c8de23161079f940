"""How an attempt ended, as it stands in `status.json`: read strictly, since a node wrote it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from seedfleet.fleet.engines.base import Ended
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

    from seedfleet.fleet.engines.base import Attempt

__all__ = ["checked_status", "ended_by"]

_OUTCOMES: Final = frozenset(  # all but Superseded, which no node can know
    (
        *("succeeded", "failed", "timed_out", "failed_to_start", "lost", "cancelled"),
        *("output_missing", "output_empty", "output_invalid"),
    )
)
_TEXTS: Final = ("run_id", "job_id", "problem", "stderr_tail", "started_utc", "ended_utc", "host")
_COUNTS: Final = ("version", "attempt", "copy", "exit_code", "signal", "processes_ended")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_LONGEST_TEXT: Final = 20_000


def checked_status(document: object, attempt: Attempt) -> dict[str, Any]:
    """Take over what a status may say, and nothing else.

    Parameters
    ----------
    document
        Parsed JSON.
    attempt
        The one that it is about; a success lists exactly the outputs that its job declares.

    Raises
    ------
    ValueError
        If it is no status of this attempt.
    """
    outcome = document.get("outcome") if isinstance(document, dict) else None
    if not isinstance(document, dict) or str(outcome) not in _OUTCOMES:
        raise ValueError(f"no status: {str(document)[:200]}")
    status: dict[str, Any] = {"outcome": str(outcome)}
    for name in _TEXTS:
        value = document.get(name)
        status[name] = value[-_LONGEST_TEXT:] if isinstance(value, str) else None
    for name in _COUNTS:
        value = document.get(name)
        status[name] = value if isinstance(value, int) else None
    for name in ("run_s", "waited_s"):
        value = document.get(name)
        status[name] = 0.0
        if isinstance(value, int | float) and 0 <= value < float("inf"):
            status[name] = float(value)
    for name in ("node_fault", "copy_may_live"):
        status[name] = document.get(name) is True
    gpu_ids = document.get("gpu_ids")
    listed = gpu_ids if isinstance(gpu_ids, list) else ()
    status["gpu_ids"] = [each for each in listed if isinstance(each, int)]
    paths = document.get("paths")
    status["paths"] = [str(path) for path in paths] if isinstance(paths, list) else []
    if status["outcome"] == "succeeded":
        status["outputs"] = _checked_outputs(document.get("outputs"), attempt)
    return status


def _checked_outputs(document: object, attempt: Attempt) -> list[dict[str, Any]]:
    declared = attempt.job.all_outputs
    if not isinstance(document, list) or len(document) != len(declared):
        raise ValueError("a success that does not list the declared outputs")
    made = []
    for name, entry in zip(declared, document, strict=True):
        if not isinstance(entry, dict):
            raise ValueError("an output that is no object")  # noqa: TRY004 - a value from outside
        size, sha256 = entry.get("size_bytes"), entry.get("sha256")
        sound = entry.get("declared") == name and isinstance(size, int) and size > 0
        if not (sound and isinstance(sha256, str) and _SHA256.fullmatch(sha256)):
            raise ValueError(f"an output that is not as declared: {str(entry)[:200]}")
        made.append({"declared": name, "size_bytes": size, "sha256": sha256})
    return made


def ended_by(status: Mapping[str, Any], attempt: Attempt, node: str) -> Ended:
    """Turn a checked status into an event."""
    return Ended(
        job_id=attempt.job.job_id,
        attempt=attempt.number,
        outcome=_outcome(status, attempt, node),
        started_utc=status["started_utc"],
        ended_utc=status["ended_utc"],
        run_s=status["run_s"],
        exit_code=status["exit_code"],
        detail=status["problem"] or "",
        stderr_tail=status["stderr_tail"] or "",
        node_fault=status["node_fault"],
        copy_may_live=status["copy_may_live"],
        host=status["host"],
        host_gpu_ids=tuple(status["gpu_ids"]),
    )


def _outcome(status: Mapping[str, Any], attempt: Attempt, node: str) -> Outcome:
    problem, paths = status["problem"] or "", tuple(status["paths"])
    made: dict[str, Callable[[], Outcome]] = {
        "succeeded": lambda: Succeeded(tuple(ProducedFile(**each) for each in status["outputs"])),
        "failed": lambda: Failed(status["exit_code"], status["signal"]),
        "timed_out": lambda: TimedOut(attempt.job.timeout_s),
        "output_missing": lambda: OutputMissing(paths),
        "output_empty": lambda: OutputEmpty(paths),
        "output_invalid": lambda: OutputInvalid(paths, problem),
        "failed_to_start": lambda: FailedToStart(problem),
        "cancelled": Cancelled,
        "lost": lambda: Lost(node, problem),
    }
    return made[status["outcome"]]()
