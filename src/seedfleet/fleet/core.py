"""The decisions of a run, without a clock, a disk or a wait in them.

`decide(state, event)` returns the next state and what to do about it. The journal holds the events
in order, so folding `decide` over them is the one way to learn the state of a run, in the same head
or in a later one. Change what `decide` does, and `journal.VERSION` must change with it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from seedfleet.fleet._rows import Rows
from seedfleet.fleet.engines.base import Ended
from seedfleet.fleet.messages import (
    Cancel,
    CancelAsked,
    DrainAsked,
    Effect,
    Event,
    Opened,
    Publish,
    Published,
    PublishFailed,
    Start,
)
from seedfleet.fleet.outcome import (
    Cancelled,
    Failed,
    FailedToStart,
    Lost,
    Outcome,
    OutputEmpty,
    OutputInvalid,
    OutputMissing,
    Succeeded,
    Superseded,
    TimedOut,
)
from seedfleet.fleet.placement import FreeSlots, Requirement
from seedfleet.fleet.state import (
    Done,
    JobState,
    Line,
    Plan,
    Publishing,
    Running,
    State,
    Stop,
    Waiting,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from seedfleet.fleet.engines.base import Allocation

__all__ = ["decide", "initial"]

_MOST_LOSSES = 3  # a job whose supervisor dies that often would go on for ever


def initial(plan: Plan) -> State:
    """Return the state before the first event."""
    return State(
        plan=plan,
        jobs=Rows.filled(JobState(), len(plan.jobs)),
        indices={job.job_id: index for index, job in enumerate(plan.jobs)},
        free=FreeSlots.all_of(()),
    )


def decide(state: State, event: Event) -> tuple[State, list[Effect]]:
    """Take one event in.

    Parameters
    ----------
    state
        What is known; not changed.
    event
        What happened. Events about an attempt that is not the job's newest, or that has ended
        already, change nothing: engines may repeat themselves.

    Returns
    -------
    state : State
        What is known now.
    effects : list
        What to do, in this order.
    """
    match event:
        case Opened():
            return _open(state, event)
        case Ended():
            state, effects = _end(state, event)
        case Published():
            state, effects = _published(state, event), []
        case PublishFailed():
            state, effects = _publish_failed(state, event), []
        case DrainAsked():
            return replace(state, stop=max(state.stop, Stop.DRAIN)), []
        case CancelAsked(()):
            return replace(state, stop=Stop.CANCEL), list(_cancellations(state, state.busy))
        case CancelAsked(named):
            known = {state.indices[job_id] for job_id in named if job_id in state.indices}
            return state, list(_cancellations(state, state.busy & known))
        case _ as never:
            assert_never(never)
    state, starts = _place(state)
    return state, [*effects, *starts]


def _open(state: State, event: Opened) -> tuple[State, list[Effect]]:
    jobs = state.jobs
    for index in event.again:
        jobs = jobs.put(index, replace(jobs[index], phase=Waiting(), failures=0, losses=0))
    # Attempts of an earlier head keep their places, even those that the node no longer offers.
    free = FreeSlots.all_of(event.nodes)
    taken_up: list[Effect] = []
    for index in sorted(state.busy):
        match jobs[index].phase:
            case Running(attempt, allocation):
                free = free.take(allocation)
                taken_up.append(Start(index, attempt, allocation))
            case Publishing(ended):
                taken_up.append(Publish(index, ended))
    state = replace(
        state,
        jobs=jobs,
        free=free,
        order=event.order,
        ranks=tuple(sorted(range(len(event.order)), key=event.order.__getitem__)),
        lines=_lines(state.plan, jobs, event.order),
        returned=(),
        done=sum(isinstance(job.phase, Done) for job in jobs),
        not_succeeded=sum(_done_without_success(job) for job in jobs),
        stop=Stop.DRAIN if event.hold else Stop.NO,
    )
    state, starts = _place(state)
    return state, [*taken_up, *starts]


def _lines(plan: Plan, jobs: Rows[JobState], order: tuple[int, ...]) -> tuple[Line, ...]:
    ranks: dict[Requirement, list[int]] = {}
    for rank, index in enumerate(order):
        if isinstance(jobs[index].phase, Waiting):
            ranks.setdefault(Requirement.of(plan.jobs[index]), []).append(rank)
    return tuple(Line(requirement, tuple(found)) for requirement, found in ranks.items())


def _done_without_success(job: JobState) -> bool:
    return isinstance(job.phase, Done) and not isinstance(job.phase.outcome, Succeeded)


def _end(state: State, event: Ended) -> tuple[State, list[Effect]]:
    index = state.indices[event.job_id]
    job = state.jobs[index]
    if not isinstance(job.phase, Running) or job.phase.attempt != event.attempt:
        return state, []
    allocation = job.phase.allocation
    # The slot is free from here on: publishing needs the head's disk, not the node.
    state = replace(state, free=_give_back(state, index))
    if isinstance(event.outcome, Succeeded):
        job = replace(job, phase=Publishing(event, allocation))
        return replace(state, jobs=state.jobs.put(index, job)), [Publish(index, event)]
    return _unsuccessful(state, index, event, allocation), []


def _give_back(state: State, ended: int) -> FreeSlots:
    """Count anew what the other running attempts leave free; they are as few as the slots."""
    free = FreeSlots.all_of(state.free.nodes)
    for index in state.busy - {ended}:
        phase = state.jobs[index].phase
        if isinstance(phase, Running):
            free = free.take(phase.allocation)
    return free


def _published(state: State, event: Published) -> State:
    index = state.indices[event.job_id]
    job = state.jobs[index]
    if not isinstance(job.phase, Publishing) or job.phase.ended.attempt != event.attempt:
        return state
    ended = job.phase.ended
    job = replace(
        job, phase=Done(ended.outcome), history=(*job.history, (ended, job.phase.allocation))
    )
    jobs, busy = state.jobs.put(index, job), state.busy - {index}
    return replace(state, jobs=jobs, busy=busy, done=state.done + 1)


def _publish_failed(state: State, event: PublishFailed) -> State:
    index = state.indices[event.job_id]
    phase = state.jobs[index].phase
    if not isinstance(phase, Publishing) or phase.ended.attempt != event.attempt:
        return state
    # The node's checks passed, so this is told as what it is: the result could not be trusted.
    outcome = OutputInvalid(state.plan.jobs[index].all_outputs, event.problem)
    ended = replace(phase.ended, outcome=outcome, detail=event.problem)
    return _unsuccessful(state, index, ended, phase.allocation)


def _unsuccessful(state: State, index: int, ended: Ended, allocation: Allocation) -> State:
    job = state.jobs[index]
    lost = isinstance(ended.outcome, Lost)
    job = replace(
        job,
        history=(*job.history, (ended, allocation)),
        failures=job.failures + (not lost),
        losses=job.losses + 1 if lost else 0,
    )
    state = replace(state, busy=state.busy - {index})
    if _try_again(state, index, job, ended.outcome):
        job = replace(job, phase=Waiting())
        returned = tuple(sorted((*state.returned, state.ranks[index])))
        return replace(state, jobs=state.jobs.put(index, job), returned=returned)
    job = replace(job, phase=Done(ended.outcome))
    fails = state.not_succeeded + 1
    limit = state.plan.max_fails
    stop = max(state.stop, Stop.LIMIT) if limit is not None and fails >= limit else state.stop
    jobs = state.jobs.put(index, job)
    return replace(state, jobs=jobs, done=state.done + 1, not_succeeded=fails, stop=stop)


def _try_again(state: State, index: int, job: JobState, outcome: Outcome) -> bool:
    spec, plan = state.plan.jobs[index], state.plan
    retries = plan.retries if spec.retries is None else spec.retries
    match outcome:
        case Lost():  # not the job's own doing, so it costs no retry
            return spec.rerun and job.losses < _MOST_LOSSES
        case TimedOut():
            return spec.rerun and plan.retry_timed_out and job.failures <= retries
        case Failed() | FailedToStart() | OutputMissing() | OutputEmpty() | OutputInvalid():
            return spec.rerun and job.failures <= retries
        case Succeeded() | Superseded() | Cancelled():
            return False
        case _ as never:
            assert_never(never)


def _cancellations(state: State, jobs: Iterable[int]) -> Iterator[Effect]:
    for index in sorted(jobs):
        phase = state.jobs[index].phase
        if isinstance(phase, Running):
            yield Cancel(index, phase.attempt)


def _place(state: State) -> tuple[State, list[Effect]]:
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
        effects.append(Start(index, job.attempts, allocation))
    return state, effects


def _next(state: State) -> tuple[int, Allocation] | None:
    """Find the first waiting job, in start order, for which there is room.

    A job that waits for several GPUs keeps later jobs off them, else it might wait for ever.
    """
    heads = [line.first for line in state.lines if line.first is not None]
    reserved = False
    for rank in sorted((*heads, *state.returned)):
        index = state.order[rank]
        requirement = Requirement.of(state.plan.jobs[index])
        history = state.jobs[index].history
        found = state.free.find(requirement, history[-1][1].node if history else None)
        if found and not (reserved and found.gpu_ids):
            return rank, found
        reserved = reserved or (requirement.gpus or 0) > 1
    return None
