"""Nodes that go out of contact and come back, and what that means for their attempts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from seedfleet.fleet import _waiting
from seedfleet.fleet._ending import MOST_LOSSES, adopt, finish
from seedfleet.fleet.messages import Cancel, Later, NodeLost
from seedfleet.fleet.outcome import Cancelled, Lost
from seedfleet.fleet.placement import FreeSlots
from seedfleet.fleet.state import JobState, Orphan, Running, State, Stop, Waiting

if TYPE_CHECKING:
    from seedfleet.fleet._standing import NodeState
    from seedfleet.fleet.engines.base import NodeDown, NodeUp
    from seedfleet.fleet.messages import Effect

__all__ = ["contact_lost", "contact_made", "node_lost", "occupied", "take_up_orphans"]


def contact_lost(state: State, event: NodeDown) -> tuple[State, list[Effect]]:
    """Offer a node to nobody; its attempts stay what they are until its alarm.

    A queue has none unless this head has given it up: its tasks run on, or wait in line, whether or
    not its scheduler answers, and their ends come by the disk.
    """
    known = state.nodes.get(event.node)
    if known is None:
        return state, []
    down = replace(
        known,
        node=replace(known.node, contact=False),
        problem=event.problem,
        given_up=known.given_up or event.for_good,
    )
    effects: list[Effect] = []
    # With an alarm set already it is only known better what is wrong; the time runs on.
    if not known.contact_alarm and (down.given_up or not known.node.queue):
        state = replace(state, alarms=state.alarms + 1)
        down = replace(down, contact_alarm=state.alarms)
        effects = [Later(state.plan.node_lost_after_s, NodeLost(event.node, state.alarms))]
    return _with_node(state, down), effects


def contact_made(state: State, event: NodeUp) -> tuple[State, list[Effect]]:
    """Offer a node as it is now, and decide about the attempts that are found there."""
    name = event.node.name
    known = state.nodes.get(name)
    if known is None:
        return state, []
    there = replace(known.seen(event.node), contact=True)
    up = replace(known, node=there, problem="", given_up=False, lost=False, contact_alarm=0)
    state = _with_node(state, up)
    state, effects = take_up_orphans(occupied(state), name)
    for index in sorted(state.busy):
        job = state.jobs[index]
        unwanted = job.cancelled or state.stop is Stop.CANCEL
        if unwanted and isinstance(job.phase, Running) and job.phase.allocation.node == name:
            effects.append(Cancel(index, job.phase.attempt))
    return state, effects


def node_lost(state: State, event: NodeLost) -> State:
    """Let the jobs of a node that has been gone for too long go on without it."""
    known = state.nodes.get(event.node)
    if known is None or known.contact_alarm != event.since or known.lost:
        return state
    state = _with_node(state, replace(known, lost=True, trial=None))
    for index in sorted(state.busy):
        phase = state.jobs[index].phase
        if isinstance(phase, Running) and phase.allocation.node == event.node:
            state = _orphan(state, index, phase, known)
    return state


def take_up_orphans(state: State, name: str) -> tuple[State, list[Effect]]:
    """Take the orphans on a node in contact back where their jobs have found no better attempt."""
    effects: list[Effect] = []
    for index in sorted(state.orphaned):
        for orphan in state.jobs[index].orphans:
            if orphan.allocation.node != name:
                continue
            if _is_missed(state.jobs[index], orphan):
                state = adopt(state, index, orphan)
                continue
            effects.append(Cancel(index, orphan.attempt))
            state = _with_cancelled(state, index, orphan)
    return state, effects


def occupied(state: State) -> State:
    """Count anew what the living attempts leave free on the nodes as they are now."""
    free = FreeSlots.all_of(tuple(known.node for known in state.nodes.values()))
    for index in sorted(state.busy | state.orphaned):
        for _, allocation in state.jobs[index].living():
            # Attempts of an earlier head keep their places, even those no longer offered.
            free = free.take(allocation)
    return replace(state, free=free)


def _with_node(state: State, known: NodeState) -> State:
    if state.nodes[known.node.name] == known:
        return state
    return replace(state, nodes={**state.nodes, known.node.name: known})


def _orphan(state: State, index: int, phase: Running, known: NodeState) -> State:
    job, node = state.jobs[index], known.node
    orphan = Orphan(phase.attempt, phase.allocation, cancelled=job.cancelled)
    job = replace(job, orphans=(*job.orphans, orphan), losses=job.losses + 1)
    state = replace(
        state,
        jobs=state.jobs.put(index, job),
        busy=state.busy - {index},
        orphaned=state.orphaned | {index},
    )
    if job.cancelled:
        return finish(state, index, Cancelled())
    once = any(map(state.writes_in_place, job.orphans)) or not state.plan.jobs[index].rerun
    if once or job.losses >= MOST_LOSSES:
        return finish(state, index, Lost(node.name, f"{node.name} was lost: {known.problem}"))
    state = replace(state, jobs=state.jobs.put(index, replace(job, phase=Waiting())))
    return _waiting.come_back(state, index)


def _is_missed(job: JobState, orphan: Orphan) -> bool:
    return not orphan.cancelled and (isinstance(job.phase, Waiting) or job.ended_by_nodes)


def _with_cancelled(state: State, index: int, orphan: Orphan) -> State:
    job = state.jobs[index]
    orphans = tuple(
        replace(each, cancelled=True) if each == orphan else each for each in job.orphans
    )
    return replace(state, jobs=state.jobs.put(index, replace(job, orphans=orphans)))
