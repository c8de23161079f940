"""A run that people hand in to a scheduler themselves: its folder with tasks, and files for it.

The run is like any other from then on. `resume` watches what its tasks leave and takes it in; it
starts none of them.
"""

from __future__ import annotations

import dataclasses
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedfleet.fleet.engines.queued.by_hand import BY_HAND, write_tasks
from seedfleet.fleet.engines.queued.folder import QueueFolder
from seedfleet.fleet.engines.slurm import SlurmWishes
from seedfleet.fleet.errors import BadInputError
from seedfleet.fleet.node.layout import write_atomically
from seedfleet.fleet.planning import plan_run
from seedfleet.fleet.prepare import fingerprints
from seedfleet.fleet.resuming import Recorded, write_recorded
from seedfleet.fleet.submissions import FORMS, TaskList

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seedfleet.fleet.engines.queued.folder import TaskRules
    from seedfleet.fleet.options import RunOptions
    from seedfleet.fleet.paths import RunPaths
    from seedfleet.fleet.planning import JobSource, PlannedRun
    from seedfleet.fleet.submissions import Submission

__all__ = ["Exported", "export"]


@dataclass(frozen=True, slots=True)
class Exported:
    """A run whose tasks wait for somebody to start them.

    Parameters
    ----------
    paths
        Of the run; the submission's files stand in its folder.
    tasks
        How many there are, one for each job.
    submission
        The files and what to type.
    """

    paths: RunPaths
    tasks: int
    submission: Submission


async def export(
    jobs: JobSource,
    options: RunOptions,
    form: str,
    task_rules: TaskRules,
    *,
    wishes: SlurmWishes | None = None,
) -> Exported:
    """Check jobs, make a run of them, and write the files of a scheduler.

    Parameters
    ----------
    jobs
        A job file, or jobs, or their documents.
    options
        Of the run; engine and its options are set here.
    form
        One of `submissions.FORMS`.
    task_rules
        For every task.
    wishes
        What every task asks of Slurm beside what its job asks; only the form "slurm" passes it on.

    Raises
    ------
    BadInputError
        With every problem; nothing is left of the run.
    RunExistsError
        If the run's folder is there already.
    """
    task_rules = dataclasses.replace(task_rules, masks_only=FORMS[form].masks_only)
    options = dataclasses.replace(options, engine=BY_HAND, engine_options=_noted(task_rules, 1))
    made = await plan_run(jobs, options)
    try:
        tasks = len(made.plan.jobs)
        options = dataclasses.replace(options, engine_options=_noted(task_rules, tasks))
        return _write(made, options, form, task_rules, wishes or SlurmWishes())
    finally:
        await made.engine.close()


def _noted(task_rules: TaskRules, tasks: int) -> dict[str, str]:
    """Write as engine options what a resume needs again; it watches all tasks at once."""
    return {
        "python": task_rules.python,
        "default_gpus": str(task_rules.default_gpus),
        "masks_only": "yes" if task_rules.masks_only else "no",
        "slots": str(max(tasks, 1)),
    }


def _write(
    made: PlannedRun, options: RunOptions, form: str, task_rules: TaskRules, wishes: SlurmWishes
) -> Exported:
    paths, jobs = made.paths, made.plan.jobs
    folder = QueueFolder(paths, options.rules(), made.nodes[0], task_rules)
    requests = [folder.request(job) for job in jobs]
    problems = [
        f"{job.job_id}: {problem}"
        for job, request in zip(jobs, requests, strict=True)
        for problem in FORMS[form].problems(request)
    ]
    problems += _unwritable(str(paths.folder))
    if problems:
        raise BadInputError(problems)
    marks = fingerprints(jobs, paths)
    made.make_folder()
    try:
        words = write_tasks(jobs, paths, options.rules(), task_rules)
        tasks = TaskList(
            run_id=paths.run_id,
            words=words,
            folder=str(paths.folder),
            logs=str(folder.path / "logs"),
            requests=requests,
            wishes=wishes,
        )
        submission = FORMS[form].write(tasks)
        for name, text in submission.files.items():
            write_atomically(paths.folder / name, text.encode())
        write_recorded(Recorded(paths, options, jobs, marks, tuple(sys.argv)))
    except OSError as error:
        shutil.rmtree(paths.folder, ignore_errors=True)
        raise BadInputError([f"cannot write {paths.folder}: {error}"]) from error
    return Exported(paths, len(jobs), submission)


def _unwritable(folder: str) -> Iterator[str]:
    """Refuse a place that not every form of file has a spelling for."""
    if not folder.isprintable():
        yield f"{folder!r}: a path that goes into such files has to be printable text"
