"""`seedfleet run`: jobs in, results and a manifest out."""

from __future__ import annotations

import asyncio
import shlex
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

from seedfleet.cli._run_view import parallel_lines, view
from seedfleet.cli.output import EXIT_INTERRUPTED, output_option
from seedfleet.fleet import (
    BadInputError,
    FleetError,
    HeadLostError,
    JobReport,
    ResumeOptions,
    RunOptions,
    RunReport,
    resume_sync,
    run_sync,
)
from seedfleet.fleet.manifest import distribution
from seedfleet.fleet.options import DEFAULT_OUTPUT_DIR
from seedfleet.fleet.planning import PlannedRun, plan_run

if TYPE_CHECKING:
    from seedfleet.cli.output import Output

__all__ = ["run"]

EXIT_NOT_ALL_SUCCEEDED: Final = 1

Shares = dict[str, dict[int, int]]

_MOST_LISTED: Final = 50  # unsuccessful jobs shown to a person; the manifest has all of them
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
)


@click.command(context_settings={"show_default": True})
@click.argument("jobs", required=False, type=click.Path(path_type=Path))
@click.option("--resume", "run_id", metavar="RUN_ID", help="Go on with a run.")
@click.option("--output-dir", default=DEFAULT_OUTPUT_DIR, help="The folder of all runs.")
@click.option("--dry-run", is_flag=True, help="Check everything, show the plan, write nothing.")
@click.option(
    "--preserve-paths", is_flag=True, default=None, help="Scripts write where they say, in place."
)
@click.option("--retries", type=click.IntRange(0), help="Tries after a job's own failure. [1]")
@click.option("--retry-timed-out", is_flag=True, default=None, help="Retry timeouts as well.")
@click.option("--max-fails", type=click.IntRange(1), help="Stop after so many failed jobs.")
@click.option("--only", multiple=True, metavar="GLOB", help="Only jobs with such an id.")
@click.option("--allow-root", "allow_roots", multiple=True, help="Jobs may use paths in there too.")
@click.option(
    "--accept-exit",
    type=click.Choice(["ok", "any"]),
    help="'any': good outputs are enough, whatever the exit code. [ok]",
)
@click.option("--no-retry-failed", is_flag=True, help="With --resume: failed jobs stay failed.")
@click.option("--accept-changes", is_flag=True, help="With --resume: changed scripts are fine.")
@click.option("--engine", help="Where jobs run; this version knows local. [local]")
@click.option(
    "--engine-option", multiple=True, metavar="K=V", help="For local: slots=N, python=PATH."
)
@output_option
def run(output: Output, **flags: Any) -> None:
    """Run the script jobs of the file JOBS on this machine and believe only finished files.

    Exit codes: 0 all succeeded, 1 some did not, 2 bad input, 3 interrupted (resume with --resume).
    """
    problems = list(_problems_with_flags(flags))
    flags["engine_options"] = _engine_options(flags, problems)
    if problems:
        output.refuse("this cannot be run", problems)
    try:
        if flags["dry_run"]:
            planned = asyncio.run(_plan(flags))
            shares = distribution(planned.nodes, planned.allocations())
            output.result(_plan_document(planned, shares), _plan_text(planned, shares))
            return
        report = _run(flags, output)
    except BadInputError as error:
        output.refuse("nothing was started", error.problems)
    except HeadLostError as error:
        _stop_without_truth(output, error)
    except FleetError as error:
        output.refuse(str(error), [])
    output.result(report.to_document(sys.argv), _report_text(report, flags["output_dir"]))
    sys.exit(_exit_code(report))


def _problems_with_flags(flags: dict[str, Any]) -> list[str]:
    problems = []
    if flags["jobs"] is None and flags["run_id"] is None:
        problems.append("name a job file, or a run with --resume RUN_ID")
    if flags["run_id"] is None:
        idle = [name for name in ("no_retry_failed", "accept_changes") if flags[name]]
        problems += [f"--{name.replace('_', '-')} goes with --resume" for name in idle]
    elif flags["dry_run"]:
        problems.append("--dry-run shows a new run; it does not go with --resume")
    return problems


