"""What the core knows of each node: whether it can be reached, and whether it can be trusted."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from seedfleet.fleet.outcome import Cancelled, FailedToStart, Lost, Superseded

if TYPE_CHECKING:
    from seedfleet.fleet.engines.base import Ended, Node

__all__ = ["NodeState", "Trust", "is_fault", "script_ran"]

_MOST_FAULTS: Final = 3
_QUARANTINE_S: Final = 15.0
_LONGEST_QUARANTINE_S: Final = 600.0


class Trust(enum.Enum):
    """How much a node is given to do."""

    FULL = enum.auto()
    QUARANTINE = enum.auto()  # nothing, for a while
    PROBATION = enum.auto()  # one job at a time, until a script has run there properly


@dataclass(frozen=True, slots=True)
class NodeState:
    """One node, or a queue, which is trusted whatever becomes of its attempts.

    Parameters
    ----------
    node
        As it was last seen, with `contact` as it is now.
    problem, given_up, lost
        Of a node out of contact: why; whether the engine has given it up; whether it has been gone
        for so long that its jobs may start elsewhere.
    contact_alarm, trust_alarm
        The numbers of the newest alarms that would declare it lost, and that would end its
        quarantine; those of older ones mean nothing.
    faults
        Different jobs that met faults of the node, since a script last ran there properly.
    quarantines
        How often in a row it has been put into quarantine.
    trial
        Job and number of the attempt that decides a probation, if one runs.
    """

    node: Node
    problem: str = ""
    given_up: bool = False
    lost: bool = False
    contact_alarm: int = 0
    trust: Trust = Trust.FULL
    trust_alarm: int = 0
    faults: tuple[int, ...] = ()
    quarantines: int = 0
    trial: tuple[int, int] | None = None

    @property
    def on_probation(self) -> bool:
        """True when the next attempt here decides what the node is worth."""
        return self.trust is Trust.PROBATION

    @property
    def closed(self) -> bool:
        """True when nothing may be started on the node now."""
        served = self.trust is Trust.FULL or (self.on_probation and self.trial is None)
        return not self.node.contact or not served

    @property
    def may_come(self) -> bool:
        """True for a node out of contact that is still waited for."""
        return not (self.node.contact or self.lost or self.given_up)

    def seen(self, node: Node) -> Node:
        """Take the node as it is seen now, and keep in mind what it does not know of itself.

        A node says that it writes in place only once it was asked, which is anew after each
        contact, and while it is away it says nothing; its attempts write there all the time.
        """
        return replace(node, in_place=node.in_place or self.node.in_place)

    @property
    def quarantine_s(self) -> float:
        """How long the present quarantine lasts: twice as long as the one before."""
        return float(min(_QUARANTINE_S * 2 ** (self.quarantines - 1), _LONGEST_QUARANTINE_S))

    def after(self, ended: Ended, job: int, alarm: int) -> NodeState:
        """Draw the node's conclusions from an attempt that ended there.

        Parameters
        ----------
        job
            Whose attempt it was.
        alarm
            The number that the alarm of a new quarantine would have.

        Returns
        -------
        NodeState
            In a new quarantine if its `trust_alarm` is `alarm`.
        """
        if self.node.queue:  # many machines: what one of them does wrong says nothing of the others
            return self
        on_trial = self.trial == (job, ended.attempt)
        known = replace(self, trial=None) if on_trial else self
        if script_ran(ended):
            if on_trial:
                return replace(known, trust=Trust.FULL, faults=(), quarantines=0)
            return replace(known, faults=())
        if not is_fault(ended):
            return known
        if known.trust is Trust.FULL and job not in known.faults:
            known = replace(known, faults=(*known.faults, job))
        if on_trial or (known.trust is Trust.FULL and len(known.faults) >= _MOST_FAULTS):
            return replace(
                known,
                trust=Trust.QUARANTINE,
                trust_alarm=alarm,
                faults=(),
                quarantines=known.quarantines + 1,
            )
        return known


def is_fault(ended: Ended) -> bool:
    """Tell whether an attempt met a fault of its node, which is no failure of its job."""
    return ended.node_fault or isinstance(ended.outcome, Lost)


def script_ran(ended: Ended) -> bool:
    """Tell whether the node did its part, whatever the script made of it."""
    never = isinstance(ended.outcome, FailedToStart | Cancelled | Superseded)
    return not (is_fault(ended) or never)
