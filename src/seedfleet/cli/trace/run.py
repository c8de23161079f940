"""`seedfleet trace run`: the whole chain, from a history of draws to predictions."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from seedfleet.cli._changed_draws import refuse_changed_draws
from seedfleet.cli._durations import Duration
from seedfleet.cli._job_places import job_place_options, places_asked
from seedfleet.cli._search_request import begin_run, draws_options, load_draws, run_options
from seedfleet.cli._search_run import (
    SearchCommand,
    SearchProgress,
    going_on,
    problems_of_source,
    stop,
)
from seedfleet.cli.output import EXIT_NOT_ALL_SUCCEEDED, output_option
from seedfleet.cli.trace._step_command import refusing_steps, tell_jobs_not_run
from seedfleet.cli.trace._step_options import look_option, variable_skip_option
from seedfleet.cli.trace._trace_words import step_line
from seedfleet.draws.history import describe_unknown_session
from seedfleet.errors import ProblemsError
from seedfleet.fleet import BadInputError, FleetError
from seedfleet.pipeline.job_places import refuse_absent_engine
from seedfleet.pipeline.run_folder import unwritable
from seedfleet.pipeline.steps.fan_out import FanOut
from seedfleet.pipeline.steps.request import (
    Request,
    begin_folder,
    job_options,
    open_run,
    write_request,
)
from seedfleet.pipeline.steps.run_files import RunFiles
from seedfleet.pipeline.steps.step_run import INTERRUPTIONS
from seedfleet.pipeline.steps.workflow import (
    TraceRun,
    asked_steps,
    missing_steps,
    parse_steps,
    step_part,
    unheld_changes,
)
from seedfleet.recover import OptionsError
from seedfleet.report import render_trace, render_trace_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from seedfleet.cli.output import Output
    from seedfleet.draws import History
    from seedfleet.pipeline.steps.workflow import StepOutcome


__all__ = ["run"]

_ALL = "0-6"
_REFUSED = "this cannot be run"
_OF_THE_FILE = ("columns", "modulus")  # how DRAWS is read; a run that goes on has read it
# Options of the command that a `Request` has under the same name.
_SAME_NAMES = (
    *("generators", "seeds", "sessions", "variable_skip", "steps", "trials", "jobs", "look_s"),
    *("model_type", "predictions", "recover_budget_s", "run_seed"),
)


class _Steps(click.ParamType[tuple[str, ...]]):
    """`1-6`, or a list such as `1,3-5`."""

    name = "STEPS"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return parse_steps(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command(cls=SearchCommand, context_settings={"help_option_names": ["-h", "--help"]})
@draws_options
@click.option(
    "--seeds",
    metavar="N|A..B",
    help="Seeds to test of each generator: its first N, or A..B.  [the window optimizer's choice]",
)
@click.option(
    "--generator",
    "generators",
    metavar="NAME|auto",
    multiple=True,
    help="A preset (`seedfleet generators list`), or NAME_hybrid for variable skip; may be given "
    "more than once. auto: all of the catalogue that fit.  [auto]",
)
@click.option(
    "--session",
    "sessions",
    multiple=True,
    help="Take the draws of this session as one stream.  [the window optimizer's choice]",
)
@variable_skip_option(
    "no other skip is tried by the window optimizer, and no other that varies by step 0.  [what "
    "the steps find]"
)
@click.option(
    "--steps",
    type=_Steps(),
    default=_ALL,
    show_default=True,
    help="Which steps: 1-6, or a list such as 1,3-5.",
)
@click.option("--trials", type=click.IntRange(1), help="Trials of each optimizer.  [its own]")
@click.option(
    "--jobs/--no-jobs",
    "jobs",
    default=None,
    help="Whether trials of the optimizers run as jobs too.  [where that pays]",
)
@look_option(default=None)
@click.option(
    "--model-type",
    metavar="T",
    help="neural_net, xgboost, lightgbm or catboost.  [all that are installed, compared]",
)
@click.option(
    "--recover-budget",
    "recover_budget_s",
    type=Duration(),
    default="15s",
    show_default=True,
    help="Time for step 0, such as 60s, 8m or 2h; compiling its kernels, once on a machine, is not "
    "counted.",
)
@job_place_options
@run_options("trace_results", least_predictions=1)
@output_option
@click.pass_context
def run(ctx: click.Context, /, draws: str | None, output: Output, **options: Any) -> None:
    """Take DRAWS, a file (or - for standard input), through all steps to predictions.

    Writes every step's files, trace.json and report.html into a new folder. A step is skipped where
    nothing that it was made of has changed; `seedfleet trace explain` says why each went as it did.
    With --resume the run goes on in its folder, and options that are given beside it replace those
    of the run. Exit codes: 0 the last step has an answer, whatever the verdict; 1 it has none, or
    the jobs of a step could not be run; 2 bad input; 3 interrupted.
    """
    problems = problems_of_source(draws, options)
    if problems:
        output.refuse(_REFUSED, problems)
    told = _problems(ctx, options)
    with refusing_steps(output):
        made = (
            _resumed(ctx, options, told, output)
            if draws is None
            else _new(draws, options, told, output)
        )
        document = _taken(made, output)
    output.result(document, _shown(document, made.files.folder))
    sys.exit(0 if document["state"] == "finished" else EXIT_NOT_ALL_SUCCEEDED)


def _problems(ctx: click.Context, options: dict[str, Any]) -> list[str]:
    """Say what is wrong with the options, whatever the draws."""
    problems = []
    if options["run_id"] is not None:
        given = [name for name in _OF_THE_FILE if _is_given(ctx, name)]
        problems += [f"--{name}: a run that goes on has read its draws" for name in given]
    if "auto" in options["generators"] and set(options["generators"]) != {"auto"}:
        problems.append("generator: auto is all of them; name none beside it")
    blocked = unwritable(options["output_dir"])
    return problems if blocked is None else [*problems, blocked]


def _is_given(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE


def _asked(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options as fields of a `Request`."""
    named = tuple(name for name in options["generators"] if name != "auto")
    return {name: options[name] for name in _SAME_NAMES} | {"generators": named}


