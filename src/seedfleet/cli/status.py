"""`seedfleet status`: the runs of a folder, or how one run stands."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from seedfleet.cli._picture import RunPicture, slots_of
from seedfleet.cli._run_choice import chosen_run, output_dir_option, run_argument
from seedfleet.cli._run_report import failure_lines, resume_command
from seedfleet.cli._words import command, counted, duration, in_folder, outcomes
from seedfleet.cli.output import output_option
from seedfleet.fleet.engines.queued.by_hand import BY_HAND
from seedfleet.fleet.engines.queued.line import waiting_apart
from seedfleet.fleet.errors import JournalDamagedError
from seedfleet.fleet.manifest import report
from seedfleet.fleet.observing import RunObserver, list_runs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seedfleet.cli.output import Output
    from seedfleet.fleet import RunReport
    from seedfleet.fleet.lock import Holder
    from seedfleet.fleet.observing import RunSummary

__all__ = ["head_line", "status"]

_MOST_RUNNING: Final = 100


@click.command()
@run_argument(required=False)
@output_dir_option
@output_option
def status(output: Output, output_dir: str, run_id: str | None) -> None:
    """List the runs of a folder, newest last; with RUN_ID, tell how that one stands.

    Reads only what runs have written, so it works from any terminal, also while no head is at work,
    and asks no node.
    """
    if run_id is None:
        _list(output, output_dir)
        return
    recorded = chosen_run(output, run_id, output_dir)
    observer, picture, now = RunObserver(recorded), RunPicture(), time.time()
    try:
        for at, event in observer.poll():
            picture.hear(event, at)
        picture.look(now)
    except JournalDamagedError as error:
        output.refuse(str(error), [])
    result, head = report(recorded.paths, observer.state), observer.head
    counts = waiting_apart(result.counts, len(picture.waiting))
    arrived, standing = observer.arrived, observer.standing
    left_s = picture.left_s(now) if head is not None and head.at_work else None
    document = {
        "run_id": result.run_id,
        "folder": str(result.folder),
        "state": standing,
        "counts": counts,
        "head": None
        if head is None
        else {"pid": head.pid, "host": head.host, "at_work": head.at_work},
        "left_s": left_s,
        "arrived": arrived,
        **_details(result, picture, now),
    }
    lines = [
        *_standing_lines(result.run_id, standing, counts, arrived, head),
        *([] if left_s is None else [f"about {duration(left_s)} to go"]),
        *_node_lines(picture),
        *_running_lines(picture, now),
        *failure_lines(result),
    ]
    if standing == "handed_over":
        lines.append(f"take the results in: {resume_command(run_id, output_dir)}")
    elif standing == "running":
        lines.append(f"follow it: {command('watch', run_id, *in_folder(output_dir))}")
    elif not result.succeeded:
        lines.append(f"go on with: {resume_command(run_id, output_dir)}")
    output.result(document, "\n".join(lines))


def _standing_lines(
    run_id: str, standing: str, counts: Mapping[str, int], arrived: int, head: Holder | None
) -> Iterator[str]:
    """Say how the run stands, and what has come of it that no head knows of."""
    if standing == "handed_over":
        yield f"{run_id}: {_handed_over(arrived)}"
        return
    yield f"{run_id}: {standing}; {outcomes(counts)}"
    yield head_line(head)
    if arrived:
        yield f"{counted(arrived, 'task')} ended, not yet taken in"


def _handed_over(arrived: int) -> str:
    tasks = counted(arrived, "task")
    return f"handed over for submission by hand; {tasks} ended, not yet taken in"


def head_line(head: Holder | None) -> str:
    """Say whether a head is at work on a run."""
    if head is None:
        return "no head is at work"
    who = f"process {head.pid} on {head.host}"
    if head.at_work:
        return f"its head is {who}"
    return f"no head is at work: {who} died, at most {duration(head.quiet_s)} ago"


def _list(output: Output, output_dir: str) -> None:
    runs = list_runs(output_dir)
    document = {
        "runs": [
            {
                "run_id": run.run_id,
                "folder": str(run.folder),
                "state": run.state,
                "counts": run.counts,
                "started_utc": run.started_utc,
            }
            for run in runs
        ]
    }
    if not runs:
        output.result(document, f"no runs in {Path(output_dir).absolute()}")
        return
    width = max(len(run.run_id) for run in runs)
    lines = [f"{run.run_id:{width}}  {_line_of(run)}" for run in runs]
    newest = command("status", runs[-1].run_id, *in_folder(output_dir))
    output.result(document, "\n".join([*lines, f"more about one: {newest}"]))


def _line_of(run: RunSummary) -> str:
    if run.state == "handed_over":
        return _handed_over(run.arrived)
    return f"{run.state:11}  {outcomes(run.counts)}"


def _details(result: RunReport, picture: RunPicture, now: float) -> dict[str, Any]:
    return {
        "nodes": {
            name: {
                "contact": each.node.contact,
                "problem": "" if each.node.contact else each.problem,
                "slots": slots_of(each.node),
                "busy": each.busy,
                "without_gpu": each.beside,
                "succeeded": each.succeeded,
                "failed": each.failed,
            }
            for name, each in picture.nodes.items()
        },
        "running": {
            each.job_id: {
                "node": each.allocation.node,
                "gpu_ids": list(each.allocation.gpu_ids),
                "attempt": each.attempt,
                "elapsed_s": round(now - each.since, 3),
                "waiting": each.job_id in picture.waiting,
            }
            for each in picture.running.values()
        },
        "unsuccessful": {
            job.job.job_id: {
                "outcome": job.word,
                "node": job.place.node if job.place else None,
                "attempts": job.attempts,
                "exit_code": job.last.exit_code if job.last else None,
                "detail": job.detail,
            }
            for job in result.jobs.values()
            if job.outcome is not None and not job.succeeded
        },
    }


def _node_lines(picture: RunPicture) -> Iterator[str]:
    for name, each in picture.nodes.items():
        contact = (
            "" if each.node.contact else f", not in contact: {each.problem or 'no reason known'}"
        )
        beside = f"{counted(each.beside, 'job')} without a GPU, " if each.beside else ""
        yield (
            f"node {name}: {each.busy} of {counted(slots_of(each.node), 'slot')} busy, "
            f"{beside}{each.succeeded} done, {each.failed} failed{contact}"
        )


def _running_lines(picture: RunPicture, now: float) -> Iterator[str]:
    running = list(picture.running.values())
    if running:
        waiting = len(picture.waiting)
        more = f", {waiting} waiting in the queue" if waiting else ""
        yield f"{counted(len(running), 'job')} {'under way' if waiting else 'running'}{more}:"
    for job in running[:_MOST_RUNNING]:
        where, elapsed = picture.where(job), duration(max(0.0, now - job.since))
        if job.job_id in picture.waiting and job.allocation.node == BY_HAND:
            how = f"waits for somebody to start it, for {elapsed}"
        elif job.job_id in picture.waiting:
            how = f"waits in {job.allocation.node}, handed in {elapsed} ago"
        elif picture.is_queued(job):
            how = f"runs on {where}, handed in {elapsed} ago"
        else:
            how = f"on {where} for {elapsed}"
        yield f"  {job.job_id}: attempt {job.attempt} {how}"
    if len(running) > _MOST_RUNNING:
        yield f"  … and {len(running) - _MOST_RUNNING} more"
