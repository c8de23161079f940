"""The part that waits: it feeds `core.decide`, keeps the journal and does the effects.

Every event is on disk before anything is done about it. A head that is killed at any point can
therefore be replaced by one that replays the journal and does the pending effects again; all of
them may be done twice.
"""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, assert_never

from seedfleet.fleet import core, messages, progress
from seedfleet.fleet._codec import kind_of
from seedfleet.fleet.cancelling import POLL_S, take_requests
from seedfleet.fleet.engines.base import Attempt, Ended, NodeDown, NodeUp, Remark
from seedfleet.fleet.errors import HeadLostError
from seedfleet.fleet.lock import HEARTBEAT_S
from seedfleet.fleet.outcome import FailedToStart, Succeeded
from seedfleet.fleet.place_leases import PlaceLeases
from seedfleet.fleet.publish import publish_all
from seedfleet.fleet.state import Done, Running, State, Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from seedfleet.fleet.engines.base import Allocation, Engine
    from seedfleet.fleet.journal import Journal
    from seedfleet.fleet.lock import WriterLock
    from seedfleet.fleet.paths import RunPaths

__all__ = ["Driver", "RunControl"]

_PUBLISHERS: Final = 2  # a large result must not hold up the small ones
_MOST_AT_ONCE: Final = 64


