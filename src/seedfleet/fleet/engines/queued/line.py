"""Which attempts wait in a queue and which have begun, by what tasks have left on the disk.

Only files are read, so anybody who sees the run's folder can tell, and no scheduler is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from seedfleet.fleet.node.layout import AttemptFolder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["waiting_apart", "waiting_jobs"]

_FRESH_S: Final = 60.0  # a supervisor that lives touches its lease far more often


def waiting_jobs(queue: Path, attempts: Iterable[tuple[str, int]], now: float) -> frozenset[str]:
    """Name the jobs whose attempts were handed in and have not begun.

    One whose machine went down, or was wanted for another, waits again: it counts as begun for a
    minute more. O(attempts) looks at the disk.

    Parameters
    ----------
    queue
        Where head and tasks meet; see `RunPaths.queue`.
    attempts
        Job and number of each.
    now
        Seconds since 1970, by a clock that agrees with the disk's to within that minute.
    """
    return frozenset(job_id for job_id, number in attempts if _waits(queue, job_id, number, now))


def waiting_apart(counts: Mapping[str, int], waiting: int) -> dict[str, int]:
    """Count jobs that wait in a queue apart from those that run, by outcome in snake case."""
    running = max(0, counts.get("running", 0) - waiting)
    apart = {**counts, "running": running, "waiting": counts.get("running", 0) - running}
    return {word: number for word, number in apart.items() if number}


def _waits(queue: Path, job_id: str, number: int, now: float) -> bool:
    folder = AttemptFolder(queue / "attempts" / job_id / str(number))
    # The folder first: a lease may be that of an earlier attempt, whose folder is another.
    if not folder.path.exists():
        return True
    return not (folder.status.exists() or _is_fresh(queue / "leases" / job_id, now))


def _is_fresh(lease: Path, now: float) -> bool:
    try:
        return now - lease.stat().st_mtime < _FRESH_S
    except OSError:  # let go, or never taken
        return False
