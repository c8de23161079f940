"""The decisions of a run, without a clock, a disk or a wait in them.

`decide(state, event)` returns the next state and what to do about it. The journal holds the events
in order, so folding `decide` over them is the one way to learn the state of a run, in the same head
or in a later one. Change what `decide` does, and `journal.VERSION` must change with it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from seedfleet.fleet import _waiting
from seedfleet.fleet._contact import (
    contact_lost,
    contact_made,
    node_lost,
    occupied,
    take_up_orphans,
)
from seedfleet.fleet._ending import accept, end, finish, unsuccessful
from seedfleet.fleet._rows import Rows
from seedfleet.fleet._standing import NodeState, Trust
from seedfleet.fleet.engines.base import Ended, NodeDown, NodeUp
from seedfleet.fleet.messages import (
    Cancel,
    CancelAsked,
    DrainAsked,
    Effect,
    Event,
    NodeLost,
    Opened,
    Probation,
    Publish,
    Published,
    PublishFailed,
    Start,
)
from seedfleet.fleet.outcome import Cancelled, OutputInvalid, Succeeded
from seedfleet.fleet.placement import FreeSlots
from seedfleet.fleet.state import Done, JobState, Plan, Publishing, Running, State, Stop, Waiting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from seedfleet.fleet.engines.base import Node

__all__ = ["decide", "initial"]


def initial(plan: Plan) -> State:
    """Return the state before the first event."""
    return State(
        plan=plan,
        jobs=Rows.filled(JobState(), len(plan.jobs)),
        indices={job.job_id: index for index, job in enumerate(plan.jobs)},
        free=FreeSlots.all_of(()),
        nodes={},
    )


def decide(state: State, event: Event) -> tuple[State, list[Effect]]:
    """Take one event in.

    Parameters
    ----------
    state
        What is known; not changed.
    event
        What happened. Events about an attempt that has ended already or never was, about a node
        that is not configured, and alarms that are out of date change nothing: engines may repeat
        themselves.

    Returns
    -------
    state : State
        What is known now.
    effects : list
        What to do, in this order.
    """
    before = state
    state, effects = _take_in(state, event)
    if state.returned != before.returned or state.nodes is not before.nodes:
        ends = dict(_waiting.hopeless(state))
        state = _waiting.leave(state, ends)
        for index, outcome in ends.items():
            state = finish(state, index, outcome)
    state, starts = _waiting.place(state)
    return state, [*effects, *starts]


def _take_in(state: State, event: Event) -> tuple[State, list[Effect]]:
    match event:
        case Opened():
            taken = _open(state, event)
        case Ended():
            taken = end(state, event)
        case Published() | PublishFailed():
            taken = _publishing_ended(state, event), []
        case NodeDown():
            taken = contact_lost(state, event)
        case NodeUp():
            taken = contact_made(state, event)
        case NodeLost():
            taken = node_lost(state, event), []
        case Probation():
            taken = _probation(state, event), []
        case DrainAsked() | CancelAsked():
            taken = _stop(state, event)
        case _ as never:
            assert_never(never)
    return taken


# --- a head opens the run ---


def _open(state: State, event: Opened) -> tuple[State, list[Effect]]:
    here = {node.name for node in event.nodes}
    left = [state.nodes[name].node for name in _inhabited(state) if name not in here]
    state = replace(state, nodes=_known(state, (*event.nodes, *left)))
    jobs = state.jobs
    for index in event.again:
        if _may_start_again(state, index):
            fresh = replace(jobs[index], phase=Waiting(), failures=0, losses=0, cancelled=False)
            jobs = jobs.put(index, fresh)
    lines, returned = _waiting.line_up(state.plan, jobs, event.order)
    state = replace(
        state,
        jobs=jobs,
        order=event.order,
        ranks=tuple(sorted(range(len(event.order)), key=event.order.__getitem__)),
        lines=lines,
        returned=returned,
        done=sum(isinstance(job.phase, Done) for job in jobs),
        not_succeeded=sum(_counts_as_failed(job) for job in jobs),
        stop=Stop.DRAIN if event.hold else Stop.NO,
    )
    effects: list[Effect] = []
    for down in (
        *(NodeDown(node.name, "not in contact yet") for node in event.nodes if not node.contact),
        *(NodeDown(node.name, "this head does not have it", for_good=True) for node in left),
    ):
        state, alarm = contact_lost(state, down)
        effects += alarm
    effects += _taken_up(state)
    return _with_orphans(occupied(state), effects)


def _inhabited(state: State) -> Iterator[str]:
    """Name every node on which an attempt may live."""
    living = (state.jobs[index].living() for index in sorted(state.busy | state.orphaned))
    return iter(dict.fromkeys(place.node for each in living for _, place in each))


def _known(state: State, nodes: Iterable[Node]) -> dict[str, NodeState]:
    """Begin anew with what is known of nodes, but for what must not be forgotten of them."""
    return {
        node.name: NodeState(
            state.nodes[node.name].seen(node) if node.name in state.nodes else node
        )
        for node in nodes
    }


def _may_start_again(state: State, index: int) -> bool:
    """Tell whether no copy of a job can be alive that would forbid another."""
    spec, job = state.plan.jobs[index], state.jobs[index]
    return not any(not spec.rerun or state.writes_in_place(orphan) for orphan in job.orphans)


def _counts_as_failed(job: JobState) -> bool:
    return isinstance(job.phase, Done) and not isinstance(job.phase.outcome, Succeeded | Cancelled)


def _taken_up(state: State) -> Iterator[Effect]:
    for index in sorted(state.busy):
        job = state.jobs[index]
        match job.phase:
            case Running(attempt, allocation):
                yield Start(index, attempt, allocation)
                if job.cancelled:
                    yield Cancel(index, attempt)
            case Publishing(ended):
                yield Publish(index, ended)


def _with_orphans(state: State, effects: list[Effect]) -> tuple[State, list[Effect]]:
    """Have the engine look for every orphan, and decide about those that it can reach."""
    for index in sorted(state.orphaned):
        effects += [
            Start(index, orphan.attempt, orphan.allocation) for orphan in state.jobs[index].orphans
        ]
    for name, known in state.nodes.items():
        if known.node.contact:
            state, more = take_up_orphans(state, name)
            effects += more
    return state, effects


# --- results take their places ---


def _publishing_ended(state: State, event: Published | PublishFailed) -> State:
    index = state.indices[event.job_id]
    phase = state.jobs[index].phase
    if not isinstance(phase, Publishing) or phase.ended.attempt != event.attempt:
        return state
    if isinstance(event, Published):
        return accept(state, index, phase)
    # The node's checks passed, so this is told as what it is: the result could not be trusted.
    outcome = OutputInvalid(state.plan.jobs[index].all_outputs, event.problem)
    ended = replace(phase.ended, outcome=outcome, detail=event.problem)
    return unsuccessful(state, index, ended, phase.allocation)


# --- nodes and wishes ---


def _probation(state: State, event: Probation) -> State:
    known = state.nodes.get(event.node)
    if known is None or (known.trust, known.trust_alarm) != (Trust.QUARANTINE, event.since):
        return state
    return replace(
        state, nodes={**state.nodes, event.node: replace(known, trust=Trust.PROBATION, trial=None)}
    )


def _stop(state: State, event: DrainAsked | CancelAsked) -> tuple[State, list[Effect]]:
    if isinstance(event, DrainAsked):
        return replace(state, stop=max(state.stop, Stop.DRAIN)), []
    if event.jobs:
        return _cancel(state, [state.indices[job] for job in event.jobs if job in state.indices])
    return replace(state, stop=Stop.CANCEL), list(_cancellations(state))


def _cancellations(state: State) -> Iterator[Effect]:
    for index in sorted(state.busy):
        phase = state.jobs[index].phase
        if isinstance(phase, Running):
            yield Cancel(index, phase.attempt)


def _cancel(state: State, indices: Iterable[int]) -> tuple[State, list[Effect]]:
    effects: list[Effect] = []
    waiting = []
    for index in dict.fromkeys(indices):
        job = state.jobs[index]
        if job.is_over:
            continue
        effects += [Cancel(index, attempt) for attempt, _ in job.living()]
        orphans = tuple(replace(orphan, cancelled=True) for orphan in job.orphans)
        job = replace(job, cancelled=True, orphans=orphans)
        state = replace(state, jobs=state.jobs.put(index, job))
        if isinstance(job.phase, Waiting):
            waiting.append(index)
    state = _waiting.leave(state, waiting)
    for index in waiting:
        state = finish(state, index, Cancelled())
    return state, effects
