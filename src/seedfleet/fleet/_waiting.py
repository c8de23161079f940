"""The waiting jobs of a run: who goes next and where, and who waits for what cannot come."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from seedfleet.fleet.messages import Start
from seedfleet.fleet.outcome import FailedToStart, Lost
from seedfleet.fleet.placement import Requirement
from seedfleet.fleet.state import Line, Running, State, Stop, Waiting

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from seedfleet.fleet._rows import Rows
    from seedfleet.fleet.engines.base import Allocation
    from seedfleet.fleet.messages import Effect
    from seedfleet.fleet.outcome import Outcome
    from seedfleet.fleet.state import JobState, Plan

__all__ = ["come_back", "hopeless", "leave", "line_up", "place"]


def line_up(
    plan: Plan, jobs: Rows[JobState], order: tuple[int, ...]
) -> tuple[tuple[Line, ...], tuple[int, ...]]:
    """Put every waiting job where it belongs: the `lines` and the `returned` of a state."""
    ranks: dict[Requirement, list[int]] = {}
    returned = []
    for rank, index in enumerate(order):
        job = jobs[index]
        if isinstance(job.phase, Waiting):
            if job.attempts:
                returned.append(rank)
            else:
                ranks.setdefault(Requirement.of(plan.jobs[index]), []).append(rank)
    lines = (Line(requirement, tuple(found)) for requirement, found in ranks.items())
    return tuple(lines), tuple(returned)


def come_back(state: State, index: int) -> State:
    """Let a job that was tried wait again."""
    return replace(state, returned=tuple(sorted((*state.returned, state.ranks[index]))))


def leave(state: State, indices: Collection[int]) -> State:
    """Take jobs out of wherever they wait; cost O(jobs) if any was never tried."""
    ranks = {state.ranks[index] for index in indices}
    returned = tuple(rank for rank in state.returned if rank not in ranks)
    if len(state.returned) - len(returned) == len(ranks):
        return replace(state, returned=returned)
    lines = tuple(
        Line(line.requirement, tuple(r for r in line.ranks[line.next :] if r not in ranks))
        for line in state.lines
    )
    return replace(state, returned=returned, lines=lines)


def hopeless(state: State) -> Iterator[tuple[int, Outcome]]:
    """List the waiting jobs for which there is no node, none may come, and how they end."""
    if state.stop is not Stop.NO:
        return  # nothing more starts, so they stay as they are, for a resume
    verdicts: dict[Requirement, Outcome | None] = {}
    for line in state.lines:
        if line.first is not None:
            verdict = verdicts[line.requirement] = _verdict(state, line.requirement)
            if verdict is not None:
                yield from ((state.order[rank], verdict) for rank in line.ranks[line.next :])
    for rank in state.returned:
        requirement = Requirement.of(state.plan.jobs[state.order[rank]])
        if requirement not in verdicts:
            verdicts[requirement] = _verdict(state, requirement)
        if (outcome := verdicts[requirement]) is not None:
            yield state.order[rank], outcome


def _verdict(state: State, requirement: Requirement) -> Outcome | None:
    gone = None
    for known in state.nodes.values():
        if requirement.may_fit(known.node):
            if known.node.contact or known.may_come:
                return None
            gone = gone or known
    if gone is None:
        return FailedToStart(requirement.unmet(known.node for known in state.nodes.values()))
    how = "was given up" if gone.given_up else "is out of contact for too long"
    return Lost(gone.node.name, f"{gone.node.name} {how}: {gone.problem}")


def place(state: State) -> tuple[State, list[Effect]]:
    """Start every waiting job for which there is room, in start order."""
    effects: list[Effect] = []
    while state.stop is Stop.NO and (found := _next(state)) is not None:
        rank, allocation = found
        index = state.order[rank]
        job = state.jobs[index]
        job = replace(job, phase=Running(job.attempts + 1, allocation), attempts=job.attempts + 1)
        state = replace(
            state,
            jobs=state.jobs.put(index, job),
            free=state.free.take(allocation),
            busy=state.busy | {index},
            returned=tuple(r for r in state.returned if r != rank),
            lines=tuple(
                replace(line, next=line.next + 1) if line.first == rank else line
                for line in state.lines
            ),
        )
        state = _on_trial(state, index, job.attempts, allocation.node)
        effects.append(Start(index, job.attempts, allocation))
    return state, effects


def _on_trial(state: State, index: int, attempt: int, name: str) -> State:
    """Note the attempt that decides a node's probation: nodes that are trusted have none."""
    known = state.nodes[name]
    if not known.on_probation:
        return state
    return replace(state, nodes={**state.nodes, name: replace(known, trial=(index, attempt))})


def _spared(
    state: State, job: JobState, requirement: Requirement, shut: Collection[str]
) -> set[str]:
    """Name the nodes on which a job has failed, as long as it may go to another one.

    A node that fails everything has always room: without this every job would come back to it.
    """
    tried = {place.node for _, place in job.history}
    others = (
        known.node
        for name, known in state.nodes.items()
        if name not in tried and name not in shut and known.node.contact
    )
    return tried if tried and any(requirement.fits(node) for node in others) else set()


def _next(state: State) -> tuple[int, Allocation] | None:
    """Find the first waiting job, in start order, for which there is room.

    The first job that waits for several GPUs has one node kept for it, else it might wait for ever.
    """
    closed = {name for name, known in state.nodes.items() if known.closed}
    heads = [line.first for line in state.lines if line.first is not None]
    kept: str | None = None
    full: set[Requirement] = set()
    for rank in sorted((*heads, *state.returned)):
        index = state.order[rank]
        job = state.jobs[index]
        requirement = Requirement.of(state.plan.jobs[index])
        if requirement in full:
            continue
        # Beside a copy that may still live no second one starts on the same node.
        shut = closed.union(orphan.allocation.node for orphan in job.orphans)
        spared = _spared(state, job, requirement, shut)
        shut |= spared
        avoid = job.history[-1][1].node if job.history else None
        found = state.free.find(requirement, avoid=avoid, closed=shut, kept=kept)
        if found is not None:
            return rank, found
        if not job.orphans and not spared:
            full.add(requirement)
        if kept is None and (requirement.gpus or 0) > 1:
            kept = state.free.best_for(requirement, avoid=avoid, closed=shut)
    return None
