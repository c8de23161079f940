"""A step's jobs, run by the fleet: one file of jobs, on this machine or on whatever cluster.

The file is one that `seedfleet run` and the established coordinators take as well, and its scripts
are the established ones, copied beside it, so that whoever prefers can run it by hand.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import sys
from itertools import count
from typing import TYPE_CHECKING

from seedfleet.established_scripts import established_script
from seedfleet.fleet import (
    JobDone,
    Notice,
    ResumeOptions,
    RunControl,
    RunOptions,
    resume,
    run,
)
from seedfleet.fleet.engines.choice import ENGINE_OPTIONS
from seedfleet.fleet.signals import run_blocking
from seedfleet.pipeline.run_folder import write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from seedfleet.fleet import Job, Progress, RunReport

__all__ = ["FanOut", "FanOutInterrupted", "failed_jobs"]

_RUNS = "fleet"  # the folder of the fleet's runs, inside that of the jobs
_SLOTS_OF_A_QUEUE = 32  # of a scheduler, whose machines nobody has counted


class FanOutInterrupted(Exception):  # noqa: N818 - nothing went wrong; the user asked for it
    """The user stopped the jobs; asking again goes on with those that are left."""


def failed_jobs(report: RunReport) -> tuple[str, ...]:
    """Name the jobs that have no result, each with why."""
    return tuple(
        f"Job {job_id} has no result: {job.detail or job.word}."
        for job_id, job in report.jobs.items()
        if not job.succeeded
    )


@dataclasses.dataclass(frozen=True)
class FanOut:
    """Runs the jobs of steps.

    Attributes
    ----------
    options
        Engine, cluster, retries. Folders are set here. Where jobs run elsewhere, `seedfleet[trace]`
        must be importable by each node's `python_env`, or by the engine's option `python`; all else
        is copied to nodes that do not share the disk.
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
            Called with a job's id and its checked output as soon as that is there.

        Raises
        ------
        FanOutInterrupted
            The user stopped the run.
        BadInputError
            The jobs cannot run on this cluster.
        """
        root = jobs_file.parent.resolve()
        for script in dict.fromkeys(job.script for job in jobs):
            write_text(root / script, established_script(script))
        text = json.dumps([job.to_document() for job in jobs], indent=2) + "\n"
        write_text(jobs_file, text)
        options = dataclasses.replace(
            self.options,
            output_dir=root / _RUNS,
            root=root,
            engine_options={**_defaults(self.options.engine), **self.options.engine_options},
            preserve_paths=preserve_paths,
            stage=self.options.cluster is not None,
        )
        control = RunControl()

        def hear(event: Progress) -> None:
            if isinstance(event, Notice):
                self.notice(event.text)
            elif isinstance(event, JobDone) and event.outputs:
                done(event.job_id, next(iter(event.outputs.values())))

        run_id = _run_id(options, jobs_file.stem, text)
        if options.paths(run_id).jobs.exists():
            wanted = ResumeOptions(output_dir=root / _RUNS, root=root)
            work = resume(run_id, wanted, on_event=hear, control=control)
        else:
            work = run(jobs, options, on_event=hear, run_id=run_id, control=control)
        report = run_blocking(work, control, hear)
        if report.interrupted:
            raise FanOutInterrupted
        return report


def _defaults(engine: str) -> dict[str, str]:
    """Say what an engine over a scheduler is told of these jobs, if the user says nothing."""
    if engine in {"local", "ssh"}:
        return {}
    wished = {"python": sys.executable, "default_gpus": "0"}
    return {name: value for name, value in wished.items() if name in ENGINE_OPTIONS[engine]}


def _run_id(options: RunOptions, stem: str, text: str) -> str:
    """Name the run that these jobs began, or a new one.

    A node knows runs by their names alone, so that those of another folder must be others.
    """
    own = hashlib.sha256(f"{options.root}\n{text}".encode()).hexdigest()[:12]
    names = (f"{stem}-{own}-{number}" for number in count(1))
    taken = (options.paths(name) for name in names)
    return next(each.run_id for each in taken if each.jobs.exists() or not each.folder.exists())
