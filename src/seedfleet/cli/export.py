"""`seedfleet export`: the same jobs for a scheduler that somebody hands them to."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seedfleet.cli._engine_words import pairs_of, wish_options, wishes_in_words
from seedfleet.cli._run_choice import output_dir_option
from seedfleet.cli._run_report import resume_command
from seedfleet.cli._words import command, counted, in_folder
from seedfleet.cli.output import output_option
from seedfleet.fleet.engines.choice import read_options
from seedfleet.fleet.engines.queued.folder import TaskRules
from seedfleet.fleet.engines.slurm import SlurmWishes
from seedfleet.fleet.errors import BadInputError, FleetError
from seedfleet.fleet.exporting import Exported, export
from seedfleet.fleet.options import RunOptions
from seedfleet.fleet.submissions import FORMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedfleet.cli.output import Output

__all__ = ["export_command"]


@click.command("export")
@click.argument("jobs", type=click.Path(path_type=Path))
@click.option(
    "--to",
    "form",
    type=click.Choice(list(FORMS)),
    required=True,
    help="Array scripts of Slurm, commands for GNU parallel, or a HyperQueue job file.",
)
@output_dir_option
@click.option("--preserve-paths", is_flag=True, help="Scripts write where they say, in place.")
@click.option(
    "--retries", type=click.IntRange(0), default=0, help="Tries after a job's own failure.  [0]"
)
@click.option("--only", multiple=True, metavar="GLOB", help="Only jobs with such an id.")
@click.option("--allow-root", "allow_roots", multiple=True, help="Jobs may use paths in there too.")
@click.option(
    "--accept-exit",
    type=click.Choice(["ok", "any"]),
    default="ok",
    help="'any': good outputs are enough, whatever the exit code.  [ok]",
)
@click.option(
    "--python",
    default="python3",
    show_default=True,
    help="The interpreter of tasks and .py scripts there.",
)
@click.option(
    "--default-gpus",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="GPUs of a job that does not say.",
)
@click.option(
    "--engine-option",
    multiple=True,
    metavar="K=V",
    help="With --to slurm, for every array script: " + wishes_in_words() + ".",
)
@output_option
def export_command(output: Output, jobs: Path, form: str, **flags: Any) -> None:
    """Write the script jobs of the file JOBS as tasks for a scheduler, and start none of them.

    The run's folder has to be on a disk that the machines share. Hand the files in as is printed,
    and take the results in with `seedfleet run --resume RUN_ID`, which waits for tasks that have
    not ended. Tasks that were never started are handed in again by the same files: a task that has
    run, or runs, is left alone.
    """
    options = RunOptions(
        output_dir=flags["output_dir"],
        preserve_paths=flags["preserve_paths"],
        retries=flags["retries"],
        only=flags["only"],
        allow_roots=flags["allow_roots"],
        accept_any_exit=flags["accept_exit"] == "any",
    )
    rules = TaskRules(python=flags["python"], default_gpus=flags["default_gpus"])
    wishes = _wishes(form, flags["engine_option"], output)
    try:
        made = asyncio.run(export(jobs, options, form, rules, wishes=wishes))
    except BadInputError as error:
        output.refuse("nothing was written", error.problems)
    except FleetError as error:
        output.refuse(str(error), [])
    output.result(_document(made, flags["output_dir"]), _text(made, flags["output_dir"]))


def _wishes(form: str, words: Sequence[str], output: Output) -> SlurmWishes:
    problems: list[str] = []
    pairs = pairs_of(words, problems)
    if pairs and form != "slurm":
        problems.append("--engine-option goes with --to slurm")
    known = wish_options()
    problems += [
        f"--engine-option {name}: export takes {', '.join(known)}; "
        "for GPUs and the interpreter there are --default-gpus and --python"
        for name in pairs
        if name not in known
    ]
    problems += [
        f"--engine-option {name}: what goes into such a file has to be printable text"
        for name, value in pairs.items()
        if not value.isprintable()
    ]
    wished: dict[str, Any] = {}
    if not problems:
        try:
            wished = read_options("slurm", pairs)
        except BadInputError as error:
            problems += error.problems
    if problems:
        output.refuse("nothing was written", problems)
    return SlurmWishes(**wished)


def _document(made: Exported, output_dir: str) -> dict[str, Any]:
    return {
        "run_id": made.paths.run_id,
        "folder": str(made.paths.folder),
        "tasks": made.tasks,
        "files": [str(made.paths.folder / name) for name in made.submission.files],
        "submit": list(made.submission.commands),
        "notes": list(made.submission.notes),
        "resume": resume_command(made.paths.run_id, output_dir),
    }


def _text(made: Exported, output_dir: str) -> str:
    run_id = made.paths.run_id
    lines = [
        f"{run_id}: {counted(made.tasks, 'task')} in {made.paths.folder}; none was started",
        *made.submission.notes,
        "hand them in:",
        *(f"  {line}" for line in made.submission.commands),
        f"see what has come: {command('status', run_id, *in_folder(output_dir))}",
        f"take the results in: {resume_command(run_id, output_dir)}",
    ]
    return "\n".join(lines)
