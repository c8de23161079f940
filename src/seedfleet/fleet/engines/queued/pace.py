"""How a queueing engine divides its time and its line."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["QueuePace"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePace:
    """How an engine divides its time and its line.

    Parameters
    ----------
    slots
        Attempts handed in at once, at least 1.
    gather_s
        How long to wait for more attempts that could share a batch.
    files_s
        Between two looks at the shared disk.
    poll_s
        Between two questions to the scheduler.
    grace_s
        How late the shared disk may show what a task has written: so long after its scheduler
        says that a task is over, one without a status is believed lost.
    """

    slots: int = 256
    gather_s: float = 0.3
    files_s: float = 0.5
    poll_s: float = 5.0
    grace_s: float = 30.0
