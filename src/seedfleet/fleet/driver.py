"""The part that waits: it feeds `core.decide`, keeps the journal and does the effects.

Every event is on disk before anything is done about it. A head that is killed at any point can
therefore be replaced by one that replays the journal and does the pending effects again; all of
them may be done twice.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, assert_never

from seedfleet.fleet import core, messages, progress
from seedfleet.fleet.cancelling import POLL_S, take_requests
from seedfleet.fleet.engines.base import Attempt, Ended
from seedfleet.fleet.errors import HeadLostError
from seedfleet.fleet.lock import HEARTBEAT_S
from seedfleet.fleet.outcome import Succeeded
from seedfleet.fleet.publish import publish
from seedfleet.fleet.state import Done, State, Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seedfleet.fleet.engines.base import Engine
    from seedfleet.fleet.journal import Journal
    from seedfleet.fleet.lock import WriterLock
    from seedfleet.fleet.paths import RunPaths

__all__ = ["Driver", "RunControl"]


class RunControl:
    """Lets a caller stop a run from a signal handler or another task of the same loop."""

    def __init__(self) -> None:
        self._asked: asyncio.Queue[messages.Event | None] = asyncio.Queue()
        self._stop = Stop.NO
        self._held = False

    def interrupt(self) -> Stop:
        """Ask to drain at the first call and to cancel at every later one; return which."""
        self._stop = Stop.DRAIN if self._stop is Stop.NO else Stop.CANCEL
        self._asked.put_nowait(
            messages.DrainAsked() if self._stop is Stop.DRAIN else messages.CancelAsked()
        )
        return self._stop

    def cancel(self, jobs: tuple[str, ...] = ()) -> None:
        """Ask to cancel these jobs, or the whole run."""
        if not jobs:
            self._stop = Stop.CANCEL
        self._asked.put_nowait(messages.CancelAsked(jobs))

    def hold(self) -> None:
        """Start nothing when the run opens; what runs is taken up."""
        self._held = True

    @property
    def holds(self) -> bool:
        """True when nothing is to start, also if a stop was asked before the run opened."""
        return self._held or self._stop is not Stop.NO

    def detach(self) -> None:
        """Leave at once and let running attempts go on without a head; a resume takes them up."""
        self._asked.put_nowait(None)

    async def wait_asked(self) -> messages.Event | None:
        """Wait for the next wish: an event, or None to detach."""
        return await self._asked.get()


class Driver:
    """Drives one run from its opening until nothing is under way.

    Parameters
    ----------
    paths, engine, journal, lock
        Open, and owned by the caller.
    state
        The state after the journal's events.
    listener
        Hears of progress; called in the event loop, so it must not take long.
    """

    def __init__(
        self,
        paths: RunPaths,
        engine: Engine,
        *,
        journal: Journal,
        lock: WriterLock,
        state: State,
        listener: Callable[[progress.Progress], None],
    ) -> None:
        self.state = state
        self._paths = paths
        self._engine = engine
        self._journal = journal
        self._lock = lock
        self._tell = listener
        self._inbox: asyncio.Queue[messages.Event | None] = asyncio.Queue()

    async def drive(self, opening: messages.Opened, control: RunControl) -> bool:
        """Run until nothing is under way.

        Returns
        -------
        bool
            False if the caller detached and attempts may still be running.

        Raises
        ------
        HeadLostError
            If the journal cannot be written any more; attempts go on and a resume takes them up.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                helpers = [
                    tasks.create_task(self._hear_engine()),
                    tasks.create_task(self._hear_caller(control)),
                    tasks.create_task(self._hear_others()),
                    tasks.create_task(self._beat()),
                ]
                finished = await self._loop(opening)
                # They wait for ever by nature; the group ends when they do.
                for task in helpers:
                    task.cancel()
        except BaseExceptionGroup as group:
            lost, rest = group.split((HeadLostError, OSError))
            if lost is None or rest is not None:
                raise
            raise HeadLostError(f"this head cannot go on: {_first(lost)}") from group
        return finished

    async def _loop(self, opening: messages.Opened) -> bool:
        await self._handle([opening])
        while not self.state.finished:
            events = [await self._inbox.get()]
            with contextlib.suppress(asyncio.QueueEmpty):
                while True:  # everything that has come by now shares one sync of the disk
                    events.append(self._inbox.get_nowait())
            known = [event for event in events if event is not None]
            await self._handle(known)
            if len(known) < len(events):  # a None among them: the caller wants to leave
                return False
        return True

    async def _hear_engine(self) -> None:
        async for event in self._engine.events():
            if isinstance(event, Ended):
                self._inbox.put_nowait(event)

    async def _hear_caller(self, control: RunControl) -> None:
        while True:
            self._inbox.put_nowait(await control.wait_asked())

    async def _hear_others(self) -> None:
        """Look for what other processes ask of this head through files."""
        while True:
            for jobs in await asyncio.to_thread(take_requests, self._paths, self._lock.name):
                what = ", ".join(jobs) or "the run"
                self._tell(progress.Notice(f"another process asks to cancel {what}"))
                self._inbox.put_nowait(messages.CancelAsked(jobs))
            await asyncio.sleep(POLL_S)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            self._lock.beat()

    async def _handle(self, events: Sequence[messages.Event]) -> None:
        if not events:
            return
        effects: list[messages.Effect] = []
        states = [self.state]
        for event in events:
            state, more = core.decide(states[-1], event)
            states.append(state)
            effects += more
        self._journal.append(events)  # before any effect: what is not on disk has not happened
        self.state = states[-1]
        for event, after in zip(events, states[1:], strict=True):
            self._report(event, after)
        for effect in effects:
            await self._perform(effect)

    async def _perform(self, effect: messages.Effect) -> None:
        jobs = self.state.plan.jobs
        match effect:
            case messages.Start(job, number, allocation):
                self._tell(progress.AttemptStarted(jobs[job].job_id, number, allocation))
                await self._engine.start(Attempt(jobs[job], number), allocation)
            case messages.Cancel(job, number):
                await self._engine.cancel(jobs[job].job_id, number)
            case messages.Publish(_, ended):
                problem = await asyncio.to_thread(publish, self._paths, ended)
                self._inbox.put_nowait(
                    messages.Published(ended.job_id, ended.attempt)
                    if problem is None
                    else messages.PublishFailed(ended.job_id, ended.attempt, problem)
                )
            case _ as never:
                assert_never(never)

    def _report(self, event: messages.Event, after: State) -> None:
        if not isinstance(event, Ended | messages.Published | messages.PublishFailed):
            return
        job = after.jobs[after.indices[event.job_id]]
        if not job.history or job.history[-1][0].attempt != event.attempt:
            return  # news of an attempt that no longer counts, or one that is being published
        ended, allocation = job.history[-1]
        if not isinstance(ended.outcome, Succeeded):
            again = not isinstance(job.phase, Done)
            self._tell(progress.AttemptEnded(ended, allocation, again))
        if isinstance(job.phase, Done):
            self._tell(_done(self._paths, after, ended))


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


def _done(paths: RunPaths, state: State, ended: Ended) -> progress.JobDone:
    outputs = {}
    if isinstance(ended.outcome, Succeeded):
        outputs = {file.declared: paths.place(file.declared) for file in ended.outcome.outputs}
    return progress.JobDone(
        ended.job_id, ended.outcome, outputs, ended.run_s, state.done, len(state.jobs)
    )
