"""What the command lines of single steps share: the run they work on, and where jobs run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from seedfleet.cli._durations import Duration
from seedfleet.cli._job_places import job_place_options
from seedfleet.cli._spans import Span
from seedfleet.cli.output import output_option
from seedfleet.recover import MAX_SKIP

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedfleet.cli.output import Output

__all__ = [
    "chosen_folder",
    "look_option",
    "run_argument",
    "sampling_options",
    "step_command_options",
    "variable_skip_option",
]

_RUNS = Path("trace_results")  # where `seedfleet trace run` puts them by default
_F = TypeVar("_F", bound="Callable[..., Any]")


def sampling_options(most: str, default: int, lot: str) -> Callable[[_F], _F]:
    """Add how many survivors a tuning looks at, and the seed of what it draws by lot.

    Parameters
    ----------
    most
        Which survivors `--sample` counts, in its help.
    default
        Of `--sample`.
    lot
        What follows from `--seed`, in its help.
    """

    def decorated(function: _F) -> _F:
        for decorate in (
            click.option(
                "--seed",
                "lot",
                type=click.IntRange(0, 2**31 - 1),
                default=0,
                show_default=True,
                help=lot,
            ),
            click.option(
                "--sample",
                type=click.IntRange(50, 100_000),
                default=default,
                show_default=True,
                help=most,
            ),
        ):
            function = decorate(function)
        return function

    return decorated


def variable_skip_option(then: str) -> Callable[[_F], _F]:
    """Add the one variable skip that is searched.

    Parameters
    ----------
    then
        What follows from it, and in brackets what its absence means, in its help.
    """
    return click.option(
        "--variable-skip",
        type=Span(MAX_SKIP),
        metavar="LEAST..MOST",
        help=f"The program drops any number of outputs from LEAST to MOST before each draw: {then}",
    )


def look_option(default: str | None) -> Callable[[_F], _F]:
    """Add the time of the first look at the generators of auto; None for the step's own."""
    return click.option(
        "--look",
        "look_s",
        type=Duration(),
        default=default,
        show_default=default or "20s",
        help="Time for the first look at the generators of auto, such as 60s or 8m; compiling "
        "kernels, once on a machine, is not counted. What it leaves out is named.",
    )


def run_argument(function: _F) -> _F:
    """Add the run that a command works on: the argument RUN, or --run RUN."""
    for decorate in (
        click.option(
            "--run", "named", metavar="RUN", help="The run, in the place of the argument."
        ),
        click.argument("run", required=False, metavar="RUN"),
    ):
        function = decorate(function)
    return function


def step_command_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument RUN, the options of `job_place_options`, and --output."""
    return output_option(job_place_options(run_argument(function)))


def chosen_folder(given: dict[str, Any], output: Output) -> Path:
    """Return the folder of the run that was named: itself, or by its name below trace_results."""
    named = [name for name in (given["run"], given["named"]) if name is not None]
    if len(named) != 1:
        output.refuse("no run is named", ["name the folder of one run: RUN, or --run RUN"])
    folder = Path(named[0])
    return folder if folder.exists() or not (_RUNS / folder).exists() else _RUNS / folder