def _engine_options(flags: dict[str, Any], problems: list[str]) -> dict[str, str]:
    settings = {}
    for option in flags["engine_option"]:
        name, equals, value = option.partition("=")
        if not equals:
            problems.append(f"--engine-option {option}: is not K=V")
        if name in settings:
            problems.append(f"--engine-option {option}: {name} is given twice")
        settings[name] = value
    return settings


def _given(flags: dict[str, Any]) -> dict[str, Any]:
    given = {name: flags[name] for name in _FIELDS if flags[name] not in (None, (), {})}
    if flags["accept_exit"] is not None:
        given["accept_any_exit"] = flags["accept_exit"] == "any"
    return given


async def _plan(flags: dict[str, Any]) -> PlannedRun:
    planned = await plan_run(
        flags["jobs"], RunOptions(output_dir=flags["output_dir"], **_given(flags))
    )
    await planned.engine.close()
    return planned


def _run(flags: dict[str, Any], output: Output) -> RunReport:
    with view(output) as hear:
        if flags["run_id"] is None:
            options = RunOptions(output_dir=flags["output_dir"], **_given(flags))
            return run_sync(flags["jobs"], options, on_event=hear)
        wanted = ResumeOptions(
            output_dir=flags["output_dir"],
            jobs=flags["jobs"],
            retry_failed=not flags["no_retry_failed"],
            accept_changes=flags["accept_changes"],
            given=_given(flags),
        )
        return resume_sync(flags["run_id"], wanted, on_event=hear)


def _stop_without_truth(output: Output, error: HeadLostError) -> NoReturn:
    output.result({"error": str(error)}, f"error: {error}\nWhat runs goes on; resume the run.")
    sys.exit(EXIT_INTERRUPTED)


def _exit_code(report: RunReport) -> int:
    if report.interrupted:
        return EXIT_INTERRUPTED
    return 0 if report.succeeded else EXIT_NOT_ALL_SUCCEEDED


def _plan_document(made: PlannedRun, shares: Shares) -> dict[str, Any]:
    ids = [job.job_id for job in made.plan.jobs]
    return {
        "jobs": len(ids),
        "order": [ids[index] for index in made.order],
        "nodes": {
            node.name: {
                "platform": node.platform,
                "gpus": len(node.gpus),
                "cpu_slots": node.cpu_slots,
            }
            for node in made.nodes
        },
        "distribution": shares,
        "lower_bound_s": made.lower_bound_s,
        "outputs": {
            job.job_id: [made.paths.text_place(declared) for declared in job.all_outputs]
            for job in made.plan.jobs
        },
    }


def _plan_text(made: PlannedRun, shares: Shares) -> str:
    lines = [f"{len(made.plan.jobs)} jobs would run; nothing was written"]
    lines += parallel_lines(made.nodes, shares)
    if made.lower_bound_s is not None:
        lines.append(f"by earlier runs they need at least {made.lower_bound_s:.1f} s")
    paths = made.paths
    where = f"their own paths under {paths.root}" if paths.preserve else str(paths.results)
    lines.append(f"results would go to {where}")
    return "\n".join(lines)


def _report_text(report: RunReport, output_dir: str) -> str:
    counts = ", ".join(f"{number} {word}" for word, number in sorted(report.counts.items()))
    lines = [
        f"{report.run_id}: {counts}",
        *parallel_lines(report.nodes, report.distribution),
        f"makespan {report.makespan_s:.1f} s, lower bound {report.lower_bound_s:.1f} s",
    ]
    lines += [
        f"  {job.job.job_id}: {job.word}{_evidence(job)}"
        for job in islice((job for job in report.jobs.values() if not job.succeeded), _MOST_LISTED)
    ]
    lines.append(f"manifest: {report.folder / 'manifest.json'}")
    if report.interrupted:
        where = (
            "" if output_dir == DEFAULT_OUTPUT_DIR else f" --output-dir {shlex.quote(output_dir)}"
        )
        lines.append(f"go on with: seedfleet run --resume {report.run_id}{where}")
    return "\n".join(lines)


def _evidence(job: JobReport) -> str:
    if job.last is None or job.succeeded:
        return ""
    last_words = job.last.stderr_tail.strip().splitlines()[-1:]
    return "".join(f" - {text}" for text in (job.last.detail, *last_words) if text)