class RunControl:
    """Lets a caller stop a run from a signal handler or another task of the same loop."""

    def __init__(self) -> None:
        self._asked: asyncio.Queue[messages.Event | None] = asyncio.Queue()
        self._stop = Stop.NO
        self._held = False
        self.begun = False  # True from the moment when the run has a head that hears wishes
        self.hands_in = False  # True where jobs wait in a line that somebody else keeps

    def interrupt(self) -> Stop:
        """Ask to drain at the first call and to cancel at every later one; return which."""
        self._stop = Stop.DRAIN if self._stop is Stop.NO else Stop.CANCEL
        self._asked.put_nowait(
            messages.DrainAsked() if self._stop is Stop.DRAIN else messages.CancelAsked()
        )
        return self._stop

    def cancel(self, *job_ids: str) -> None:
        """Ask to end these jobs, whether they run or wait; without any, the whole run."""
        if not job_ids:
            self._stop = Stop.CANCEL
        self._asked.put_nowait(messages.CancelAsked(job_ids))

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

    def asked_nowait(self) -> list[messages.Event | None]:
        """Take the wishes that nobody has waited for yet, in their order."""
        wishes = []
        with contextlib.suppress(asyncio.QueueEmpty):
            while True:
                wishes.append(self._asked.get_nowait())
        return wishes

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
        self._to_publish: asyncio.Queue[Ended] = asyncio.Queue()
        self._alarms: asyncio.Queue[messages.Later] = asyncio.Queue()
        self._places = PlaceLeases(paths)
        # An earlier head's: they may be writing already, whoever has their places now.
        self._taken_up = {
            (index, phase.attempt)
            for index in state.busy
            if isinstance(phase := state.jobs[index].phase, Running)
        }

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
            # The threads end first: after this nobody of this head writes anywhere in the run.
            with ThreadPoolExecutor(_PUBLISHERS, "publish") as threads:
                async with asyncio.TaskGroup() as tasks:
                    finished = await self._with_company(tasks, threads, opening, control)
        except BaseExceptionGroup as group:
            lost, rest = group.split((HeadLostError, OSError))
            if lost is None or rest is not None:
                raise
            raise HeadLostError(f"this head cannot go on: {_first(lost)}") from group
        finally:
            self._places.release_all()
        return finished

    async def _with_company(
        self,
        tasks: asyncio.TaskGroup,
        threads: ThreadPoolExecutor,
        opening: messages.Opened,
        control: RunControl,
    ) -> bool:
        company = [
            tasks.create_task(self._hear_engine()),
            tasks.create_task(self._hear_caller(control)),
            tasks.create_task(self._hear_others()),
            tasks.create_task(self._beat()),
            tasks.create_task(self._ring_alarms()),
            *(tasks.create_task(self._publish(threads)) for _ in range(_PUBLISHERS)),
        ]
        # What was asked before counts also where nothing else is to be done.
        finished = await self._loop([opening, *control.asked_nowait()])
        # They wait for long or for ever by nature; the group ends when they do.
        for task in company:
            task.cancel()
        return finished

    async def _loop(self, events: list[messages.Event | None]) -> bool:
        while True:
            known = [event for event in events if event is not None]
            await self._handle(known)
            if len(known) < len(events):  # a None among them: the caller wants to leave
                return False
            if self.state.finished:
                return True
            events = [await self._inbox.get()]
            with contextlib.suppress(asyncio.QueueEmpty):
                while True:  # everything that has come by now shares one sync of the disk
                    events.append(self._inbox.get_nowait())

    async def _hear_engine(self) -> None:
        async for event in self._engine.events():
            match event:
                case Ended() | NodeDown() | NodeUp():
                    self._inbox.put_nowait(event)
                case Remark(text):
                    self._tell(progress.Notice(text))
                case _ as never:
                    assert_never(never)

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

    async def _ring_alarms(self) -> None:
        async with asyncio.TaskGroup() as alarms:
            while True:
                alarms.create_task(self._wait_alarm(await self._alarms.get()))

    async def _wait_alarm(self, alarm: messages.Later) -> None:
        await asyncio.sleep(alarm.delay_s)
        self._inbox.put_nowait(alarm.event)

    async def _publish(self, threads: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        while True:
            batch = [await self._to_publish.get()]
            while len(batch) < _MOST_AT_ONCE and not self._to_publish.empty():
                batch.append(self._to_publish.get_nowait())
            problems = await loop.run_in_executor(threads, publish_all, self._paths, batch)
            for ended, problem in zip(batch, problems, strict=True):
                self._inbox.put_nowait(
                    messages.Published(ended.job_id, ended.attempt)
                    if problem is None
                    else messages.PublishFailed(ended.job_id, ended.attempt, problem)
                )

    async def _handle(self, events: Sequence[messages.Event]) -> None:
        if not events:
            return
        effects: list[messages.Effect] = []
        states = [self.state]
        for event in events:
            state, more = core.decide(states[-1], event)
            states.append(state)
            effects += more
        self._lock.check()
        self._journal.append(events)  # before any effect: what is not on disk has not happened
        self.state = states[-1]
        for event, before, after in zip(events, states, states[1:], strict=False):
            for news in _news(self._paths, event, before, after):
                self._tell(news)
                if isinstance(news, progress.JobDone):
                    self._places.release(news.job_id)
        for effect in effects:
            await self._perform(effect)

    async def _perform(self, effect: messages.Effect) -> None:
        jobs = self.state.plan.jobs
        match effect:
            case messages.Start(job, number, allocation):
                phase = self.state.jobs[job].phase
                if isinstance(phase, Running) and phase.attempt == number:  # else nobody waits
                    self._tell(progress.AttemptStarted(jobs[job].job_id, number, allocation))
                await self._start(job, number, allocation)
            case messages.Cancel(job, number):
                await self._engine.cancel(jobs[job].job_id, number)
            case messages.Publish(_, ended):
                self._to_publish.put_nowait(ended)
            case messages.Later(delay_s, event):
                if isinstance(event, messages.Probation):
                    text = f"{event.node}: faults in a row; nothing starts there for {delay_s:g} s"
                    self._tell(progress.Notice(text))
                self._alarms.put_nowait(effect)
            case _ as never:
                assert_never(never)

    async def _start(self, index: int, number: int, allocation: Allocation) -> None:
        job = self.state.plan.jobs[index]
        taken = self._places.take_nowait(job)
        if taken is None or (index, number) in self._taken_up:
            await self._engine.start(Attempt(job, number), allocation)
        else:
            ended = Ended(job.job_id, number, FailedToStart(taken), detail=taken)
            self._inbox.put_nowait(ended)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


def _news(
    paths: RunPaths, event: messages.Event, before: State, after: State
) -> Iterator[progress.Progress]:
    """Tell what has become of nodes, attempts and jobs by one event."""
    yield from _node_news(event, before, after)
    if isinstance(event, Ended | messages.PublishFailed):
        yield from _attempt_news(event, before, after)
    if isinstance(event, Ended | messages.Published | messages.PublishFailed):
        changed: Iterable[int] = (after.indices[event.job_id],)
    elif isinstance(event, messages.Opened) or after.done != before.done:
        changed = range(len(after.plan.jobs))
    else:
        changed = ()
    for index in changed:
        was, now = before.jobs[index].phase, after.jobs[index].phase
        if now is was:
            continue
        if isinstance(now, Done):
            yield _done(paths, after, index)
        elif isinstance(was, Done) and not isinstance(event, messages.Opened):
            kind, job_id = kind_of(was.outcome), after.plan.jobs[index].job_id
            yield progress.Notice(f"{job_id}: {kind} no more, its attempt has come back")


def _node_news(event: messages.Event, before: State, after: State) -> Iterator[progress.Progress]:
    match event:
        case NodeDown(node) if after.nodes is not before.nodes:
            yield progress.NodeContact.of(after, node)
        case NodeUp(node) if after.nodes is not before.nodes:
            yield progress.NodeContact.of(after, node.name)
        case messages.Opened(nodes):
            here = {node.name for node in nodes}
            for known in after.nodes.values():
                if known.node.name not in here:  # an earlier head left attempts there
                    yield progress.NodeContact.of(after, known.node.name)
        case messages.NodeLost(node) if after.nodes is not before.nodes:
            had_jobs = progress.NodeContact.of(before, node).attempts
            then = "its jobs go on elsewhere" if had_jobs else "nobody waits for it any more"
            yield progress.Notice(f"{node}: out of contact for too long; {then}")
        case _:
            pass


def _attempt_news(
    event: Ended | messages.PublishFailed, before: State, after: State
) -> Iterator[progress.Progress]:
    index = after.indices[event.job_id]
    job = after.jobs[index]
    known = len(before.jobs[index].history)
    if len(job.history) > known:  # else old news, or a success that is yet to be published
        ended, allocation = next(
            entry for entry in job.history if entry[0].attempt == event.attempt
        )
        yield progress.AttemptEnded(ended, allocation, not isinstance(job.phase, Done))


def _done(paths: RunPaths, state: State, index: int) -> progress.JobDone:
    job, spec = state.jobs[index], state.plan.jobs[index]
    if not isinstance(job.phase, Done):
        raise TypeError(f"{spec.job_id} is not done")
    outcome, outputs, run_s = job.phase.outcome, {}, 0.0
    if job.history and job.history[-1][0].outcome == outcome:
        run_s = job.history[-1][0].run_s
    if isinstance(outcome, Succeeded):
        outputs = {file.declared: paths.place(file.declared) for file in outcome.outputs}
    return progress.JobDone(spec.job_id, outcome, outputs, run_s, state.done, len(state.plan.jobs))