def _new(draws: str, options: dict[str, Any], problems: Sequence[str], output: Output) -> TraceRun:
    history = load_draws(draws, options)
    context, folder = begin_run(history, options["output_dir"])
    known = list(problems)
    request = Request(context, **_asked(options), **places_asked(options, known))
    known += missing_steps(request.steps)
    places = _checked(request, history, known, output)
    refuse_absent_engine(places.options)
    return TraceRun(history, request, RunFiles(folder), places)


def _checked(request: Request, history: History, known: Sequence[str], output: Output) -> FanOut:
    """Return where jobs run; all that is wrong is refused at once, before anything is written."""
    problems = [
        *known,
        *(
            describe_unknown_session(session, history.session_names)
            for session in request.sessions
            if session not in history.session_names
        ),
    ]
    for check in (lambda: job_options(request), lambda: asked_steps(request, history)):
        try:
            check()
        except (OptionsError, ProblemsError, BadInputError) as error:
            problems += error.problems
    if problems:
        output.refuse(_REFUSED, list(dict.fromkeys(problems)))
    return FanOut(job_options(request), notice=output.note)


def _resumed(
    ctx: click.Context, options: dict[str, Any], problems: Sequence[str], output: Output
) -> TraceRun:
    """Open a run; what the command line says beside its name replaces what it was asked."""
    files = RunFiles(options["output_dir"] / options["run_id"])
    history, before = open_run(files.folder)
    refuse_changed_draws(history, options, output)
    asked = _asked(options)
    given = {name: asked[name] for name in _SAME_NAMES if _is_given(ctx, name)}
    if not before.steps:
        given = {"steps": options["steps"], **given}
    known = list(problems)
    request = replace(before, **given, **places_asked(options, known))
    known += unheld_changes(before, request, files)
    places = _checked(request, history, known, output)
    if options["engine"] or options["engine_words"] or options["cluster"]:
        refuse_absent_engine(places.options)
    return TraceRun(history, request, files, places)


def _taken(made: TraceRun, output: Output) -> dict[str, Any]:
    """Take the run through its steps, saying how it goes."""
    files, history, request = made.files, made.history, made.request
    last: dict[str, Any] = {}

    def told(outcome: StepOutcome) -> None:
        if output.live:  # elsewhere the result says it soon enough
            output.note(step_line(step_part(outcome)))

    def written(document: dict[str, Any]) -> None:
        files.report.write_text(render_trace(document), encoding="utf-8")
        last.update(document)

    shown = replace(made, progress=SearchProgress(output), told=told, written=written)
    try:
        if files.folder.exists():
            write_request(files, history, request)
        else:
            begin_folder(files, history, request)
            for note in history.notes:
                output.note(f"note: {note}")
        return shown.take(asked_steps(request, history))
    except INTERRUPTIONS:
        stop("trace run", files.folder, request.context.run_id, output)
    except FleetError as error:
        tell_jobs_not_run(error, output)
        run_id = request.context.run_id
        output.result(last, f"run {run_id}; {going_on('trace run', files.folder, run_id)}")
        sys.exit(EXIT_NOT_ALL_SUCCEEDED)


def _shown(document: dict[str, Any], folder: Path) -> str:
    """Return what the terminal shows of a run, with paths that can be opened from here."""
    files = {name: str(folder / path) for name, path in document["files"].items()}
    return render_trace_text({**document, "files": files})
