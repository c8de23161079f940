"""A run as it looks from outside: what its journal says, since when, and whether a head is at work.

Nothing here writes, and nothing here takes part in who gets the run.
"""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from seedfleet.fleet import core, progress
from seedfleet.fleet.engines.queued.by_hand import BY_HAND
from seedfleet.fleet.engines.queued.folder import ended_tasks
from seedfleet.fleet.engines.queued.line import waiting_apart, waiting_jobs
from seedfleet.fleet.errors import BadInputError, JournalDamagedError
from seedfleet.fleet.journal import JournalFollower
from seedfleet.fleet.lock import Holder, read_holder
from seedfleet.fleet.manifest import report
from seedfleet.fleet.messages import Start
from seedfleet.fleet.options import RunOptions
from seedfleet.fleet.outcome import Succeeded
from seedfleet.fleet.paths import DEFAULT_OUTPUT_DIR
from seedfleet.fleet.planning import plan_of
from seedfleet.fleet.resuming import find_run
from seedfleet.fleet.state import Done, JobState, Publishing, Running, State, Stop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seedfleet.fleet._standing import NodeState
    from seedfleet.fleet.engines.base import Allocation
    from seedfleet.fleet.outcome import Outcome
    from seedfleet.fleet.resuming import Recorded

__all__ = ["RunObserver", "RunSummary", "list_runs", "run_folders"]


class RunObserver:
    """Follows one run by its journal, in this process or another's, living or dead.

    Parameters
    ----------
    recorded
        What the run was started with; see `resuming.find_run`.

    Attributes
    ----------
    state
        As the head has it, up to the last complete line that `poll` has read.
    """

    def __init__(self, recorded: Recorded) -> None:
        self.recorded = recorded
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._follower = JournalFollower(self.recorded.paths.journal)
        self.state = core.initial(plan_of(self.recorded.jobs, self.recorded.options))
        self._told = self.state
        self._since: dict[tuple[int, int], float] = {}

    @property
    def head(self) -> Holder | None:
        """Who has the run open, or had it open and died."""
        return read_holder(self.recorded.paths.lock)

    @property
    def head_at_work(self) -> bool:
        """True when a living head has the run open."""
        head = self.head
        return head is not None and head.at_work

    @property
    def standing(self) -> str:
        """Name how the run stands.

        Returns
        -------
        str
            "running" with a head at work; "handed_over" if its tasks are for somebody else to
            submit, and no head has looked for them yet; "left" if attempts may go on without one;
            "interrupted" if jobs are left that a resume would run; "finished" otherwise.
        """
        if self.head_at_work:
            return "running"
        if self.recorded.options.engine == BY_HAND and not self.state.nodes:
            return "handed_over"
        if self.state.busy or self.state.orphaned:
            return "left"
        stopped = self.state.stop is not Stop.LIMIT  # a limit of failures is an end of its own
        waiting = self.state.done < len(self.state.jobs)
        cancelled = self.state.stop is Stop.CANCEL
        return "interrupted" if stopped and (waiting or cancelled) else "finished"

    @property
    def arrived(self) -> int:
        """Count the tasks of a queue that have ended and were not taken in."""
        return len(ended_tasks(self.recorded.paths))

    @property
    def waiting(self) -> frozenset[str]:
        """Name the jobs that were handed to a queue and have not begun."""
        state = self.state
        queues = {name for name, known in state.nodes.items() if known.node.queue}
        attempts = [
            (state.plan.jobs[index].job_id, number)
            for index in state.busy
            for number, place in state.jobs[index].living()
            if place.node in queues
        ]
        return waiting_jobs(self.recorded.paths.queue, attempts, time.time())

    def is_done(self, index: int) -> bool:
        """Tell whether a job, by its index, has its outcome."""
        return isinstance(self.state.jobs[index].phase, Done)

    def poll(self) -> list[tuple[float, progress.Progress]]:
        """Read on, and tell what is new since the last call, with its time in seconds since 1970.

        The first call tells all that has happened. Cost O(jobs) when there is anything new.

        Raises
        ------
        JournalDamagedError
            If the journal is not what was written.
        """
        try:
            utc = self._read_on()
        except JournalDamagedError:
            if self._follower.offset == 0:
                raise
            # A head whose disk refused takes its last lines back, and then writes others there.
            self._begin_anew()
            utc = self._read_on()
        if utc is None:
            return []
        before, self._told = self._told, self.state
        return list(self._news(before, utc))

    def _read_on(self) -> float | None:
        try:
            lines = self._follower.read()
        except FileNotFoundError:  # the run is just being made
            return None
        at = None
        for utc, event in lines:
            at = datetime.fromisoformat(utc).timestamp()
            self.state, effects = core.decide(self.state, event)
            for effect in effects:
                if isinstance(effect, Start):
                    # An attempt that a later head takes up has been running since its first start.
                    self._since.setdefault((effect.job, effect.attempt), at)
        return at

    def _news(self, before: State, at: float) -> Iterator[tuple[float, progress.Progress]]:
        after, paths = self.state, self.recorded.paths
        total, done = len(after.jobs), before.done
        if before.nodes.keys() != after.nodes.keys():
            nodes = tuple(known.node for known in after.nodes.values())
            yield at, progress.RunStarted(paths.run_id, paths.folder, nodes, total, done)
        for name, known in after.nodes.items():
            was = before.nodes.get(name)
            if known is not was and _is_worth_telling(was, known):
                yield at, progress.NodeContact.of(after, name)
        for index, (old, new) in enumerate(zip(before.jobs, after.jobs, strict=True)):
            if old is new:
                continue
            job_id = after.plan.jobs[index].job_id
            yield from _unsuccessful(old, new, at)
            started = _started(old, new)
            if started is not None:
                since = self._since.get((index, started[0]), at)
                yield since, progress.AttemptStarted(job_id, *started)
            if isinstance(new.phase, Done) and not isinstance(old.phase, Done):
                done += 1
                yield at, self._job_done(job_id, new, new.phase.outcome, done)

    def _job_done(
        self, job_id: str, job: JobState, outcome: Outcome, done: int
    ) -> progress.JobDone:
        outputs = {}
        if isinstance(outcome, Succeeded):
            place = self.recorded.paths.place
            outputs = {file.declared: place(file.declared) for file in outcome.outputs}
        run_s = job.history[-1][0].run_s if job.history else 0.0  # cancelled before it ever ran
        return progress.JobDone(job_id, outcome, outputs, run_s, done, len(self.state.jobs))


