"""`seedfleet watch`: the live table of a run, from any terminal, until the run ends."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

import click

from seedfleet.cli._run_choice import chosen_run, output_dir_option, run_argument
from seedfleet.cli._run_report import report_text, resume_command
from seedfleet.cli._run_view import view
from seedfleet.cli.output import EXIT_INTERRUPTED, EXIT_NOT_ALL_SUCCEEDED, output_option
from seedfleet.cli.status import head_line
from seedfleet.fleet.errors import JournalDamagedError
from seedfleet.fleet.manifest import report
from seedfleet.fleet.observing import RunObserver

if TYPE_CHECKING:
    from seedfleet.cli._run_view import View
    from seedfleet.cli.output import Output
    from seedfleet.fleet import RunReport

__all__ = ["watch"]

_POLL_S: Final = 0.5
_EXIT_LEFT: Final = 130  # the watcher went, the run goes on: none of the run's own exit codes


@click.command()
@run_argument()
@output_dir_option
@output_option
def watch(output: Output, output_dir: str, run_id: str) -> None:
    """Follow RUN_ID until it ends; Ctrl-C leaves the run alone.

    The exit code is that of the run: 0 all succeeded, 1 some did not, 3 it was interrupted. Without
    a head at work the table shows what was last known, says so, and waits for one; 130 if you left.
    With --output json the manifest is printed, once, when the run has ended.
    """
    observer = RunObserver(chosen_run(output, run_id, output_dir))
    try:
        with view(output) as shown:
            _follow(observer, shown, resume_command(run_id, output_dir))
    except JournalDamagedError as error:
        output.refuse(str(error), [])
    except KeyboardInterrupt:
        left = f"you left; run {run_id} was not touched"
        output.result({"run_id": run_id, "left": True}, left)
        sys.exit(_EXIT_LEFT)
    recorded = observer.recorded
    result = report(recorded.paths, observer.state)
    output.result(result.to_document(recorded.command), report_text(result, output_dir))
    sys.exit(_exit_code(result, observer.standing))


def _follow(observer: RunObserver, shown: View, how_to_go_on: str) -> None:
    """Show a run until it has ended: nothing under way, and no head that could start more."""
    said = ""
    # The head first: what it wrote before it let go is then in what is read after.
    at_work = observer.head_at_work
    shown.catch_up(observer.poll())
    while at_work or not observer.state.finished:
        note = "" if at_work else f"{head_line(observer.head)}; go on with: {how_to_go_on}"
        # A person is told once, not at each look; how long ago it died is not worth another line.
        if bool(note) != bool(said):
            said = note
            shown.note(note)
        time.sleep(_POLL_S)
        at_work = observer.head_at_work
        for at, event in observer.poll():
            shown.hear(event, at)


def _exit_code(result: RunReport, standing: str) -> int:
    if standing == "interrupted":
        return EXIT_INTERRUPTED
    return 0 if result.succeeded else EXIT_NOT_ALL_SUCCEEDED
