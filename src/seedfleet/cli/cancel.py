"""`seedfleet cancel`: ends a run or some of its jobs, whether or not a head is at work on it."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import click

from seedfleet.cli._run_choice import chosen_run, complete_job_id, output_dir_option, run_argument
from seedfleet.cli._run_report import resume_command
from seedfleet.cli._run_view import PlainView
from seedfleet.cli._words import outcomes
from seedfleet.cli.output import EXIT_INTERRUPTED, output_option
from seedfleet.cli.status import head_line
from seedfleet.fleet.cancelling import ask_to_cancel
from seedfleet.fleet.errors import FleetError
from seedfleet.fleet.manifest import report
from seedfleet.fleet.observing import RunObserver
from seedfleet.fleet.resuming import ResumeOptions
from seedfleet.fleet.runner import cancel as cancel_without_head

if TYPE_CHECKING:
    from seedfleet.cli.output import Output
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
    command ends what still runs and writes the manifest. A cancelled run can be resumed. The exit
    code is 0 when what was named has ended, 3 if you left before that.
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
            _tell(output, observer, output_dir, asked=False)
            return
        if not _left_to_head(observer, jobs, output, wait=not no_wait):
            shown, wanted = PlainView(output), ResumeOptions(output_dir=output_dir)
            asyncio.run(cancel_without_head(run_id, wanted, jobs=jobs, on_event=shown.hear))
            observer.poll()
    except FleetError as error:
        output.refuse(str(error), [])
    except OSError as error:
        output.refuse(f"the head cannot be asked: {error}", [])
    except KeyboardInterrupt:
        output.result({"run_id": run_id, "left": True}, "you left; what was asked stays asked")
        sys.exit(EXIT_INTERRUPTED)
    _tell(output, observer, output_dir, asked=True)


def _left(observer: RunObserver, jobs: tuple[str, ...]) -> bool:
    """Tell whether there is anything to cancel."""
    if jobs:
        return any(not observer.is_done(observer.state.indices[job_id]) for job_id in jobs)
    return observer.head_at_work or not observer.state.finished


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
    return True


def _same_head(observer: RunObserver, head: Holder) -> bool:
    now = observer.head
    return now is not None and now.at_work and now.name == head.name


def _tell(output: Output, observer: RunObserver, output_dir: str, *, asked: bool) -> None:
    result = report(observer.recorded.paths, observer.state)
    document: dict[str, Any] = {
        "run_id": result.run_id,
        "state": observer.standing,
        "counts": dict(result.counts),
        "asked": asked,
    }
    lines = [f"{result.run_id}: {observer.standing}; {outcomes(result.counts)}"]
    if not asked:
        lines.append("there was nothing to cancel")
    if observer.standing == "interrupted":
        lines.append(f"go on with: {resume_command(result.run_id, output_dir)}")
    output.result(document, "\n".join(lines))
