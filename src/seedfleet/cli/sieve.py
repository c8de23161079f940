"""`seedfleet sieve`: which seeds of a range give these draws, and what each is worth."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seedfleet.cli._search_run import SearchCommand, SearchProgress, problems_of_resume, stop
from seedfleet.cli.output import MissingExtra, output_option
from seedfleet.fleet import BadInputError, FleetError, RunOptions
from seedfleet.fleet.cluster import read_cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seedfleet.cli.output import Output
    from seedfleet.draws import History

try:
    from seedfleet.draws import DrawsError, load
    from seedfleet.pipeline.recorded import RecordError
    from seedfleet.pipeline.run_folder import (
        new_run_id,
        printable,
        unwritable,
        whole_file,
        write_json,
    )
    from seedfleet.pipeline.seed_jobs import FleetBackend, ScanInterrupted
    from seedfleet.pipeline.sieve_document import SieveContext, sieve_document
    from seedfleet.pipeline.sieve_plan import Plan, SieveOptions, plan_sieve
    from seedfleet.pipeline.sieve_recorded import read_sieve_request, write_sieve_request
    from seedfleet.pipeline.sieving import SURVIVORS_HEADER, Answer, run_sieve
    from seedfleet.recover import MAX_PREDICTIONS, OptionsError
    from seedfleet.report import render_sieve_text
    from seedfleet.sieve import Direction, TooManyHitsError
except ModuleNotFoundError as error:
    if error.name not in {"numpy", "numba", "jinja2"}:
        raise
    raise MissingExtra(error.name, "trace") from error

__all__ = ["sieve"]

_NUMBER = r"(?:0[xX][0-9a-fA-F]{1,16}|(\d{1,2})\^(\d{1,3})([+-]\d{1,20})?|\d{1,20})"
_MOST = 2**64


def _number(text: str) -> int | None:
    """Read ``123``, ``0x7b`` or ``2^36-1``."""
    match = re.fullmatch(_NUMBER, text)
    if match is None:
        return None
    if match[1] is not None:
        power: int = int(match[1]) ** int(match[2])
        return power + int(match[3] or 0)
    return int(text, 16 if text[:2] in {"0x", "0X"} else 10)


class _Span(click.ParamType[tuple[int, int]]):
    """`A..B`, both included, or one number; decimal, hexadecimal, or a power such as 2^36-1."""

    name = "A..B"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        ends = [_number(end) for end in str(value).split("..")]
        first, last = ends[0], ends[-1]
        if len(ends) > 2 or first is None or last is None:
            self.fail(f"{value!r} is not A..B, such as 0..8, 0x10..0xff or 0..2^36-1", param, ctx)
        if not 0 <= first <= last < _MOST:
            self.fail(f"{value!r} is not within 0..2^64-1, low end first", param, ctx)
        return first, last


class _Spans(_Span):
    """The same as a range."""

    def convert(  # type: ignore[override]
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> range:
        if isinstance(value, range):
            return value
        first, last = super().convert(value, param, ctx)
        return range(first, last + 1)


@click.command(cls=SearchCommand, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("draws", required=False)
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
    type=_Span(),
    help="Seeds to test, both ends included: 0..999999, 0x0..0xffff, 0..2^36-1. "
    "Default: all, where there are at most 2^32.",
)
@click.option(
    "--skips", type=_Spans(), help="Constant skips: outputs dropped before each draw.  [0..8]"
)
@click.option(
    "--variable-skip",
    type=_Span(),
    help="Drop any number of outputs from A to B before each draw.  [NAME_hybrid: 0..8]",
)
@click.option(
    "--offsets",
    type=_Spans(),
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
@click.option(
    "--modulus",
    type=click.IntRange(2, 2**31),
    help="Draws lie in [0, MODULUS). Default: the least power of ten above the largest draw.",
)
@click.option("--columns", help="Names for the columns of a CSV file without a header.")
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
    "--predict",
    "predictions",
    type=click.IntRange(0, MAX_PREDICTIONS),
    default=1,
    show_default=True,
    help="How many coming draws to predict.",
)
@click.option(
    "--top", type=click.IntRange(1), default=10, show_default=True, help="Survivors to show."
)
@click.option(
    "--seed",
    "run_seed",
    type=click.IntRange(0, 2**63),
    default=0,
    show_default=True,
    help="Seeds the controls.",
)
@click.option(
    "--output-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("sieve_results"),
    show_default=True,
    help="A new folder for this run is made in it.",
)
@click.option(
    "--cluster",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Run long sieves on the nodes of this cluster file, over ssh.  [this machine]",
)
@click.option(
    "--resume",
    "run_id",
    metavar="RUN_ID",
    help="Go on with an interrupted run, with its draws and options, instead of DRAWS.",
)
@output_option
@click.pass_context
def sieve(ctx: click.Context, /, draws: str | None, output: Output, **options: Any) -> None:
    """Test seeds against DRAWS, a file (or - for standard input), oldest draw first.

    Every seed of the range is tried at every alignment. Writes sieve.json and survivors.csv into a
    new folder. Exit codes: 0 an answer, whatever the verdict; 2 bad input; 3 interrupted (go on
    with --resume).
    """
    problems = [*problems_of_resume(ctx, draws, options), *_problems(draws, options)]
    if problems:
        output.refuse("this cannot be sieved", problems)
    try:
        jobs = _job_options(options["cluster"])
        request = _resumed(options) if draws is None else _new(draws, options)
        document = _answer(request, jobs, output)
    except DrawsError as error:
        output.refuse(error.summary, error.problems)
    except OptionsError as error:
        output.refuse("this cannot be sieved", error.problems)
    except RecordError as error:
        output.refuse("this run cannot be resumed", [str(error)])
    except BadInputError as error:
        output.refuse("this cluster cannot be used", error.problems)
    except TooManyHitsError as error:
        output.refuse("too much passes", [f"{error}: raise the thresholds"])
    except FleetError as error:
        output.refuse("the sieve's jobs cannot be run", [str(error)])
    output.result(document, render_sieve_text(document))


@dataclass(frozen=True)
class _Request:
    """A run that is to be answered, new or resumed."""

    plan: Plan
    context: SieveContext
    folder: Path


def _problems(draws: str | None, options: dict[str, Any]) -> Iterator[str]:
    if draws is not None and not options["searches"]:
        yield "generator: name at least one with --generator NAME"
    blocked = unwritable(options["output_dir"])
    if blocked is not None:
        yield blocked


def _new(draws: str, options: dict[str, Any]) -> _Request:
    columns, direction = options["columns"], options["direction"]
    history: History = load(
        "-" if draws == "-" else Path(draws),
        columns=tuple(columns.split(",")) if columns is not None else None,
        modulus=options["modulus"],
    )
    history = replace(history, name=printable(history.name), source=printable(history.source))
    asked = SieveOptions(
        **{name: options[name] for name in _SAME_NAMES},
        direction=None if direction is None else Direction(direction),
    )
    plan = plan_sieve(history, asked)
    started = datetime.now(UTC)
    run_id = new_run_id(history.name, started, os.urandom(3))
    folder = options["output_dir"] / run_id
    context = SieveContext(
        run_id=run_id,
        command=("seedfleet", *map(printable, sys.argv[1:])),
        started_utc=started.isoformat(timespec="seconds"),
        sieve_path=printable(str(folder / "sieve.json")),
        survivors_path=printable(str(folder / "survivors.csv")),
    )
    return _Request(plan, context, folder)


_SAME_NAMES = (
    *("searches", "seeds", "skips", "variable_skip", "offsets", "sessions"),
    *("window_start", "window_size", "forward_threshold", "reverse_threshold"),
    *("predictions", "top", "run_seed"),
)


def _resumed(options: dict[str, Any]) -> _Request:
    folder = options["output_dir"] / options["run_id"]
    history, asked, context = read_sieve_request(folder)
    return _Request(plan_sieve(history, asked), context, folder)


def _job_options(cluster: Path | None) -> RunOptions:
    """Say where the jobs of long sieves run."""
    if cluster is None:
        return RunOptions()
    return RunOptions(engine="ssh", cluster=read_cluster(cluster))


def _answer(request: _Request, jobs: RunOptions, output: Output) -> dict[str, Any]:
    """Sieve, write the files, and return the document."""
    folder, plan = request.folder, request.plan
    for note in plan.history.notes:
        output.note(f"note: {note}")
    for search in plan.searches:
        output.note(search.outlook)
    write_sieve_request(folder, plan.history, plan.options, request.context)
    try:
        answer = _sieved(request, jobs, output)
    except (KeyboardInterrupt, ScanInterrupted):
        stop("sieve", folder, request.context.run_id, output)
    document = sieve_document(
        answer, request.context, survivors_sha256=_digest(folder / "survivors.csv")
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


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
