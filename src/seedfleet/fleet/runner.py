"""Running and resuming: from jobs and options to a report."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from seedfleet.fleet import core, messages, progress
from seedfleet.fleet.cancelling import CancelWatch
from seedfleet.fleet.driver import Driver, RunControl
from seedfleet.fleet.durations import remember_durations
from seedfleet.fleet.engines.choice import make_engine
from seedfleet.fleet.errors import BadInputError, HeadLostError, JournalDamagedError
from seedfleet.fleet.journal import Journal
from seedfleet.fleet.lock import WriterLock
from seedfleet.fleet.manifest import RunReport, report, said_finished, write_manifest
from seedfleet.fleet.options import RunOptions
from seedfleet.fleet.planning import PlannedRun, plan_run, planned
from seedfleet.fleet.prepare import fingerprints, problems_with_placement
from seedfleet.fleet.resuming import (
    Recorded,
    ResumeOptions,
    find_again,
    find_run,
    read_recorded,
    write_recorded,
)
from seedfleet.fleet.signals import run_blocking

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from seedfleet.fleet.engines.base import Engine
    from seedfleet.fleet.paths import RunPaths
    from seedfleet.fleet.planning import JobSource

__all__ = ["cancel", "resume", "resume_sync", "run", "run_sync"]


async def run(
    jobs: JobSource,
    options: RunOptions | None = None,
    *,
    engine: Engine | None = None,
    on_event: Callable[[progress.Progress], None] | None = None,
    run_id: str | None = None,
    control: RunControl | None = None,
) -> RunReport:
    """Run jobs until each has an outcome.

    If the calling task is cancelled, running attempts go on without a head, as after a crash, and
    `resume` takes them up.

    Parameters
    ----------
    jobs
        A job file, or jobs, or their documents.
    options
        None is `RunOptions()`.
    engine
        None is the one that `options.engine` names: this machine by default.
    on_event
        Hears of progress, in the event loop.
    run_id
        A name of the caller's own, so that it can be resumed without being looked up; None makes
        a new one.
    control
        A way to stop early.

    Raises
    ------
    BadInputError
        With every problem; nothing was written.
    RunExistsError
        If `run_id` is taken.
    HeadLostError
        If the journal cannot be written any more. What runs goes on; resume the run.
    """
    options = options or RunOptions()
    made = await plan_run(jobs, options, engine, run_id)
    try:
        marks = fingerprints(made.plan.jobs, made.paths)
        recorded = Recorded(made.paths, options, made.plan.jobs, marks, tuple(sys.argv))
        made.make_folder()
        head = _Head(recorded, made, on_event or _nobody, control or RunControl())
        async with _holding(made.paths, made.engine) as lock:
            write_recorded(recorded)
            return await head.drive(lock)
    except OSError as error:
        raise HeadLostError(f"this head cannot go on: {error}") from error
    finally:
        await made.engine.close()


async def resume(
    run_id: str,
    wanted: ResumeOptions | None = None,
    *,
    engine: Engine | None = None,
    on_event: Callable[[progress.Progress], None] | None = None,
    control: RunControl | None = None,
) -> RunReport:
    """Go on with a run that was interrupted, or whose head died.

    Attempts that still run are taken up, and those that ended meanwhile are taken in; nothing that
    finished runs again as long as its result stands.

    Parameters
    ----------
    run_id
        As `run` reported it.
    wanted
        None is `ResumeOptions()`.
    engine, on_event, control
        As for `run`; without an engine it is the one that the run began with.

    Raises
    ------
    BadInputError
        With every problem; nothing was started.
    RunHeldError
        If another head has the run open, with its pid and host.
    JournalDamagedError
        If the journal was changed after it was written.
    HeadLostError
        As for `run`.
    """
    wanted = wanted or ResumeOptions()
    recorded = read_recorded(run_id, wanted)
    return await _reopen(
        recorded,
        engine or make_engine(recorded.options),
        tell=on_event or _nobody,
        control=control or RunControl(),
        retry_failed=wanted.retry_failed,
    )


async def cancel(
    run_id: str,
    wanted: ResumeOptions | None = None,
    *,
    jobs: tuple[str, ...] = (),
    engine: Engine | None = None,
    on_event: Callable[[progress.Progress], None] | None = None,
) -> RunReport:
    """End what a run without a head has left running, and start nothing.

    Whatever has changed since the run was started does not matter here. A run that has a head is
    told by `seedfleet.fleet.cancelling.ask_to_cancel`.

    Parameters
    ----------
    run_id, wanted, engine, on_event
        As for `resume`; of `wanted` only the folders count.
    jobs
        End only these, and leave what else runs alone; empty is everything.

    Returns
    -------
    RunReport
        When all that can be reached have ended; the manifest says the same. What may go on out
        of reach is in the `unreachable` of its job.

    Raises
    ------
    BadInputError, RunHeldError, JournalDamagedError, HeadLostError
        As for `resume`.
    """
    wanted = wanted or ResumeOptions()
    recorded = find_run(run_id, wanted.output_dir, wanted.root)
    control, tell = RunControl(), on_event or _nobody
    control.hold()
    control.cancel(*jobs)
    watch = CancelWatch(recorded, jobs)

    def hear(event: progress.Progress) -> None:
        tell(event)
        if jobs and watch.is_over_after(event):
            control.detach()

    engine = engine or make_engine(recorded.options)
    return await _reopen(recorded, engine, tell=hear, control=control, retry_failed=False)


async def _reopen(
    recorded: Recorded,
    engine: Engine,
    *,
    tell: Callable[[progress.Progress], None],
    control: RunControl,
    retry_failed: bool,
) -> RunReport:
    try:
        # The lock comes first here: another head may be starting attempts of this very run.
        async with _holding(recorded.paths, engine) as lock:
            nodes = await engine.open(recorded.paths, recorded.options.rules())
            problems = list(
                problems_with_placement([(job.job_id, job) for job in recorded.jobs], nodes)
            )
            if problems and not control.holds:
                raise BadInputError(problems)
            write_recorded(recorded)
            made = planned(
                recorded.jobs, recorded.paths, recorded.options, engine=engine, nodes=nodes
            )
            head = _Head(recorded, made, tell, control)
            return await head.drive(lock, retry_failed=retry_failed)
    except OSError as error:
        raise HeadLostError(f"this head cannot go on: {error}") from error


@contextlib.asynccontextmanager
async def _holding(paths: RunPaths, engine: Engine) -> AsyncIterator[WriterLock]:
    """Hold a run's lock until its engine is closed, which may write into the run until then."""
    with WriterLock(paths.lock) as lock:
        try:
            yield lock
        finally:
            await engine.close()


