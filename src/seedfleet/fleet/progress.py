"""What a caller hears while a run goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from seedfleet.fleet.engines.base import Allocation, Ended, Node
    from seedfleet.fleet.outcome import Outcome
    from seedfleet.fleet.state import State

# One closed language, matched as a whole.
__all__ = [
    "AttemptEnded",
    "AttemptStarted",
    "JobDone",
    "NodeContact",
    "Notice",
    "Progress",
    "RunStarted",
]


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A head has the run open.

    Parameters
    ----------
    folder
        Where the run's journal, logs and manifest are.
    total, done
        Jobs of the run, and those that need nothing more.
    """

    run_id: str
    folder: Path
    nodes: tuple[Node, ...]
    total: int
    done: int


@dataclass(frozen=True, slots=True)
class AttemptStarted:
    """An attempt was given to the engine, or taken up from an earlier head."""

    job_id: str
    attempt: int
    allocation: Allocation


@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """An attempt ended without success, or when another one of its job counted in its stead.

    Parameters
    ----------
    allocation
        Where it ran.
    again
        True if its job has no outcome yet: it will be tried once more, or another attempt runs.
    """

    ended: Ended
    allocation: Allocation
    again: bool


@dataclass(frozen=True, slots=True)
class JobDone:
    """A job has its outcome.

    Parameters
    ----------
    outputs
        Where each declared output stands; empty unless the job succeeded.
    done, total
        Jobs that need nothing more, this one included, of all.
    """

    job_id: str
    outcome: Outcome
    outputs: Mapping[str, Path]
    run_s: float
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a person should know."""

    text: str


@dataclass(frozen=True, slots=True)
class NodeContact:
    """A node went out of contact, or is in contact for the first time or again.

    Parameters
    ----------
    node
        With `contact` telling which, and otherwise as it was last seen.
    problem
        Why it is out of contact, and what to do about it; empty for a node in contact.
    for_good
        True where the engine has given it up.
    attempts
        How many attempts there have not ended as far as is known.
    """

    node: Node
    problem: str = ""
    for_good: bool = False
    attempts: int = 0

    @classmethod
    def of(cls, state: State, name: str) -> NodeContact:
        """Tell how the contact with a node is in a state of the run; cost O(living attempts)."""
        known = state.nodes[name]
        living = (state.jobs[index].living() for index in state.busy | state.orphaned)
        places = [place.node for attempts in living for _, place in attempts]
        return cls(known.node, known.problem, known.given_up, places.count(name))


Progress = RunStarted | AttemptStarted | AttemptEnded | JobDone | NodeContact | Notice
