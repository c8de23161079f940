"""What goes into the core and what comes out of it: events and effects.

The journal holds the events; change a field here, and `journal.VERSION` must change with it.
"""

from __future__ import annotations

from dataclasses import dataclass

from seedfleet.fleet.engines.base import Allocation, Ended, Node, NodeDown, NodeUp

# One closed language, matched as a whole.
__all__ = [
    "Cancel",
    "CancelAsked",
    "DrainAsked",
    "Effect",
    "Event",
    "Later",
    "NodeLost",
    "Opened",
    "Probation",
    "Publish",
    "PublishFailed",
    "Published",
    "Start",
]

# --- events: what has happened; `Ended`, `NodeDown` and `NodeUp` come from the engines ---


@dataclass(frozen=True, slots=True)
class Opened:
    """A head has opened the run.

    Parameters
    ----------
    nodes
        Every node that is configured, in contact or not.
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
    """Start nothing more, and end what runs; with `jobs`, only these, and the run goes on."""

    jobs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NodeLost:
    """A node has been out of contact for too long, if nothing has changed since alarm `since`."""

    node: str
    since: int


@dataclass(frozen=True, slots=True)
class Probation:
    """The quarantine that set alarm `since` has been served: the node may try one job."""

    node: str
    since: int


Event = (
    Opened
    | Ended
    | Published
    | PublishFailed
    | NodeDown
    | NodeUp
    | NodeLost
    | Probation
    | DrainAsked
    | CancelAsked
)


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


@dataclass(frozen=True, slots=True)
class Later:
    """Say `event` after a while, unless the head is gone by then.

    Parameters
    ----------
    delay_s
        Seconds, at least 0.
    event
        Carries the number of its alarm, so it changes nothing if things have changed meanwhile.
    """

    delay_s: float
    event: NodeLost | Probation


Effect = Start | Publish | Cancel | Later
