"""Where the jobs of a search or a step run, on a command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from seedfleet.cli._engine_words import all_options_in_words, engines_in_words, pairs_of
from seedfleet.pipeline.run_folder import printable

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["job_place_options", "places_asked"]

_F = TypeVar("_F", bound="Callable[..., Any]")


def job_place_options(function: _F) -> _F:
    """Add where the jobs of steps run: --cluster, --engine, --engine-option."""
    for decorate in (
        click.option(
            "--engine-option",
            "engine_words",
            multiple=True,
            metavar="K=V",
            help=all_options_in_words(),
        ),
        click.option("--engine", help=f"Where jobs run: {engines_in_words()}.  [local]"),
        click.option(
            "--cluster",
            type=click.Path(dir_okay=False, path_type=Path),
            metavar="FILE",
            help="Run jobs on the nodes of this cluster file, over ssh.  [this machine]",
        ),
    ):
        function = decorate(function)
    return function


def places_asked(given: dict[str, Any], problems: list[str]) -> dict[str, Any]:
    """Return where the command line says that jobs run, as fields of a `Request`.

    Parameters
    ----------
    problems
        What is wrong with its words is appended to these.
    """
    pairs = pairs_of(given["engine_words"], problems)
    cluster = given["cluster"]
    told = {
        "cluster": None if cluster is None else printable(str(cluster.absolute())),
        "engine": given["engine"],
        "engine_options": pairs or None,
    }
    return {name: value for name, value in told.items() if value is not None}
