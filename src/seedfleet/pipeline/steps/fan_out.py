"""A step's jobs, run by the fleet: one file of jobs, on this machine or on whatever cluster.

The file is one that `seedfleet run` and the established coordinators take as well, and its scripts
are the established ones, copied beside it, so that whoever prefers can run it by hand.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING

from seedfleet import __version__
from seedfleet.established_entry import WANTED_VERSION
from seedfleet.established_scripts import established_script
from seedfleet.fleet import (
    AttemptEnded,
    JobDone,
    NodeContact,
    Notice,
    ResumeOptions,
    RunControl,
    RunOptions,
    resume,
    run,
)
from seedfleet.fleet.signals import run_blocking
from seedfleet.pipeline.run_folder import write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from seedfleet.fleet import Job, JobReport, Progress, RunReport
    from seedfleet.fleet.engines.base import Ended

__all__ = ["FanOut", "FanOutInterrupted", "failed_jobs", "why_failed"]

_RUNS = "fleet"  # the folder of the fleet's runs, inside that of the jobs
_SLOTS_OF_A_QUEUE = 32  # of a scheduler, whose machines nobody has counted


class FanOutInterrupted(Exception):  # noqa: N818 - nothing went wrong; the user asked for it
    """The user stopped the jobs; asking again goes on with those that are left."""


def failed_jobs(report: RunReport) -> tuple[str, ...]:
    """Name the jobs that have no result, each with why."""
    return tuple(
        f"Job {job_id} has no result: {why_failed(job)}."
        for job_id, job in report.jobs.items()
        if not job.succeeded
    )


def why_failed(job: JobReport) -> str:
    """Say in one line how a job without a result ended, with the last words of its script."""
    if job.last is None or job.outcome is None:
        return job.detail or job.word
    return _last_words(job.last) or job.word


def _last_words(ended: Ended) -> str:
    lines = ended.stderr_tail.rstrip().splitlines()[-1:]
    return ": ".join(filter(None, (ended.detail, *lines)))


@dataclasses.dataclass(frozen=True)
class FanOut:
    """Runs the jobs of steps.

    Attributes
    ----------
    options
        Engine, cluster, retries. Folders are set here. Where jobs run elsewhere, this version of
        `seedfleet[trace]` must be importable by each node's `python_env`, or by the engine's option
        `python`; all else is copied to nodes that do not share the disk. A job that fails on one
        node is tried on every other.
    notice
        Hears what the user should know of the run of jobs.
    """

    options: RunOptions = dataclasses.field(default_factory=RunOptions)
    notice: Callable[[str], None] = lambda _: None

    @property
    def slots(self) -> int:
        """How many jobs can run at once, as far as that is known without a probe."""
        cluster, engine = self.options.cluster, self.options.engine
        if cluster is None and engine == "local":
            return os.cpu_count() or 1
        if cluster is None:
            return int(self.options.engine_options.get("slots", _SLOTS_OF_A_QUEUE))
        return sum(
            min(node.max_concurrent_script_jobs, node.gpu_count or node.max_concurrent_script_jobs)
            for node in cluster.nodes
        )

    def run(
        self,
        jobs: Sequence[Job],
        jobs_file: Path,
        *,
        preserve_paths: bool = False,
        done: Callable[[str, Path], None] = lambda _id, _path: None,
    ) -> RunReport:
        """Write the jobs to their file and run them; the same jobs asked again go on.

        Parameters
        ----------
        jobs
            Their paths are relative to the folder of `jobs_file`, which is their root; their
            scripts are established ones, and are copied there.
        jobs_file
            Where the jobs are written, as the fleet's own job file.
        preserve_paths
            Whether outputs stand where jobs say, relative to the folder; else they stand in the
            results of the fleet's run, and the report tells where.
        done
            Called once with each job's id and its checked output, as soon as that is there; at the
            end of those that had theirs before.

        Raises
        ------
        FanOutInterrupted
            The user stopped the run.
        BadInputError
            The jobs cannot run on this cluster.
        """
        asked = self._asked(jobs, jobs_file, preserve_paths=preserve_paths)
        root = asked.root
        for script in dict.fromkeys(job.script for job in jobs):
            write_text(root / script, established_script(script))
        write_text(jobs_file, asked.text)
        control, hear = RunControl(), _Listener(self.notice, done)
        if asked.has_begun:
            wanted = ResumeOptions(output_dir=root / _RUNS, root=root)
            work = resume(asked.run_id, wanted, on_event=hear, control=control)
        else:
            work = run(
                asked.jobs, asked.options, on_event=hear, run_id=asked.run_id, control=control
            )
        report = run_blocking(work, control, hear)
        if report.interrupted:
            raise FanOutInterrupted
        hear.tell_rest(report)
        return report

    def has_begun(
        self, jobs: Sequence[Job], jobs_file: Path, *, preserve_paths: bool = False
    ) -> bool:
        """Tell whether `run` has been asked the same before, so that it would go on."""
        return self._asked(jobs, jobs_file, preserve_paths=preserve_paths).has_begun

    def _asked(self, jobs: Sequence[Job], jobs_file: Path, *, preserve_paths: bool) -> _Asked:
        cluster = self.options.cluster
        others = 0 if cluster is None else len(cluster.nodes) - 1
        root = jobs_file.parent.resolve()
        options = dataclasses.replace(
            self.options,
            output_dir=root / _RUNS,
            root=root,
            preserve_paths=preserve_paths,
            stage=cluster is not None,
            retries=max(self.options.retries, others),
        )
        return _Asked(tuple(map(_of_this_version, jobs)), options, root, jobs_file.stem)


@dataclasses.dataclass(frozen=True)
class _Asked:
    """Jobs as the fleet is to run them, and the run that they are, begun or not."""

    jobs: tuple[Job, ...]
    options: RunOptions
    root: Path
    stem: str

    @property
    def text(self) -> str:
        """The job file."""
        return json.dumps([job.to_document() for job in self.jobs], indent=2) + "\n"

    @property
    def has_begun(self) -> bool:
        """Whether the fleet has a run of these."""
        return self.options.paths(self.run_id).jobs.exists()

    @cached_property
    def run_id(self) -> str:
        """The name of the run that these jobs began, or of a new one.

        A node knows runs by their names alone, so that those of another folder must be others. So
        must those that are asked to run elsewhere: a run keeps its nodes for good.
        """
        options = self.options
        place = (options.engine, sorted(options.engine_options.items()), options.cluster)
        told = f"{self.root}\n{place}\n{self.text}"
        own = hashlib.sha256(told.encode()).hexdigest()[:12]
        names = (f"{self.stem}-{own}-{number}" for number in count(1))
        taken = (options.paths(name) for name in names)
        return next(each.run_id for each in taken if each.jobs.exists() or not each.folder.exists())


class _Listener:
    """Tells results as they come, and what the user should know, each thing once."""

    def __init__(self, notice: Callable[[str], None], done: Callable[[str, Path], None]) -> None:
        self._notice, self._done = notice, done
        self._said: set[str] = set()
        self._told: set[str] = set()

    def __call__(self, event: Progress) -> None:
        match event:
            case Notice(text):
                self._say(text)
            case NodeContact(node, problem) if problem:
                self._say(f"node {node.name}: out of contact: {problem}")
            case AttemptEnded(ended, allocation, again=True) if _last_words(ended):
                self._say(
                    f"node {allocation.node}: {_last_words(ended)}; what failed is tried again"
                )
            case JobDone(job_id, _, outputs) if outputs:
                self._told.add(job_id)
                self._done(job_id, next(iter(outputs.values())))
            case _:
                pass

    def tell_rest(self, report: RunReport) -> None:
        """Tell the results that were there before the run went on."""
        for job_id, job in report.jobs.items():
            if job.succeeded and job_id not in self._told:
                self._done(job_id, job.output)

    def _say(self, text: str) -> None:
        if text not in self._said:  # a node may say the same of every job
            self._said.add(text)
            self._notice(text)


def _of_this_version(job: Job) -> Job:
    """Let a job refuse to run with another version, whose results need not be the same."""
    return dataclasses.replace(job, env={**job.env, WANTED_VERSION: __version__})