def _is_worth_telling(was: NodeState | None, known: NodeState) -> bool:
    """Tell whether the contact with a node changed, or what is known of why there is none."""
    if was is None:
        return not known.node.contact
    return (known.node, known.problem) != (was.node, was.problem)


def _started(old: JobState, new: JobState) -> tuple[int, Allocation] | None:
    """Find the newest attempt that was started since, if it runs or is what the job is done by."""
    if new.attempts == old.attempts:
        return None
    match new.phase:
        case Running(attempt, allocation):
            return attempt, allocation
        case Publishing(ended, allocation):
            return ended.attempt, allocation
        case Done(Succeeded()):
            ended, allocation = new.history[-1]
            return ended.attempt, allocation
    return None


def _unsuccessful(
    old: JobState, new: JobState, at: float
) -> Iterator[tuple[float, progress.Progress]]:
    for ended, allocation in new.history[len(old.history) :]:
        if not isinstance(ended.outcome, Succeeded):
            again = ended is not new.history[-1][0] or not isinstance(new.phase, Done)
            yield at, progress.AttemptEnded(ended, allocation, again)


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One line about one run.

    Parameters
    ----------
    state
        "running" with a head at work, "handed_over" as `RunObserver.standing` says, "left" when
        attempts may go on without one, else as in the manifest: "finished" or "interrupted";
        "unknown" if its files cannot be read.
    counts
        Number of jobs by outcome in snake case: by the manifest where that is the last word, else
        by the journal, and "waiting" for those in a queue that have not begun.
    started_utc
        When the run was first opened; None if it never was.
    arrived
        Tasks of a run that was handed over which have ended and were not taken in.
    """

    run_id: str
    folder: Path
    state: str
    counts: dict[str, int]
    started_utc: str | None
    arrived: int = 0


def list_runs(
    output_dir: str | Path = DEFAULT_OUTPUT_DIR, root: str | Path | None = None
) -> list[RunSummary]:
    """List the runs in a folder of runs, newest last."""
    found = [_summary(folder, output_dir, root) for folder in run_folders(output_dir, root)]
    return sorted(found, key=lambda each: (each.started_utc or "", each.run_id))


def run_folders(
    output_dir: str | Path = DEFAULT_OUTPUT_DIR, root: str | Path | None = None
) -> list[Path]:
    """Find the folders of all runs in a folder of runs."""
    found: list[Path] = []
    for preserve in (False, True):
        options = RunOptions(output_dir=output_dir, root=root, preserve_paths=preserve)
        jobs_files = options.paths("any").folder.parent.glob("*/jobs.json")
        found += [path.parent for path in jobs_files]
    return found


def _summary(folder: Path, output_dir: str | Path, root: str | Path | None) -> RunSummary:
    document = _document(folder / "manifest.json")
    state, counts = document.get("state", "unknown"), document.get("counts", {})
    arrived = 0
    if state not in {"finished", "interrupted"} or "running" in counts:
        # It was written when a head began, or attempts go on: only the journal knows the rest.
        with contextlib.suppress(BadInputError, JournalDamagedError, OSError):
            observer = RunObserver(find_run(folder.name, output_dir, root))
            observer.poll()
            state = observer.standing
            arrived = observer.arrived if state == "handed_over" else 0
            known = report(observer.recorded.paths, observer.state).counts
            counts = waiting_apart(known, len(observer.waiting))
    head = read_holder(folder / "lock")
    if head is not None and head.at_work:
        state = "running"
    began = _first_utc(folder / "journal.jsonl")
    return RunSummary(folder.name, folder, state, counts, began, arrived)


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _first_utc(journal: Path) -> str | None:
    try:
        with journal.open("rb") as stream:
            return str(json.loads(stream.readline())["utc"])
    except (OSError, ValueError, TypeError, KeyError):
        return None
