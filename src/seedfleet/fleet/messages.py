"""What goes into the core and what comes out of it: events and effects.

The journal holds the events; change a field here, and `journal.VERSION` must change with it.
"""

from __future__ import annotations

from dataclasses import dataclass

from seedfleet.fleet.engines.base import Allocation, Ended, Node

# One closed language, matched as a whole.
__all__ = [
    "Cancel",
    "CancelAsked",
    "DrainAsked",
    "Effect",
    "Event",
    "Opened",
    "Publish",
    "PublishFailed",
    "Published",
    "Start",
]

# --- events: what has happened; `Ended` comes from the engines ---


@dataclass(frozen=True, slots=True)
class Opened:
    """A head has opened the run.

    Parameters
    ----------
    nodes
        What there is to run on.
    order
        Job indices, first to start first.
    again
        Jobs that were done and shall run again.
    hold
        True: take up what runs, and start nothing.
    """

    nodes: tuple[Node, ...]
    order: tuple[int, ...]
    again: tuple[int, ...] = ()
    hold: bool = False


@dataclass(frozen=True, slots=True)
class Published:
    """The outputs of an attempt stand at their places, with their markers."""

    job_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class PublishFailed:
    """The outputs of an attempt could not be put at their places."""

    job_id: str
    attempt: int
    problem: str


@dataclass(frozen=True, slots=True)
class DrainAsked:
    """Start nothing more, and let what runs end by itself."""


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """Start nothing more, and end what runs.

    Parameters
    ----------
    jobs
        End only these, by job id, and go on with the others; empty is everything.
    """

    jobs: tuple[str, ...] = ()


Event = Opened | Ended | Published | PublishFailed | DrainAsked | CancelAsked


# --- effects: what the driver is to do; each may be done twice without harm ---


@dataclass(frozen=True, slots=True)
class Start:
    """Start an attempt, or take it up again."""

    job: int
    attempt: int
    allocation: Allocation


@dataclass(frozen=True, slots=True)
class Publish:
    """Put an attempt's outputs at their places and say `Published` or `PublishFailed`."""

    job: int
    ended: Ended


@dataclass(frozen=True, slots=True)
class Cancel:
    """Ask the engine to end an attempt."""

    job: int
    attempt: int


Effect = Start | Publish | Cancel
