"""What both commands that search take: a history, where files go, and a name for the run."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from seedfleet.cli._own_faults import refusing_own_faults
from seedfleet.cli._search_run import problems_of_resume
from seedfleet.cli.output import EXIT_INTERRUPTED
from seedfleet.draws import DrawsError, load
from seedfleet.fleet import BadInputError, FleetError, HeadLostError
from seedfleet.pipeline import RunContext
from seedfleet.pipeline.recorded import RecordError
from seedfleet.pipeline.run_folder import new_run_id, printable, unwritable
from seedfleet.recover import MAX_PREDICTIONS, OptionsError
from seedfleet.sieve import TooManyHitsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seedfleet.cli.output import Output
    from seedfleet.draws import History

__all__ = ["begin_run", "draws_options", "load_draws", "problems_of", "refusing", "run_options"]

_F = TypeVar("_F", bound="Callable[..., Any]")


def draws_options(function: _F) -> _F:
    """Add the argument DRAWS and how it is read, or the run to resume in its place."""
    for decorate in (
        click.option(
            "--columns",
            help="Names for the columns of a CSV file without a header, such as "
            "game,month,day,year,digit,digit,digit,sum.",
        ),
        click.option(
            "--modulus",
            type=click.IntRange(2, 2**31),
            help="Draws lie in [0, MODULUS). "
            "Default: the least power of ten above the largest draw.",
        ),
        click.option(
            "--accept-changes",
            is_flag=True,
            help="With --resume: go on with the draws that the run has read, though their file has "
            "changed since.",
        ),
        click.option(
            "--resume",
            "run_id",
            metavar="RUN_ID",
            help="Go on with an interrupted run, with its draws and options, instead of DRAWS.",
        ),
        click.argument("draws", required=False),
    ):
        function = decorate(function)
    return function


def run_options(output_dir: str, *, least_predictions: int = 0) -> Callable[[_F], _F]:
    """Add what every search is asked beside its scope; runs go below `output_dir` by default."""

    def decorated(function: _F) -> _F:
        for decorate in (
            click.option(
                "--output-dir",
                type=click.Path(file_okay=False, path_type=Path),
                default=Path(output_dir),
                show_default=True,
                help="A new folder for this run is made in it.",
            ),
            click.option(
                "--seed",
                "run_seed",
                type=click.IntRange(0, 2**63),
                default=0,
                show_default=True,
                help="Seeds the controls.",
            ),
            click.option(
                "--predict",
                "predictions",
                type=click.IntRange(least_predictions, MAX_PREDICTIONS),
                default=1,
                show_default=True,
                help="How many coming draws to predict.",
            ),
        ):
            function = decorate(function)
        return function

    return decorated


def problems_of(ctx: click.Context, draws: str | None, options: dict[str, Any]) -> list[str]:
    """List what is wrong with the command line as a whole."""
    problems = problems_of_resume(ctx, draws, options)
    blocked = unwritable(options["output_dir"])
    if blocked is not None:
        problems.append(blocked)
    return problems


@contextmanager
def refusing(output: Output) -> Iterator[None]:
    """Tell of whatever stands against an answer, and exit."""
    try:
        with refusing_own_faults(output):
            yield
    except DrawsError as error:
        output.refuse(error.summary, error.problems)
    except OptionsError as error:
        output.refuse("the options do not fit these draws", error.problems)
    except RecordError as error:
        output.refuse("this run cannot be resumed", [str(error)])
    except BadInputError as error:
        output.refuse("this cluster cannot be used", error.problems)
    except TooManyHitsError as error:
        output.refuse("too much passes", [f"{error}: raise the thresholds"])
    except HeadLostError as error:
        # As `seedfleet run` has it: no word of the input is wrong, and the answer can still come.
        text = f"error: {error}\nWhat runs goes on; the run goes on with --resume."
        output.result({"error": str(error)}, text)
        sys.exit(EXIT_INTERRUPTED)
    except FleetError as error:
        output.refuse("the jobs of this search cannot be run", [str(error)])


def load_draws(draws: str, options: dict[str, Any]) -> History:
    """Read DRAWS as `draws_options` say.

    Raises
    ------
    DrawsError
        It is no history.
    """
    columns = options["columns"]
    history = load(
        "-" if draws == "-" else Path(draws),
        columns=tuple(columns.split(",")) if columns is not None else None,
        modulus=options["modulus"],
    )
    return replace(history, name=printable(history.name), source=printable(history.source))


def begin_run(history: History, output_dir: Path) -> tuple[RunContext, Path]:
    """Name a new run about `history`, and the folder for its files, which is not made yet."""
    started = datetime.now(UTC)
    run_id = new_run_id(history.name, started, os.urandom(3))
    folder = output_dir / run_id
    context = RunContext(
        run_id=run_id,
        command=("seedfleet", *map(printable, sys.argv[1:])),
        started_utc=started.isoformat(timespec="seconds"),
        folder=printable(str(folder)),
    )
    return context, folder