def run_sync(
    jobs: JobSource,
    options: RunOptions | None = None,
    *,
    engine: Engine | None = None,
    on_event: Callable[[progress.Progress], None] | None = None,
    run_id: str | None = None,
) -> RunReport:
    """Run jobs from code without an event loop; see `run`.

    In the main thread Ctrl-C drains the run, though what was handed to a queue still starts. A
    second one cancels what runs or waits in a queue, and TERM or HUP leaves at once while attempts
    go on. The report then says `interrupted`, and `resume_sync` goes on.
    """
    control, tell = RunControl(), on_event or _nobody
    return run_blocking(
        run(jobs, options, engine=engine, on_event=tell, run_id=run_id, control=control),
        control,
        tell,
    )


def resume_sync(
    run_id: str,
    wanted: ResumeOptions | None = None,
    *,
    engine: Engine | None = None,
    on_event: Callable[[progress.Progress], None] | None = None,
) -> RunReport:
    """Resume a run from code without an event loop; see `resume` and `run_sync`."""
    control, tell = RunControl(), on_event or _nobody
    return run_blocking(
        resume(run_id, wanted, engine=engine, on_event=tell, control=control), control, tell
    )


@dataclass(frozen=True, slots=True)
class _Head:
    """Everything that is needed to drive one run once."""

    recorded: Recorded
    made: PlannedRun
    tell: Callable[[progress.Progress], None]
    control: RunControl

    async def drive(self, lock: WriterLock, *, retry_failed: bool = True) -> RunReport:
        paths = self.made.paths
        with Journal(paths.journal, lambda: datetime.now(UTC)) as journal:
            if not journal.events and said_finished(paths):
                raise JournalDamagedError(paths.journal, 1, 0, "a finished run's events are gone")
            state = core.initial(self.made.plan)
            for event in journal.events:
                state, _ = core.decide(state, event)
            again, notices = (
                ((), ())
                if self.control.holds
                else await asyncio.to_thread(
                    find_again, self.recorded, state, retry_failed=retry_failed
                )
            )
            for notice in notices:
                self.tell(progress.Notice(notice))
            done = state.done - len(again)
            self.tell(
                progress.RunStarted(
                    paths.run_id, paths.folder, self.made.nodes, len(state.jobs), done
                )
            )
            self.control.hands_in = any(node.queue for node in self.made.nodes)
            self.control.begun = True
            driver = Driver(
                paths,
                self.made.engine,
                journal=journal,
                lock=lock,
                state=state,
                listener=self.tell,
            )
            opening = messages.Opened(
                self.made.nodes, self.made.order, again, hold=self.control.holds
            )
            write_manifest(paths, report(paths, state), self.recorded.command, "running")
            try:
                await driver.drive(opening, self.control)
            except BaseException:
                with contextlib.suppress(OSError):  # the disk may be why we are here
                    write_manifest(paths, report(paths, driver.state), self.recorded.command)
                raise
            result = report(paths, driver.state)
            write_manifest(paths, result, self.recorded.command)
        remember_durations(_measured(result, paths))
        return result


def _measured(result: RunReport, paths: RunPaths) -> Sequence[tuple[str, float]]:
    return [
        (str(paths.on_head(job.job.script)), job.last.run_s)
        for job in result.jobs.values()
        if job.succeeded and job.last is not None
    ]


def _nobody(event: progress.Progress) -> None:
    del event
