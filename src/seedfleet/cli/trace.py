"""`seedfleet trace`: from a history of draws to what made it."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seedfleet.cli._search_run import SearchProgress, problems_of_resume, stop
from seedfleet.cli.output import MissingExtra, output_option
from seedfleet.fleet import FleetError

if TYPE_CHECKING:
    from seedfleet.cli.output import Output
    from seedfleet.draws import History

try:
    from seedfleet.draws import DrawsError, load
    from seedfleet.generators import generators
    from seedfleet.pipeline import RunContext, recovery_document
    from seedfleet.pipeline.recorded import RecordError, read_record, write_record
    from seedfleet.pipeline.run_folder import (
        new_run_id,
        printable,
        unwritable,
        write_json,
        write_text,
    )
    from seedfleet.pipeline.seed_jobs import FleetBackend, ScanInterrupted
    from seedfleet.recover import MAX_PREDICTIONS, MAX_SKIP, Options, OptionsError
    from seedfleet.report import render_html, render_text
except ModuleNotFoundError as error:
    if error.name not in {"numpy", "numba", "jinja2"}:
        raise
    raise MissingExtra(error.name, "trace") from error

__all__ = ["trace"]


class _SkipRange(click.ParamType[range]):
    """`LO..HI`, or one number."""

    name = "LO..HI"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> range:
        if isinstance(value, range):
            return value
        match = re.fullmatch(r"(\d{1,18})(?:\.\.(\d{1,18}))?", str(value))
        if match is None:
            self.fail(f"{value!r} is not LO..HI with whole numbers, such as 0..500", param, ctx)
        low = int(match[1])
        high = int(match[2] or low)
        if not low <= high <= MAX_SKIP:
            self.fail(f"{value!r} is not within 0..{MAX_SKIP}, low end first", param, ctx)
        return range(low, high + 1)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def trace() -> None:
    """Explain a history of draws."""


@trace.command()
@click.argument("draws", required=False)
@click.option(
    "--resume",
    "run_id",
    metavar="RUN_ID",
    help="Go on with an interrupted run, with its draws and options, instead of DRAWS.",
)
@click.option(
    "--predict",
    type=click.IntRange(0, MAX_PREDICTIONS),
    default=1,
    show_default=True,
    help="How many coming draws to predict.",
)
@click.option(
    "--modulus",
    type=click.IntRange(2, 2**31),
    help="Draws lie in [0, MODULUS). Default: the least power of ten above the largest draw.",
)
@click.option(
    "--session",
    "sessions",
    multiple=True,
    help="Search only for a stream that this session has to itself; may be given more than once.",
)
@click.option(
    "--columns",
    help="Names for the columns of a CSV file without a header, such as "
    "game,month,day,year,digit,digit,digit,sum.",
)
@click.option(
    "--generator",
    "generators",
    multiple=True,
    type=click.Choice(sorted(generators())),
    help="Search only this generator; may be given more than once. Default: all. For those that no "
    "search covers there is `seedfleet sieve`.",
)
@click.option(
    "--skips",
    type=_SkipRange(),
    default="0..500",
    show_default=True,
    help="Outputs dropped before each draw, for the algebraic searches.",
)
@click.option(
    "--scan-skips",
    type=_SkipRange(),
    default="0..8",
    show_default=True,
    help="The same for seed scans.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63),
    default=0,
    show_default=True,
    help="Seeds the controls.",
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
def recover(ctx: click.Context, /, draws: str | None, output: Output, **options: Any) -> None:
    """Find the generator, seed and alignment behind DRAWS, a file (or - for standard input).

    Reads JSON (a list of {"date", "session", "draw"} or of numbers), CSV, or one number per line,
    oldest draw first. Writes recovery.json and report.html into a new folder. Exit codes: 0 an
    answer, whatever the verdict; 2 bad input; 3 interrupted (go on with --resume).
    """
    problems = _problems(ctx, draws, options)
    if problems:
        output.refuse("this cannot be searched", problems)
    try:
        request = _resumed(options) if draws is None else _new(draws, options)
        for note in request.history.notes:
            output.note(f"note: {note}")
        document = _answer(request, output)
    except DrawsError as error:
        output.refuse(error.summary, error.problems)
    except OptionsError as error:
        output.refuse("the options do not fit these draws", error.problems)
    except RecordError as error:
        output.refuse("this run cannot be resumed", [str(error)])
    except FleetError as error:
        output.refuse("the scan's jobs cannot be run", [str(error)])
    output.result(document, render_text(document))


@dataclass(frozen=True)
class _Request:
    """A run that is to be answered, new or resumed."""

    history: History
    options: Options
    context: RunContext
    folder: Path


def _problems(ctx: click.Context, draws: str | None, options: dict[str, Any]) -> list[str]:
    """List what is wrong with the command line as a whole."""
    problems = problems_of_resume(ctx, draws, options)
    blocked = unwritable(options["output_dir"])
    if blocked is not None:
        problems.append(blocked)
    return problems


def _new(draws: str, options: dict[str, Any]) -> _Request:
    columns = options["columns"]
    history = load(
        "-" if draws == "-" else Path(draws),
        columns=tuple(columns.split(",")) if columns is not None else None,
        modulus=options["modulus"],
    )
    for session in options["sessions"]:
        history.select(session)  # refuses a session that there is not
    search = Options(
        skips=options["skips"],
        scan_skips=options["scan_skips"],
        generators=frozenset(options["generators"]),
        sessions=frozenset(options["sessions"]),
        predictions=options["predict"],
        run_seed=options["seed"],
    )
    history = replace(history, name=printable(history.name), source=printable(history.source))
    started = datetime.now(UTC)
    run_id = new_run_id(history.name, started, os.urandom(3))
    folder = options["output_dir"] / run_id
    context = RunContext(
        run_id=run_id,
        command=("seedfleet", *map(printable, sys.argv[1:])),
        started_utc=started.isoformat(timespec="seconds"),
        recovery_path=printable(str(folder / "recovery.json")),
        report_path=printable(str(folder / "report.html")),
    )
    return _Request(history, search, context, folder)


def _resumed(options: dict[str, Any]) -> _Request:
    folder = options["output_dir"] / options["run_id"]
    return _Request(*read_record(folder), folder)


def _answer(request: _Request, output: Output) -> dict[str, Any]:
    """Recover, write the files, and return the document."""
    folder = request.folder

    def record() -> None:
        write_record(folder, request.history, request.options, request.context)

    backend = FleetBackend(folder.absolute() / "scans", before_first=record, notice=output.note)
    progress = SearchProgress(output)
    try:
        document = recovery_document(
            request.history, request.options, request.context, progress=progress, backend=backend
        )
    except (KeyboardInterrupt, ScanInterrupted):
        stop("trace recover", folder, request.context.run_id, output)
    write_json(folder / "recovery.json", document)
    write_text(folder / "report.html", render_html(document))
    return document
