"""`seedfleet trace`: from a history of draws to what made it."""

from __future__ import annotations

import os
import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seedfleet.cli.output import MissingExtra, output_option

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedfleet.cli.output import Output
    from seedfleet.draws import History

try:
    from seedfleet.draws import DrawsError, load
    from seedfleet.generators import streams
    from seedfleet.pipeline import RunContext, recovery_document
    from seedfleet.pipeline.run_folder import new_run_id, unwritable, write_json, write_text
    from seedfleet.recover import Options, OptionsError
    from seedfleet.report import render_html, render_text
    from seedfleet.sieve import scan
except ModuleNotFoundError as error:
    if error.name not in {"numpy", "numba", "jinja2"}:
        raise
    raise MissingExtra(error.name, "trace") from error

__all__ = ["trace"]

_MAX_SKIP = 4095
_MAX_PREDICTIONS = 1000


class _SkipRange(click.ParamType[range]):
    """`LO..HI`, or one number."""

    name = "LO..HI"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> range:
        if isinstance(value, range):
            return value
        match = re.fullmatch(r"(\d{1,5})(?:\.\.(\d{1,5}))?", str(value))
        if match is None:
            self.fail(f"{value!r} is not LO..HI with whole numbers, such as 0..500", param, ctx)
        low = int(match[1])
        high = int(match[2] or low)
        if not low <= high <= _MAX_SKIP:
            self.fail(f"{value!r} is not within 0..{_MAX_SKIP}, low end first", param, ctx)
        return range(low, high + 1)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def trace() -> None:
    """Explain a history of draws."""


@trace.command()
@click.argument("draws")
@click.option(
    "--predict",
    type=click.IntRange(0, _MAX_PREDICTIONS),
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
    help="Use only this session's draws; may be given more than once.",
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
    type=click.Choice(sorted({stream.generator.name for stream in streams()})),
    help="Search only this generator; may be given more than once. Default: all.",
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
def recover(draws: str, output: Output, **options: Any) -> None:
    """Find the generator, seed and alignment behind DRAWS, a file (or - for standard input).

    Reads JSON (a list of {"date", "session", "draw"} or of numbers), CSV, or one number per line,
    oldest draw first. Writes recovery.json and report.html into a new folder. The exit code is 0
    whatever the verdict, 2 for bad input.
    """
    columns = options["columns"]
    problem = unwritable(options["output_dir"])
    if problem is not None:
        output.refuse("the output folder cannot be used", [problem])
    try:
        history = load(
            "-" if draws == "-" else Path(draws),
            columns=tuple(columns.split(",")) if columns is not None else None,
            modulus=options["modulus"],
            sessions=options["sessions"],
        )
        search = Options(
            skips=options["skips"],
            scan_skips=options["scan_skips"],
            generators=frozenset(options["generators"]),
            predictions=options["predict"],
            run_seed=options["seed"],
        )
        document = _run(history, search, options["output_dir"], output)
    except DrawsError as error:
        output.refuse(error.summary, error.problems)
    except OptionsError as error:
        output.refuse("the options do not fit these draws", error.problems)
    output.result(document, render_text(document))


def _run(history: History, search: Options, output_dir: Path, output: Output) -> dict[str, Any]:
    """Recover, write the files, and return the document."""
    started = datetime.now(UTC)
    run_id = new_run_id(history.name, started, os.urandom(3))
    folder = output_dir / run_id
    context = RunContext(
        run_id=run_id,
        command=("seedfleet", *sys.argv[1:]),
        started_utc=started.isoformat(timespec="seconds"),
        recovery_path=str(folder / "recovery.json"),
        report_path=str(folder / "report.html"),
    )
    for note in history.notes:
        output.note(f"note: {note}")
    progress = _Progress(output, time.monotonic)
    document = recovery_document(history, search, context, progress=progress, scanner=scan)
    write_json(folder / "recovery.json", document)
    write_text(folder / "report.html", render_html(document))
    return document


class _Progress:
    """Says how far the searches are, a few times a second on a terminal, else now and then."""

    def __init__(self, output: Output, clock: Callable[[], float]) -> None:
        self._output = output
        self._clock = clock
        self._interval_s = 0.2 if sys.stderr.isatty() else 10.0
        self._said_at = clock()

    def __call__(self, label: str, share: float) -> None:
        now = self._clock()
        if now - self._said_at >= self._interval_s:
            self._said_at = now
            self._output.progress(f"{share:6.1%}  {label}")
