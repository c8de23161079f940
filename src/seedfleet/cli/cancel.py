"""`seedfleet cancel`: ends a run or some of its jobs, whether or not a head is at work on it."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import click

from seedfleet.cli._run_choice import chosen_run, complete_job_id, output_dir_option, run_argument
from seedfleet.cli._run_report import out_of_reach_lines, resume_command
from seedfleet.cli._run_view import PlainView
from seedfleet.cli._words import outcomes
from seedfleet.cli.output import EXIT_INTERRUPTED, EXIT_NOT_ALL_SUCCEEDED, output_option
from seedfleet.cli.status import head_line
from seedfleet.fleet.cancelling import ask_to_cancel
from seedfleet.fleet.errors import BadInputError, FleetError
from seedfleet.fleet.manifest import report
from seedfleet.fleet.observing import RunObserver
from seedfleet.fleet.resuming import ResumeOptions
from seedfleet.fleet.runner import cancel as cancel_without_head

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedfleet.cli.output import Output
    from seedfleet.fleet import RunReport
    from seedfleet.fleet.lock import Holder

__all__ = ["cancel"]

_POLL_S: Final = 0.5


@click.command()
@run_argument()
@click.argument("jobs", metavar="[JOB]...", nargs=-1, shell_complete=complete_job_id)
@output_dir_option
@click.option("--no-wait", is_flag=True, help="Ask the head, and do not wait until it is done.")
@output_option
def cancel(
    output: Output, output_dir: str, run_id: str, jobs: tuple[str, ...], no_wait: bool
) -> None:
    """End RUN_ID, or only some JOBs of it, and wait until they have ended.

    The head of the run is asked through a file in the run's folder. Where none is at work, this
    command ends what still runs and writes the manifest. A cancelled run can be resumed.

    Exit codes: 0 what was named has ended, or the head was asked (--no-wait), 1 some of it may go
    on where it could not be reached, and cancelling again is worth it, 2 bad input, 3 you left
    before the end.
    """
    observer = RunObserver(chosen_run(output, run_id, output_dir))
    try:
        observer.poll()
        unknown = [job_id for job_id in jobs if job_id not in observer.state.indices]
        if unknown:
            output.refuse(
                "nothing was cancelled", [f"there is no job {each!r}" for each in unknown]
            )
        if not _left(observer, jobs):
            _tell(output, observer, output_dir, jobs=jobs, asked=False)
            return
        if not _left_to_head(observer, jobs, output, wait=not no_wait):
            _cancel_here(output, run_id, output_dir, jobs)
            observer.poll()
    except FleetError as error:
        output.refuse(str(error), [])
    except OSError as error:
        output.refuse(f"the head cannot be asked: {error}", [])
    except KeyboardInterrupt:
        output.result({"run_id": run_id, "left": True}, "you left; what was asked stays asked")
        sys.exit(EXIT_INTERRUPTED)
    unreached = _tell(output, observer, output_dir, jobs=jobs, asked=True)
    if unreached and not (no_wait and observer.head_at_work):
        sys.exit(EXIT_NOT_ALL_SUCCEEDED)


def _cancel_here(output: Output, run_id: str, output_dir: str, jobs: tuple[str, ...]) -> None:
    """Open the run and end what can be reached of it."""
    shown, wanted = PlainView(output), ResumeOptions(output_dir=output_dir)
    try:
        asyncio.run(cancel_without_head(run_id, wanted, jobs=jobs, on_event=shown.hear))
    except BadInputError as error:  # the run was found before, so this is what its nodes say
        for problem in error.problems:
            output.note(problem)


def _left(observer: RunObserver, jobs: tuple[str, ...]) -> bool:
    """Tell whether there is anything to cancel."""
    if jobs:
        state = observer.state
        return any(not state.jobs[state.indices[job_id]].is_over for job_id in jobs)
    state = observer.state
    # A head that has left may have asked nodes in vain, and nobody asks them again by himself.
    return observer.head_at_work or not state.finished or bool(state.busy or state.orphaned)


def _left_to_head(
    observer: RunObserver, jobs: tuple[str, ...], output: Output, *, wait: bool
) -> bool:
    """Ask the head, if one is at work, and wait; say whether the matter is settled."""
    head = observer.head
    if head is None or not head.at_work:
        return False
    request = ask_to_cancel(observer.recorded.paths, head, jobs)
    output.note(f"asked process {head.pid} on {head.host}")
    while wait and _left(observer, jobs):
        time.sleep(_POLL_S)
        observer.poll()
        if not _same_head(observer, head) and _left(observer, jobs):
            request.unlink(missing_ok=True)
            output.note(head_line(observer.head))
            return False
        if jobs and _out_of_reach(observer, jobs):
            output.note("the head will end the rest when it reaches the nodes again")
            return True
    return True


def _out_of_reach(observer: RunObserver, jobs: tuple[str, ...]) -> bool:
    """Tell whether the head has heard of it, and can reach nothing that is left of the jobs."""
    state = observer.state
    left = [job for job in (state.jobs[state.indices[each]] for each in jobs) if not job.is_over]
    places = [place.node for job in left for _, place in job.living()]
    heard = all(job.cancelled for job in left)
    return bool(places) and heard and not any(map(state.in_contact, places))


def _same_head(observer: RunObserver, head: Holder) -> bool:
    now = observer.head
    return now is not None and now.at_work and now.name == head.name


def _tell(
    output: Output,
    observer: RunObserver,
    output_dir: str,
    *,
    jobs: Sequence[str],
    asked: bool,
) -> dict[str, list[str]]:
    """Say how the run stands, and return what may go on out of reach: job ids by node."""
    result = report(observer.recorded.paths, observer.state)
    unreached = _unreached(result, jobs)
    document: dict[str, Any] = {
        "run_id": result.run_id,
        "state": observer.standing,
        "counts": dict(result.counts),
        "asked": asked,
        "unreached": unreached,
    }
    lines = [f"{result.run_id}: {observer.standing}; {outcomes(result.counts, result.nodes)}"]
    if not asked:
        lines.append("there was nothing to cancel")
    lines += out_of_reach_lines(unreached, result.run_id, output_dir)
    if observer.standing == "interrupted":
        lines.append(f"go on with: {resume_command(result.run_id, output_dir)}")
    output.result(document, "\n".join(lines))
    return unreached


def _unreached(result: RunReport, jobs: Sequence[str]) -> dict[str, list[str]]:
    """Find what has not ended, by node; where everything was reached there is nothing."""
    found: dict[str, list[str]] = {}
    for job_id, job in result.jobs.items():
        if jobs and job_id not in jobs:
            continue
        places = set(job.unreachable.values())
        if job.running and job.allocation is not None:
            places.add(job.allocation.node)
        for node in sorted(places):
            found.setdefault(node, []).append(job_id)
    return found
