"""What a queueing engine asks of a scheduler, whose word about its tasks is a hint and no more."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

__all__ = [
    "Batch",
    "RefusedBatchError",
    "RefusedForNowError",
    "Request",
    "Scheduler",
    "SchedulerDownError",
    "TaskState",
]


class SchedulerDownError(Exception):
    """The scheduler does not answer now; whether it has done what was asked is not known."""


class RefusedBatchError(Exception):
    """The scheduler will never run this, with its own words."""


class RefusedForNowError(Exception):
    """The scheduler does not take this now, with its own words and what helps; later it may.

    Parameters
    ----------
    problem
        For a person.
    too_many
        True where it may take fewer tasks at once.
    """

    def __init__(self, problem: str, *, too_many: bool = False) -> None:
        super().__init__(problem)
        self.too_many = too_many


class TaskState(enum.Enum):
    """What a scheduler says of a task; of one that it does not know it says nothing."""

    ALIVE = enum.auto()  # waiting, running, or about to run again
    OVER = enum.auto()
    OUT_OF_MEMORY = enum.auto()  # over, since it took more than it was given
    CANCELLED = enum.auto()  # over, since somebody asked for that
    HELD = enum.auto()  # put back by a fault of its machine, and waits until a person lets it go
    PAUSED = enum.auto()  # held on purpose, until whoever did that lets it go
    NEVER = enum.auto()  # waits for what cannot come
    UNKNOWN = enum.auto()  # nobody keeps it: its files alone will tell


@dataclass(frozen=True, slots=True)
class Request:
    """What a task asks of its scheduler; tasks that ask the same may share a batch.

    Parameters
    ----------
    gpus
        How many, 0 for none.
    timeout_s
        How long its script may run; its supervisor sees to that, so a scheduler adds a margin.
    node
        The machine that the job pins, as the scheduler names it; None for any.
    platform
        "cuda", "rocm", "cpu" or None for any.
    requeue
        False if a task that has been started must not be started again.
    exclude
        Machines to keep off, as long as that leaves others.
    """

    gpus: int
    timeout_s: float
    node: str | None = None
    platform: str | None = None
    requeue: bool = True
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """Tasks to be started.

    Parameters
    ----------
    name
        Unique among all batches of all runs: letters, digits and hyphens.
    words
        The command; a task's number is appended to it.
    numbers
        One task for each, consecutive and increasing.
    request
        What each of them asks.
    log
        A file in a folder that exists, on the shared disk, for what tasks print.
    """

    name: str
    words: tuple[str, ...]
    numbers: range
    request: Request
    log: Path


class Scheduler(Protocol):
    """Starts tasks and says what it knows of them.

    All methods are called from one event loop, and several may be under way at once. Each of them
    raises `SchedulerDownError` where the scheduler does not answer.
    """

    name: str
    """As the node is called that the engine offers."""

    most_in_batch: int
    """At least 1."""

    async def check(self) -> None:
        """Find out whether it can be used from here.

        Raises
        ------
        BadInputError
            If not, with every reason.
        """

    async def submit(self, batch: Batch) -> str:
        """Hand a batch in, and return the scheduler's own name of it.

        Raises
        ------
        RefusedBatchError
            If it will never run.
        RefusedForNowError
            If it is not taken now.
        """

    async def find(self, batch: Batch) -> str | None:
        """Look for a batch that was handed in by an earlier head, or without hearing of it."""

    async def look(
        self, batches: Mapping[str, Collection[int]]
    ) -> Mapping[tuple[str, int], TaskState]:
        """Say how tasks stand.

        Parameters
        ----------
        batches
            By the scheduler's own name of a batch, the numbers of its tasks.

        Returns
        -------
        dict of TaskState
            By batch and number; without those that the scheduler does not know (any more).
        """

    def reason(self, batch: str, number: int) -> str:
        """Say in the scheduler's words why a task waits, or how it ended, by the last `look`.

        "" where it has no word for it.
        """

    async def cancel(self, batch: str, numbers: Collection[int]) -> None:
        """Ask for the end of tasks, whether they wait or run: TERM, and later KILL."""

    async def close(self) -> None:
        """Let go; tasks go on."""
