"""How the commands of single steps begin and end.

A step's command is `step_command_options`, options of its own, and one call of `run_step_alone`.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from seedfleet.cli._job_places import places_asked
from seedfleet.cli._search_request import refusing
from seedfleet.cli._search_run import SearchProgress
from seedfleet.cli.output import (
    EXIT_INTERRUPTED,
    EXIT_NOT_ALL_SUCCEEDED,
    naming_missing_extra,
)
from seedfleet.cli.trace._record_words import record_lines
from seedfleet.cli.trace._step_options import chosen_folder
from seedfleet.draws import load
from seedfleet.fleet import BadInputError, FleetError
from seedfleet.pipeline.steps.context_record import Decision
from seedfleet.pipeline.steps.fan_out import FanOut
from seedfleet.pipeline.steps.request import job_options, open_run
from seedfleet.pipeline.steps.run_files import RunFiles
from seedfleet.pipeline.steps.standing import without_word
from seedfleet.pipeline.steps.step_run import INTERRUPTIONS, StepRun
from seedfleet.pipeline.steps.workflow import PLANNED, obstacle
from seedfleet.pipeline.steps.workflow.declining import decline_refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seedfleet.cli.output import Output
    from seedfleet.draws import History
    from seedfleet.pipeline.steps.context_record import ContextRecord
    from seedfleet.pipeline.steps.request import Request

__all__ = [
    "declining_refused",
    "finish_step",
    "make_step_run",
    "refuse_obstacle",
    "refuse_other_draws",
    "refusing_steps",
    "run_step_alone",
    "tell_jobs_not_run",
]


@contextmanager
def refusing_steps(output: Output) -> Iterator[None]:
    """Tell of whatever stands against a step, every problem, and exit with code 2."""
    try:
        with naming_missing_extra(), refusing(output):
            yield
    except Exception as error:
        problems = getattr(error, "problems", None)
        if problems is None:
            raise
        output.refuse("this step cannot be done", list(problems))


def run_step_alone(
    step: str,
    given: dict[str, Any],
    output: Output,
    work: Callable[[History, Request, StepRun], ContextRecord],
) -> None:
    """Do one step of the run that the command line names, print its record, and exit.

    The exit code is 0 if the step's checks hold, 1 if they do not or its jobs could not be run, 2
    if it cannot be done, and 3 after an interruption.

    Parameters
    ----------
    step
        The name of its command.
    given
        What `step_command_options` added to the command.
    work
        Does the step, with the whole cleaned history and what the run was asked.
    """
    folder = chosen_folder(given, output)
    with refusing_steps(output):
        history, request = open_run(folder)
        run = make_step_run(step, folder, request, given, output)
        refuse_obstacle(run, output)
        try:
            with declining_refused(run), without_word(run.files, step):
                record = work(history, request, run)
        except INTERRUPTIONS:
            text = "interrupted; the same command goes on"
            output.result({"interrupted": True, "run_id": request.context.run_id}, text)
            sys.exit(EXIT_INTERRUPTED)
        except FleetError as error:
            tell_jobs_not_run(error, output)
            problems = list(getattr(error, "problems", [str(error)]))
            document = {"run_id": request.context.run_id, "step": step, "problems": problems}
            output.result(document, f"run {request.context.run_id}: the same command goes on")
            sys.exit(EXIT_NOT_ALL_SUCCEEDED)
    finish_step(record, output)


@contextmanager
def declining_refused(run: StepRun) -> Iterator[None]:
    """Leave the workflow's word for a step that is refused for the data of its run."""
    try:
        yield
    except Exception as error:
        decline_refused(PLANNED[run.step], error, files=run.files, context=run.context)
        raise


def tell_jobs_not_run(error: FleetError, output: Output) -> None:
    """Tell why the jobs of a run that has begun could not be run: no word of its input is wrong."""
    output.note("error: the jobs of this step could not be run")
    for problem in getattr(error, "problems", [str(error)]):
        output.note(f"  {problem}")


def refuse_obstacle(run: StepRun, output: Output) -> None:
    """Refuse a step whose predecessors have left it nothing that counts, as the workflow would."""
    blocked = obstacle(run.files, PLANNED[run.step])
    if blocked:
        output.refuse(f"{run.step} cannot run", [f"{blocked}; run that step again first"])


def refuse_other_draws(path: Path | None, output: Output) -> None:
    """Refuse draws that are not those of this folder's run: its slices would be cut elsewhere."""
    if path is None:
        return
    with refusing_steps(output):
        history, _ = open_run(Path())
        other = load(path, modulus=history.modulus)
    if len(other) != len(history) or (other.values != history.values).any():
        output.refuse(
            "these are not the draws of this run",
            [f"{path}: its {len(other)} draws are not the {len(history)} of this folder's run"],
        )


def finish_step(record: ContextRecord, output: Output) -> NoReturn:
    """Print what a step left behind, and exit with 0 if its checks hold, else with 1."""
    document = record.to_document()
    output.result(document, "\n".join(record_lines(document)))
    sys.exit(0 if record.decision is Decision.PROCEED else EXIT_NOT_ALL_SUCCEEDED)


def make_step_run(
    step: str, folder: Path, request: Request, given: dict[str, Any], output: Output
) -> StepRun:
    """Return what a step is given by the command line, and where that is silent by the run."""
    problems: list[str] = []
    asked = replace(request, **places_asked(given, problems))
    try:
        options = job_options(asked)
    except BadInputError as error:
        problems += error.problems
    if problems:
        output.refuse("the jobs cannot be run so", problems)
    return StepRun(
        step=step,
        files=RunFiles(folder),
        context=request.context,
        fan_out=FanOut(options, notice=output.note),
        progress=SearchProgress(output),
    )
