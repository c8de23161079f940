"""What becomes of a job when one of its attempts ends, whether or not it still waits for it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, assert_never

from seedfleet.fleet import _waiting
from seedfleet.fleet._codec import kind_of
from seedfleet.fleet._standing import is_fault
from seedfleet.fleet.messages import Cancel, Later, Probation, Publish
from seedfleet.fleet.outcome import (
    Cancelled,
    Failed,
    FailedToStart,
    Lost,
    OutputEmpty,
    OutputInvalid,
    OutputMissing,
    Succeeded,
    Superseded,
    TimedOut,
)
from seedfleet.fleet.state import Done, JobState, Orphan, Publishing, Running, State, Stop, Waiting

if TYPE_CHECKING:
    from seedfleet.fleet.engines.base import Allocation, Ended
    from seedfleet.fleet.messages import Effect
    from seedfleet.fleet.outcome import Outcome

__all__ = ["MOST_LOSSES", "accept", "adopt", "end", "finish", "unsuccessful"]

MOST_LOSSES: Final = 3  # a job that meets so many faults of nodes in a row may be what causes them


def end(state: State, event: Ended) -> tuple[State, list[Effect]]:
    """Take in that an attempt has ended, if it was alive until now."""
    index = state.indices[event.job_id]
    place = state.jobs[index].place_of(event.attempt)
    if place is None:
        return state, []
    # The slot is free from here on: publishing needs the head's disk, not the node.
    state, effects = _judge_node(
        replace(state, free=state.free.give_back(place)), index, event, place
    )
    job = state.jobs[index]
    orphan = next((each for each in job.orphans if each.attempt == event.attempt), None)
    if orphan is not None:
        if not _counts_again(job, orphan, event.outcome):
            return _set_aside(state, index, event, place), effects
        if isinstance(job.phase, Running):
            effects.append(Cancel(index, job.phase.attempt))
        state = adopt(state, index, orphan)
    if isinstance(event.outcome, Succeeded):
        return _publish(state, index, event, place), [*effects, Publish(index, event)]
    return unsuccessful(state, index, event, place), effects


def accept(state: State, index: int, phase: Publishing) -> State:
    """End a job whose outputs stand at their places."""
    job = state.jobs[index]
    job = replace(job, history=(*job.history, (phase.ended, phase.allocation)))
    return finish(replace(state, jobs=state.jobs.put(index, job)), index, phase.ended.outcome)


def unsuccessful(state: State, index: int, ended: Ended, place: Allocation) -> State:
    """Let a job wait for another try, or end it."""
    job, fault = state.jobs[index], is_fault(ended)
    job = replace(
        job,
        history=(*job.history, (ended, place)),
        failures=job.failures + (not fault),
        losses=job.losses + 1 if fault else 0,
    )
    state = replace(state, jobs=state.jobs.put(index, job))
    if _try_again(state, index, ended) and not _may_still_write(state, ended, place):
        job = replace(job, phase=Waiting())
        state = replace(state, jobs=state.jobs.put(index, job), busy=state.busy - {index})
        return _waiting.come_back(state, index)
    return finish(state, index, ended.outcome)


def finish(state: State, index: int, outcome: Outcome) -> State:
    """Give a job its outcome; it must not wait in any line any more."""
    job = replace(state.jobs[index], phase=Done(outcome))
    fails = state.not_succeeded + (not isinstance(outcome, Succeeded | Cancelled))
    limit = state.plan.max_fails
    return replace(
        state,
        jobs=state.jobs.put(index, job),
        busy=state.busy - {index},
        done=state.done + 1,
        not_succeeded=fails,
        stop=max(state.stop, Stop.LIMIT) if limit is not None and fails >= limit else state.stop,
    )


def adopt(state: State, index: int, orphan: Orphan) -> State:
    """Make an orphan the attempt of its job again; one that runs in its stead is an orphan then."""
    job = state.jobs[index]
    orphans = tuple(each for each in job.orphans if each != orphan)
    match job.phase:
        case Waiting():
            state = _waiting.leave(state, [index])
        case Running(attempt, allocation):
            orphans = (*orphans, Orphan(attempt, allocation, cancelled=True))
        case Done(outcome):
            fails = state.not_succeeded - (not isinstance(outcome, Succeeded | Cancelled))
            state = replace(state, done=state.done - 1, not_succeeded=fails)
        case Publishing():
            raise ValueError(f"job {index} has a result")
        case _ as never:
            assert_never(never)
    job = replace(
        job,
        phase=Running(orphan.attempt, orphan.allocation),
        losses=max(0, job.losses - 1),
        orphans=orphans,
    )
    state = replace(state, jobs=state.jobs.put(index, job), busy=state.busy | {index})
    return state if orphans else replace(state, orphaned=state.orphaned - {index})


def _judge_node(
    state: State, index: int, ended: Ended, place: Allocation
) -> tuple[State, list[Effect]]:
    known = state.nodes.get(place.node)
    if known is None:
        return state, []
    alarm = state.alarms + 1
    judged = known.after(ended, index, alarm)
    if judged == known:
        return state, []
    state = replace(state, nodes={**state.nodes, place.node: judged})
    if judged.trust_alarm != alarm:
        return state, []
    later = Later(judged.quarantine_s, Probation(place.node, alarm))
    return replace(state, alarms=alarm), [later]


def _counts_again(job: JobState, orphan: Orphan, outcome: Outcome) -> bool:
    """Tell whether the end of an orphan decides about its job after all."""
    match job.phase:
        case Waiting():
            return isinstance(outcome, Succeeded) or not orphan.cancelled
        case Running():
            return isinstance(outcome, Succeeded)
        case Publishing():
            return False
        case Done(known):
            if isinstance(outcome, Succeeded):
                return not isinstance(known, Succeeded | Cancelled)
            return job.ended_by_nodes and not orphan.cancelled
        case _ as never:
            assert_never(never)


def _publish(state: State, index: int, event: Ended, place: Allocation) -> State:
    job = replace(state.jobs[index], phase=Publishing(event, place))
    return replace(state, jobs=state.jobs.put(index, job))


def _set_aside(state: State, index: int, ended: Ended, place: Allocation) -> State:
    """Note the end of an orphan that its job does not need."""
    job = state.jobs[index]
    by = _counting(job)
    was = kind_of(ended.outcome)
    ended = replace(
        ended,
        outcome=Cancelled() if by == ended.attempt else Superseded(by),
        detail=ended.detail or f"it ended as {was} when it was no longer needed",
    )
    # The attempt that a job is done by stays the last.
    last = len(job.history) - isinstance(job.phase, Done)
    history = (*job.history[: max(0, last)], (ended, place), *job.history[max(0, last) :])
    orphans = tuple(orphan for orphan in job.orphans if orphan.attempt != ended.attempt)
    state = replace(
        state, jobs=state.jobs.put(index, replace(job, history=history, orphans=orphans))
    )
    return state if orphans else replace(state, orphaned=state.orphaned - {index})


def _counting(job: JobState) -> int:
    """Name the attempt that counts for a job now."""
    match job.phase:
        case Running(attempt):
            return attempt
        case Publishing(ended):
            return ended.attempt
        case Done(Succeeded()):
            return job.history[-1][0].attempt
        case Waiting() | Done():
            return job.attempts
        case _ as never:
            assert_never(never)


def _may_still_write(state: State, ended: Ended, place: Allocation) -> bool:
    """Tell whether a lost copy could write the file that another attempt would write."""
    return ended.copy_may_live and state.writes_in_place(Orphan(ended.attempt, place))


def _try_again(state: State, index: int, ended: Ended) -> bool:
    spec, job, plan = state.plan.jobs[index], state.jobs[index], state.plan
    if job.cancelled or not spec.rerun or any(map(state.writes_in_place, job.orphans)):
        return False
    if is_fault(ended):  # not the job's own doing, so it costs no retry
        return job.losses < MOST_LOSSES
    within = job.failures <= (plan.retries if spec.retries is None else spec.retries)
    match ended.outcome:
        case TimedOut():
            return within and plan.retry_timed_out
        case Failed() | FailedToStart() | OutputMissing() | OutputEmpty() | OutputInvalid():
            return within
        case Succeeded() | Superseded() | Cancelled() | Lost():
            return False
        case _ as never:
            assert_never(never)
