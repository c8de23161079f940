"""`seedfleet sieve`: which seeds of a range give these draws, and what each is worth."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from seedfleet.cli._changed_draws import refuse_changed_draws
from seedfleet.cli._engine_words import pairs_of
from seedfleet.cli._job_places import job_place_options
from seedfleet.cli._search_request import (
    begin_run,
    draws_options,
    load_draws,
    problems_of,
    refusing,
    run_options,
)
from seedfleet.cli._search_run import SearchCommand, SearchProgress, stop
from seedfleet.cli._spans import Span, SpanRange
from seedfleet.cli._words import counted, duration
from seedfleet.cli.output import output_option
from seedfleet.digests import file_digest
from seedfleet.fleet import BadInputError, RunOptions
from seedfleet.pipeline.job_places import place_options
from seedfleet.pipeline.run_folder import whole_file, write_json
from seedfleet.pipeline.seed_jobs import FleetBackend, ScanInterrupted
from seedfleet.pipeline.seed_timing import expected_sieve_core_s
from seedfleet.pipeline.sieve_document import sieve_document
from seedfleet.pipeline.sieve_plan import Plan, SieveOptions, plan_sieve
from seedfleet.pipeline.sieve_recorded import read_sieve_request, write_sieve_request
from seedfleet.pipeline.sieving import SURVIVORS_HEADER, Answer, run_sieve
from seedfleet.report import render_sieve_text
from seedfleet.sieve import Direction

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seedfleet.cli.output import Output
    from seedfleet.pipeline import RunContext


__all__ = ["sieve"]

_DAY_S = 86400
_WORTH_SAYING_S = 10.0


@click.command(cls=SearchCommand, context_settings={"help_option_names": ["-h", "--help"]})
@draws_options
@click.option(
    "--generator",
    "searches",
    metavar="NAME",
    multiple=True,
    help="A preset (`seedfleet generators list`), or NAME_hybrid for variable skip, NAME_reverse, "
    "NAME_hybrid_reverse; may be given more than once.",
)
@click.option(
    "--seeds",
    type=Span(),
    help="Seeds to test, both ends included: 0..999999, 0x0..0xffff, 0..2^36-1. "
    "Default: all, where there are at most 2^32.",
)
@click.option(
    "--skips", type=SpanRange(), help="Constant skips: outputs dropped before each draw.  [0..8]"
)
@click.option(
    "--variable-skip",
    type=Span(),
    help="Drop any number of outputs from A to B before each draw.  [NAME_hybrid: 0..8]",
)
@click.option(
    "--offsets",
    type=SpanRange(),
    default="0..0",
    show_default=True,
    help="Outputs dropped before the stream begins.",
)
@click.option(
    "--session",
    "sessions",
    multiple=True,
    help="Take the draws of this session as one stream; several: of these together.  [all draws]",
)
@click.option("--window-start", type=click.IntRange(0), help="First draw to look at.  [0]")
@click.option(
    "--window-size",
    type=click.IntRange(1),
    help="Draws to look at.  [all but the last, which are held out]",
)
@click.option(
    "--forward-threshold",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    help="Least share of matches in the first half of the window.",
)
@click.option(
    "--reverse-threshold",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    help="The same for the rest of it.",
)
@click.option(
    "--direction",
    type=click.Choice([direction.value for direction in Direction]),
    help="Which part decides.  [bidirectional; NAME_reverse: reverse]",
)
@click.option(
    "--top", type=click.IntRange(1), default=10, show_default=True, help="Survivors to show."
)
@job_place_options
@click.option(
    "--max-days",
    type=click.FloatRange(0, min_open=True),
    default=30.0,
    show_default=True,
    help="Refuse a sieve that would take longer on this machine, by the time of a sample.",
)
@run_options("sieve_results")
@output_option
@click.pass_context
def sieve(ctx: click.Context, /, draws: str | None, output: Output, **options: Any) -> None:
    """Test seeds against DRAWS, a file (or - for standard input), oldest draw first.

    Every seed of the range is tried at every alignment. Writes sieve.json and survivors.csv into a
    new folder. Exit codes: 0 an answer, whatever the verdict; 2 bad input; 3 interrupted (go on
    with --resume).
    """
    problems = [*problems_of(ctx, draws, options), *_problems(draws, options)]
    jobs = _job_options(options, problems)
    if problems:
        output.refuse("this cannot be sieved", problems)
    with refusing(output):
        request = _resumed(options, output) if draws is None else _new(draws, options)
        _announce(request.plan, output)
        if draws is not None:
            _refuse_too_long(request.plan, options["max_days"], output)
        document = _answer(request, jobs, output)
    output.result(document, render_sieve_text(document))


@dataclass(frozen=True)
class _Request:
    """A run that is to be answered, new or resumed."""

    plan: Plan
    context: RunContext
    folder: Path


def _problems(draws: str | None, options: dict[str, Any]) -> Iterator[str]:
    if draws is not None and not options["searches"]:
        yield "generator: name at least one with --generator NAME"


def _new(draws: str, options: dict[str, Any]) -> _Request:
    history, direction = load_draws(draws, options), options["direction"]
    asked = SieveOptions(
        **{name: options[name] for name in _SAME_NAMES},
        direction=None if direction is None else Direction(direction),
    )
    plan = plan_sieve(history, asked)
    return _Request(plan, *begin_run(history, options["output_dir"]))


_SAME_NAMES = (
    *("searches", "seeds", "skips", "variable_skip", "offsets", "sessions"),
    *("window_start", "window_size", "forward_threshold", "reverse_threshold"),
    *("predictions", "top", "run_seed"),
)


def _resumed(options: dict[str, Any], output: Output) -> _Request:
    folder = options["output_dir"] / options["run_id"]
    history, asked, context = read_sieve_request(folder)
    refuse_changed_draws(history, options, output)
    return _Request(plan_sieve(history, asked), context, folder)


def _job_options(options: dict[str, Any], problems: list[str]) -> RunOptions:
    """Say where the jobs of long sieves run; what is wrong with that is appended to `problems`."""
    pairs = pairs_of(options["engine_words"], problems)
    try:
        return place_options(options["cluster"], options["engine"], pairs)
    except BadInputError as error:
        problems += error.problems
        return RunOptions()


def _announce(plan: Plan, output: Output) -> None:
    """Say what will be tested."""
    for note in plan.history.notes:
        output.note(f"note: {note}")
    for search in plan.searches:
        output.note(search.outlook)


def _refuse_too_long(plan: Plan, max_days: float, output: Output) -> None:
    """Say how long a long sieve will take, unless that is longer than was agreed to."""
    cores = os.cpu_count() or 1
    expected_s = expected_sieve_core_s(plan) / cores
    said = f"about {duration(expected_s)} on the {counted(cores, 'core')} of this machine"
    if expected_s > max_days * _DAY_S:
        problem = f"seeds: they would take {said}; name fewer, or agree to it with --max-days"
        output.refuse("this would take too long", [problem])
    if expected_s >= _WORTH_SAYING_S:
        output.note(f"this will take {said}")


def _answer(request: _Request, jobs: RunOptions, output: Output) -> dict[str, Any]:
    """Sieve, write the files, and return the document."""
    folder, plan = request.folder, request.plan
    write_sieve_request(folder, plan.history, plan.options, request.context)
    try:
        answer = _sieved(request, jobs, output)
    except (KeyboardInterrupt, ScanInterrupted):
        stop("sieve", folder, request.context.run_id, output)
    document = sieve_document(
        answer, request.context, survivors_sha256=file_digest(folder / "survivors.csv")
    )
    write_json(folder / "sieve.json", document)
    return document


def _sieved(request: _Request, jobs: RunOptions, output: Output) -> Answer:
    folder = request.folder
    backend = FleetBackend(folder.absolute() / "seeds", notice=output.note, options=jobs)
    with whole_file(folder / "survivors.csv") as survivors:
        survivors.write(SURVIVORS_HEADER)
        return run_sieve(
            request.plan,
            backend,
            keep=survivors.writelines,
            progress=SearchProgress(output),
        )
