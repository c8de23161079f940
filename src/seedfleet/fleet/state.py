"""What the core knows of a run: values only, and every change makes a new one.

A job goes Waiting -> Running -> Publishing -> Done, and from Running or Publishing back to Waiting
for another try. Publishing means that an attempt's outputs passed on the node and are being put at
their places with their markers; only then is the job done.

An attempt whose node has been out of contact for too long is an orphan: its job goes on without it,
and it may come back. Then it is the job's attempt again if the job has found no better one, and is
cancelled otherwise. A job that is Done without success leaves that phase once more if an orphan of
it turns out to have succeeded, or if nothing else was known of it than that its nodes failed it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedfleet.fleet.outcome import FailedToStart, Lost

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seedfleet.fleet._rows import Rows
    from seedfleet.fleet._standing import NodeState
    from seedfleet.fleet.engines.base import Allocation, Ended
    from seedfleet.fleet.outcome import Outcome
    from seedfleet.fleet.placement import FreeSlots, Requirement
    from seedfleet.fleet.spec import Job

# The four phases belong to the states that they are phases of.
__all__ = [
    "Done",
    "JobState",
    "Line",
    "Orphan",
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
    node_lost_after_s
        After so many seconds out of contact the jobs of a node may start elsewhere; those of a
        queue never do.
    """

    jobs: tuple[Job, ...]
    retries: int = 1
    retry_timed_out: bool = False
    max_fails: int | None = None
    node_lost_after_s: float = 600.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """The job has no attempt under way that counts."""


@dataclass(frozen=True, slots=True)
class Running:
    """An attempt was given to the engine; its node may be out of contact."""

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
class Orphan:
    """An attempt that its job no longer waits for and that may still live.

    Parameters
    ----------
    cancelled
        The engine was asked to end it, so it is never taken back.
    """

    attempt: int
    allocation: Allocation
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class JobState:
    """One job: where it is, and what has become of its attempts.

    Parameters
    ----------
    history
        Every attempt that has ended, with the place where it ran; of a job that is done by an
        attempt, that attempt comes last.
    attempts
        How many were started.
    failures
        Failures of the job's own.
    losses
        Faults of nodes in a row.
    orphans
        In the order in which they were given up.
    cancelled
        Somebody asked to end this job.
    """

    phase: Waiting | Running | Publishing | Done = Waiting()
    history: tuple[tuple[Ended, Allocation], ...] = ()
    attempts: int = 0
    failures: int = 0
    losses: int = 0
    orphans: tuple[Orphan, ...] = ()
    cancelled: bool = False

    @property
    def is_over(self) -> bool:
        """True when the job is done and no copy of it may be alive: nothing is left to cancel."""
        return isinstance(self.phase, Done) and not self.orphans

    @property
    def ended_by_nodes(self) -> bool:
        """True for a job that is done, of which nodes alone are to blame that it has no result."""
        match self.phase:
            case Done(Lost()):
                return True
            case Done(FailedToStart()):
                return self.losses > 0  # a failure of its own sets them to 0
            case _:
                return False

    def place_of(self, attempt: int) -> Allocation | None:
        """Say where an attempt runs that may still live; None for any other."""
        return next((place for number, place in self.living() if number == attempt), None)

    def living(self) -> Iterator[tuple[int, Allocation]]:
        """List the attempts that have not ended as far as is known, and their places."""
        if isinstance(self.phase, Running):
            yield self.phase.attempt, self.phase.allocation
        for orphan in self.orphans:
            yield orphan.attempt, orphan.allocation


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
    smaller goes first. `lines` has the jobs that were never tried, `returned` the others. `nodes`
    has the nodes of this head, and those of earlier ones on which attempts may live.
    """

    plan: Plan
    jobs: Rows[JobState]
    indices: Mapping[str, int]
    free: FreeSlots
    nodes: Mapping[str, NodeState]
    order: tuple[int, ...] = ()
    ranks: tuple[int, ...] = ()
    lines: tuple[Line, ...] = ()
    returned: tuple[int, ...] = ()
    busy: frozenset[int] = frozenset()  # jobs that are Running or Publishing
    orphaned: frozenset[int] = frozenset()  # jobs that have orphans
    alarms: int = 0  # how many alarms were set, so that each has a number of its own
    done: int = 0
    not_succeeded: int = 0  # of those done, the ones that nobody asked to end
    stop: Stop = Stop.NO

    @property
    def finished(self) -> bool:
        """True when nothing more is to come that this head should wait for.

        Without a stop that is when every job is done: a job that waits has a slot to wait for, an
        alarm, or a node that may come back, since `decide` ends those that have none of these.
        """
        if any(map(self._is_awaited, self.busy)):
            return False
        if any(
            self.in_contact(orphan.allocation.node)
            for index in self.orphaned
            for orphan in self.jobs[index].orphans
        ):
            return False  # it was asked to end, and soon will
        return self.stop is not Stop.NO or self.done == len(self.plan.jobs)

    def in_contact(self, node: str) -> bool:
        """Tell whether a node is there now."""
        return node in self.nodes and self.nodes[node].node.contact

    def writes_in_place(self, orphan: Orphan) -> bool:
        """Tell whether no other attempt may run beside an orphan: they would write one file."""
        return self.nodes[orphan.allocation.node].node.in_place

    def _is_awaited(self, index: int) -> bool:
        phase = self.jobs[index].phase
        if not isinstance(phase, Running) or self.stop is not Stop.CANCEL:
            return True
        return self.in_contact(phase.allocation.node)
