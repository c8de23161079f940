"""What the core knows of a run: values only, and every change makes a new one.

A job goes Waiting -> Running -> Publishing -> Done, and from Running or Publishing back to Waiting
for another try. Publishing means that an attempt's outputs passed on the node and are being put at
their places with their markers; only then is the job done.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seedfleet.fleet._rows import Rows
    from seedfleet.fleet.engines.base import Allocation, Ended
    from seedfleet.fleet.outcome import Outcome
    from seedfleet.fleet.placement import FreeSlots, Requirement
    from seedfleet.fleet.spec import Job

# The four phases belong to the states that they are phases of.
__all__ = [
    "Done",
    "JobState",
    "Line",
    "Plan",
    "Publishing",
    "Running",
    "State",
    "Stop",
    "Waiting",
]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is fixed before the first event.

    Parameters
    ----------
    jobs
        In file order; everywhere else a job is its index here.
    retries
        Tries after a failure of the job's own, for jobs that do not say themselves.
    retry_timed_out
        Whether TimedOut is retried like any other failure.
    max_fails
        Start nothing more once so many jobs have ended without success; None is no limit.
    """

    jobs: tuple[Job, ...]
    retries: int = 1
    retry_timed_out: bool = False
    max_fails: int | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """The job has no attempt under way."""


@dataclass(frozen=True, slots=True)
class Running:
    """The job's newest attempt was given to the engine."""

    attempt: int
    allocation: Allocation


@dataclass(frozen=True, slots=True)
class Publishing:
    """An attempt's outputs passed their checks and are on their way to their places."""

    ended: Ended
    allocation: Allocation


@dataclass(frozen=True, slots=True)
class Done:
    """The job has its outcome."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class JobState:
    """One job: where it is, and every attempt that has ended, with the place where it ran."""

    phase: Waiting | Running | Publishing | Done = Waiting()
    history: tuple[tuple[Ended, Allocation], ...] = ()
    attempts: int = 0
    failures: int = 0
    losses: int = 0


class Stop(enum.IntEnum):
    """How far a run is from starting more jobs."""

    NO = 0
    LIMIT = 1  # too many jobs have ended without success
    DRAIN = 2
    CANCEL = 3


@dataclass(frozen=True, slots=True)
class Line:
    """Jobs with one requirement in start order, those before `next` having left the line."""

    requirement: Requirement
    ranks: tuple[int, ...]
    next: int = 0

    @property
    def first(self) -> int | None:
        """The rank of the job that goes next, or None when all have gone."""
        return self.ranks[self.next] if self.next < len(self.ranks) else None


@dataclass(frozen=True, slots=True)
class State:
    """Everything that `decide` knows.

    `order[rank]` is a job and `ranks[job]` its rank; `lines` and `returned` hold ranks, so that the
    smaller goes first.
    """

    plan: Plan
    jobs: Rows[JobState]
    indices: Mapping[str, int]
    free: FreeSlots
    order: tuple[int, ...] = ()
    ranks: tuple[int, ...] = ()
    lines: tuple[Line, ...] = ()
    returned: tuple[int, ...] = ()
    busy: frozenset[int] = frozenset()  # jobs that are Running or Publishing
    done: int = 0
    not_succeeded: int = 0
    stop: Stop = Stop.NO

    @property
    def finished(self) -> bool:
        """True when nothing is under way; nothing more will then happen by itself."""
        return not self.busy
