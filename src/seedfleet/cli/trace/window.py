"""`seedfleet trace window`, step 1: the window that tells most, and what survives it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seedfleet.cli._changed_draws import refuse_changed_draws
from seedfleet.cli._job_places import job_place_options, places_asked
from seedfleet.cli._search_request import begin_run, draws_options, load_draws
from seedfleet.cli._search_run import SearchCommand, problems_of_resume, stop
from seedfleet.cli.output import output_option
from seedfleet.cli.trace._step_command import finish_step, make_step_run, refusing_steps
from seedfleet.cli.trace._step_options import look_option, variable_skip_option
from seedfleet.fleet import BadInputError
from seedfleet.pipeline.run_folder import unwritable
from seedfleet.pipeline.steps.request import Request, begin_folder, job_options, open_run
from seedfleet.pipeline.steps.standing import without_word
from seedfleet.pipeline.steps.step_run import INTERRUPTIONS
from seedfleet.pipeline.steps.window import (
    SearchBounds,
    WindowOptions,
    read_bounds,
    run_window,
)
from seedfleet.pipeline.steps.window.sessions import shortage
from seedfleet.recover import OptionsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedfleet.cli.output import Output
    from seedfleet.draws import History


__all__ = ["study_options", "window", "window_options_of"]

_OPTIONS = "window_options.json"  # beside the request: what only this step is asked
_NAMES = (
    *("generators", "seeds", "sessions", "constant_skip", "variable_skip", "trials"),
    *("max_survivors", "jobs", "look_s", "run_seed"),
)


def study_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add what every study is asked, under whatever name."""
    for decorate in (
        click.option(
            "--max-survivors",
            type=click.IntRange(1),
            default=20_000,
            show_default=True,
            help="Rows of each table; the likeliest are kept, a fiftieth of that with variable "
            "skip.",
        ),
        click.option(
            "--trials",
            type=click.IntRange(1),
            default=30,
            show_default=True,
            help="How many configurations are tried; up to half are set, the others sampled.",
        ),
        variable_skip_option("no other skip is tried.  [what the study finds]"),
        click.option(
            "--session",
            "sessions",
            multiple=True,
            help="Take the draws of this session as one stream; may be given more than once.  [the "
            "study chooses]",
        ),
    ):
        function = decorate(function)
    return function


@click.command(cls=SearchCommand)
@draws_options
@click.option(
    "--seeds",
    metavar="N|A..B",
    help="Seeds of each generator: its first N, or A..B.  [5000]",
)
@click.option(
    "--generator",
    "generators",
    metavar="NAME|auto",
    multiple=True,
    help="A preset (`seedfleet generators list`), or NAME_hybrid for variable skip alone; may be "
    "given more than once. auto: all of the catalogue that fit, looked at once, cheap ones first.  "
    "[auto]",
)
@study_options
@click.option("--constant-skip", is_flag=True, help="Only constant skips.  [both]")
@look_option(default="20s")
@click.option(
    "--bounds",
    "bounds_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A file with a section search_bounds.  [the cluster file]",
)
@click.option(
    "--jobs/--no-jobs",
    "jobs",
    default=None,
    help="Whether trials run as jobs of the fleet.  [where that pays]",
)
@job_place_options
@click.option(
    "--seed",
    "run_seed",
    type=click.IntRange(0, 2**31),
    default=0,
    show_default=True,
    help="Seeds the study and the controls.",
)
@click.option(
    "--output-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("trace_results"),
    show_default=True,
    help="A new folder for this run is made in it.",
)
@output_option
@click.pass_context
def window(ctx: click.Context, /, draws: str | None, output: Output, **options: Any) -> None:
    """Find the window, skips and thresholds that tell most of DRAWS, and what survives them.

    Only the first 60 % of the draws are looked at. Writes optimal_window_config.json, tables of
    forward, reverse and bidirectional survivors, train_history.json and holdout_history.json into a
    new folder, which the other steps take as their RUN. Exit codes: 0 the step's checks hold, 1
    they do not, 2 bad input, 3 interrupted (go on with --resume).
    """
    problems = problems_of_resume(ctx, draws, options)
    blocked = unwritable(options["output_dir"])
    if problems or blocked:
        output.refuse("no window can be optimized", [*problems, *([blocked] if blocked else [])])
    with refusing_steps(output):
        folder, history, request, asked = (
            _resumed(options, output) if draws is None else _new(draws, options, output)
        )
        run = make_step_run("window", folder, request, options, output)
        try:
            if not folder.exists():
                begin_folder(run.files, history, request, {folder / _OPTIONS: asked.to_document()})
                for note in history.notes:
                    output.note(f"note: {note}")
            with without_word(run.files, "window"):
                record = run_window(history, asked, run)
        except INTERRUPTIONS:
            stop("trace window", folder, request.context.run_id, output)
    finish_step(record, output)


def window_options_of(given: dict[str, Any]) -> WindowOptions:
    """Return the options that a command line gives; those that are None keep their defaults.

    Raises
    ------
    OptionsError
        They are out of range; the error lists everything.
    """
    told = {name: given[name] for name in _NAMES if given.get(name) is not None}
    problems: list[str] = []
    bounds = SearchBounds()
    try:
        if given["bounds_file"] is not None:
            bounds = read_bounds(given["bounds_file"])
    except OptionsError as error:
        problems += error.problems
    try:
        options = WindowOptions(**told, bounds=bounds)
    except OptionsError as error:
        problems += error.problems
    if problems:
        raise OptionsError(problems)
    return options


def _new(
    draws: str, options: dict[str, Any], output: Output
) -> tuple[Path, History, Request, WindowOptions]:
    """Begin a run; nothing is written before everything is checked."""
    options["bounds_file"] = options["bounds_file"] or options["cluster"]
    problems: list[str] = []
    asked = WindowOptions()
    history = load_draws(draws, options)
    context, folder = begin_run(history, options["output_dir"])
    places = places_asked(options, problems)
    try:
        asked = window_options_of(options)
        problems += [*asked.problems(history), *shortage(history, asked)]
    except OptionsError as error:
        problems += error.problems
    try:
        job_options(Request(context, **places))
    except BadInputError as error:
        problems += error.problems
    if problems:
        output.refuse("the options do not fit these draws", list(dict.fromkeys(problems)))
    named = tuple(name for name in asked.generators if name != "auto")
    request = Request(
        context,
        generators=named,
        seeds=asked.seeds,
        sessions=asked.sessions,
        variable_skip=asked.variable_skip,
        run_seed=asked.run_seed,
        **places,
    )
    return folder, history, request, asked


def _resumed(
    options: dict[str, Any], output: Output
) -> tuple[Path, History, Request, WindowOptions]:
    folder = options["output_dir"] / options["run_id"]
    history, request = open_run(folder)
    refuse_changed_draws(history, options, output)
    try:
        document = json.loads((folder / _OPTIONS).read_text(encoding="utf-8"))
        asked = WindowOptions.from_document(document)
    except FileNotFoundError:
        told = f"{folder}: `seedfleet trace run --resume {options['run_id']}` goes on with this run"
        output.refuse("this run was begun by another command", [told])
    except (OSError, KeyError, TypeError, ValueError) as error:
        output.refuse("this run cannot be resumed", [f"{folder / _OPTIONS}: {error!r}"])
    return folder, history, request, asked
