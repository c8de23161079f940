"""`seedfleet run`: jobs in, results and a manifest out."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click
from click.core import ParameterSource

from seedfleet.cli._bad_values import CollectingOption, bad_values
from seedfleet.cli._engine_words import all_options_in_words, engines_in_words, pairs_of
from seedfleet.cli._run_choice import complete_run_id, output_dir_option
from seedfleet.cli._run_report import report_text, resume_command
from seedfleet.cli._run_view import parallel_lines, view
from seedfleet.cli._words import counted, duration
from seedfleet.cli.output import EXIT_INTERRUPTED, EXIT_NOT_ALL_SUCCEEDED, output_option
from seedfleet.fleet import (
    BadInputError,
    FleetError,
    HeadLostError,
    Progress,
    ResumeOptions,
    RunOptions,
    RunReport,
    RunStarted,
    resume_sync,
    run_sync,
)
from seedfleet.fleet.cluster import read_cluster
from seedfleet.fleet.manifest import distribution
from seedfleet.fleet.planning import PlannedRun, plan_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seedfleet.cli.output import Output

__all__ = ["run"]

# Options that `RunOptions` has under the same name; without a value they were not given.
_FIELDS: Final = (
    "preserve_paths",
    "retries",
    "retry_timed_out",
    "max_fails",
    "only",
    "allow_roots",
    "engine",
    "engine_options",
    "cluster",
    "stage",
    "node_lost_after_s",
    "kill_grace_s",
)

# Of this command's own options, those that a new run of some of the jobs does not take over.
_NOT_TAKEN_OVER: Final = {"jobs", "run_id", "only", "dry_run", "no_retry_failed", "accept_changes"}

_MOST_NAMED: Final = 20
_SECONDS: Final = click.FloatRange(0, max=float("inf"), max_open=True)


# One bad value must not hide what else is wrong.
_option = partial(click.option, cls=CollectingOption)


@click.command()
@click.argument("jobs", required=False, type=click.Path(path_type=Path))
@_option(
    "--resume",
    "run_id",
    metavar="RUN_ID",
    shell_complete=complete_run_id,
    help="Go on with a run, with its jobs, options and nodes.",
)
@output_dir_option
@_option("--dry-run", is_flag=True, help="Check everything, show the plan, write nothing.")
@_option(
    "--cluster",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Run on the nodes of this cluster file, over ssh. [this machine]",
)
@_option("--stage", is_flag=True, default=None, help="Give every node the head's scripts.")
@_option(
    "--preserve-paths", is_flag=True, default=None, help="Scripts write where they say, in place."
)
@_option("--retries", type=click.IntRange(0), help="Tries after a job's own failure. [1]")
@_option("--retry-timed-out", is_flag=True, default=None, help="Retry timeouts as well.")
@_option("--max-fails", type=click.IntRange(1), help="Stop after so many failed jobs.")
@_option("--only", multiple=True, metavar="GLOB", help="Only jobs with such an id.")
@_option("--allow-root", "allow_roots", multiple=True, help="Jobs may use paths in there too.")
@_option(
    "--accept-exit",
    type=click.Choice(["ok", "any"]),
    help="'any': good outputs are enough, whatever the exit code. [ok]",
)
@_option(
    "--node-lost-after",
    "node_lost_after_s",
    type=_SECONDS,
    metavar="SECONDS",
    help="Out of contact for so long, a node's jobs may start elsewhere. [600]",
)
@_option(
    "--kill-grace",
    "kill_grace_s",
    type=_SECONDS,
    metavar="SECONDS",
    help="Between TERM and KILL when a script is ended. [5]",
)
@_option("--no-retry-failed", is_flag=True, help="With --resume: failed jobs stay failed.")
@_option(
    "--accept-changes",
    is_flag=True,
    help="With --resume: changed scripts, and jobs of a JOBS named beside it, are fine.",
)
@_option("--engine", help=f"Where jobs run: {engines_in_words()}. [local]")
@_option(
    "--engine-option",
    multiple=True,
    metavar="K=V",
    help=all_options_in_words(),
)
@output_option
@click.pass_context
def run(ctx: click.Context, /, output: Output, **flags: Any) -> None:
    """Run the script jobs of the file JOBS and believe only finished files.

    One Ctrl-C lets running jobs end and starts no more (jobs that were handed to a queue go on), a
    second one cancels them. Exit codes: 0 all succeeded, 1 some did not, 2 bad input, 3 interrupted
    (go on with --resume).

    A resume uses the jobs as they were; `JOBS --resume RUN_ID --accept-changes` takes an edited
    file.
    """
    given = _given(flags, problems := [*bad_values(ctx), *_problems_with_flags(flags)])
    if problems:
        output.refuse("this cannot be run", problems)
    try:
        if flags["dry_run"]:
            options = RunOptions(output_dir=flags["output_dir"], **given)
            _show_plan(asyncio.run(_plan(flags["jobs"], options)), output)
            return
        report = _run(flags, given, output)
    except BadInputError as error:
        output.refuse("nothing was started", error.problems)
    except HeadLostError as error:
        _stop_without_truth(output, error)
    except FleetError as error:
        output.refuse(str(error), [])
    text = report_text(report, flags["output_dir"], _new_run(ctx))
    output.result(report.to_document(sys.argv), text)
    sys.exit(_exit_code(report))


def _problems_with_flags(flags: Mapping[str, Any]) -> list[str]:
    problems = []
    if flags["jobs"] is None and flags["run_id"] is None:
        problems.append("name a job file, or a run with --resume RUN_ID")
    if flags["run_id"] is None:
        idle = [name for name in ("no_retry_failed", "accept_changes") if flags[name]]
        problems += [f"--{name.replace('_', '-')} goes with --resume" for name in idle]
        if flags["engine"] == "ssh" and flags["cluster"] is None:
            problems.append("--engine ssh needs nodes: name them with --cluster FILE")
    elif flags["dry_run"]:
        problems.append("--dry-run shows a new run; it does not go with --resume")
    if flags["cluster"] is not None and flags["engine"] not in {None, "ssh"}:
        problems.append(f"--cluster means --engine ssh, not {flags['engine']}")
    return problems


def _given(flags: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    """Collect the options that were given, by `RunOptions` field, and what is wrong with them."""
    settings = {**flags, "engine_options": pairs_of(flags["engine_option"], problems)}
    if flags["cluster"] is not None:
        settings["engine"] = "ssh"
        try:
            settings["cluster"] = read_cluster(Path(flags["cluster"]))
        except BadInputError as error:
            problems += error.problems
    given = {name: settings[name] for name in _FIELDS if settings[name] not in (None, (), {})}
    if flags["accept_exit"] is not None:
        given["accept_any_exit"] = flags["accept_exit"] == "any"
    return given


async def _plan(jobs: Path, options: RunOptions) -> PlannedRun:
    planned = await plan_run(jobs, options)
    await planned.engine.close()
    return planned


def _run(flags: Mapping[str, Any], given: Mapping[str, Any], output: Output) -> RunReport:
    opened: list[str] = []
    try:
        with view(output) as shown:

            def hear(event: Progress) -> None:
                if isinstance(event, RunStarted):
                    opened.append(event.run_id)
                shown.hear(event)

            if flags["run_id"] is None:
                options = RunOptions(output_dir=flags["output_dir"], **given)
                return run_sync(flags["jobs"], options, on_event=hear)
            wanted = ResumeOptions(
                output_dir=flags["output_dir"],
                jobs=flags["jobs"],
                retry_failed=not flags["no_retry_failed"],
                accept_changes=flags["accept_changes"],
                given=given,
            )
            return resume_sync(flags["run_id"], wanted, on_event=hear)
    except KeyboardInterrupt:
        # The run handles Ctrl-C itself while it goes on; this one came just before or after that.
        if not opened:
            raise
        text = f"interrupted; go on with: {resume_command(opened[0], flags['output_dir'])}"
        output.result({"interrupted": True, "run_id": opened[0]}, text)
        sys.exit(EXIT_INTERRUPTED)


def _stop_without_truth(output: Output, error: HeadLostError) -> NoReturn:
    output.result({"error": str(error)}, f"error: {error}\nWhat runs goes on; resume the run.")
    sys.exit(EXIT_INTERRUPTED)


def _exit_code(report: RunReport) -> int:
    if report.interrupted:
        return EXIT_INTERRUPTED
    return 0 if report.succeeded else EXIT_NOT_ALL_SUCCEEDED


def _new_run(ctx: click.Context) -> list[str]:
    """Write this command line again without the words that choose jobs; none for a resume."""
    if ctx.params["run_id"] is not None:
        return []
    words = ["run", str(ctx.params["jobs"])]
    for param in ctx.command.params:
        name = str(param.name)
        source = ctx.get_parameter_source(name)
        if name in _NOT_TAKEN_OVER | {"output"} or source is not ParameterSource.COMMANDLINE:
            continue
        value = ctx.params[name]
        if value is True:
            words.append(param.opts[0])
        else:
            values = value if isinstance(value, tuple) else (value,)
            words += [word for each in values for word in (param.opts[0], str(each))]
    return words


def _show_plan(made: PlannedRun, output: Output) -> None:
    allocations = made.allocations()
    shares = distribution(made.nodes, allocations)
    ids = [job.job_id for job in made.plan.jobs]
    document = {
        "jobs": len(ids),
        "dialects": dict(made.dialects),
        "order": [ids[index] for index in made.order],
        "nodes": {
            node.name: {
                "platform": node.platform,
                "gpus": len(node.gpus),
                "cpu_slots": node.cpu_slots,
                "contact": node.contact,
            }
            for node in made.nodes
        },
        "distribution": shares,
        "lower_bound_s": made.lower_bound_s,
        "unplaced": [ids[index] for index in made.unplaced],
        "outputs": {
            job.job_id: [made.paths.text_place(declared) for declared in job.all_outputs]
            for job in made.plan.jobs
        },
    }
    lines = [f"{counted(len(ids), 'job')} would run; nothing was written"]
    if made.dialects:
        seen = ", ".join(f"{name}: {number}" for name, number in made.dialects.items())
        lines.append(f"dialects of the job file: {seen}")
    lines += parallel_lines(made.nodes, allocations)
    lines += _absent_lines(made)
    lines.append(
        "how long they will take is not known: not all of these scripts have run before"
        if made.lower_bound_s is None
        else f"by earlier runs they need at least {duration(made.lower_bound_s)}"
    )
    paths = made.paths
    where = f"their own paths under {paths.root}" if paths.preserve else str(paths.results)
    lines.append(f"results would go to {where}")
    output.result(document, "\n".join(lines))


def _absent_lines(made: PlannedRun) -> Iterator[str]:
    for node in made.nodes:
        if not node.contact:
            yield f"{node.name} is out of contact, so it is left out of this plan"
    if made.unplaced:
        ids = [made.plan.jobs[index].job_id for index in made.unplaced]
        more = f" and {len(ids) - _MOST_NAMED} more" if len(ids) > _MOST_NAMED else ""
        yield f"jobs that only such a node can run: {', '.join(ids[:_MOST_NAMED])}{more}"
