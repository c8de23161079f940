"""Step 3 under its established name, at work in the folder it is started in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seedfleet.cli._job_places import job_place_options
from seedfleet.cli._search_run import SearchCommand
from seedfleet.cli.output import output_option
from seedfleet.cli.trace._step_command import run_step_alone
from seedfleet.cli.trace.score import score_options, score_work

if TYPE_CHECKING:
    from seedfleet.cli.output import Output

__all__ = ["run_step3_full_scoring"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(cls=SearchCommand)
@output_option
@job_place_options
@score_options
@click.option(
    "--survivors",
    "--survivors-file",
    type=_FILE,
    help="The table to score.  [bidirectional_survivors.parquet]",
)
@click.option(
    "--train-history", type=_FILE, help="The draws of the sieve slice.  [train_history.json]"
)
def run_step3_full_scoring(output: Output, **given: Any) -> None:
    """Score survivors in jobs of the fleet: survivors_with_scores.parquet and .json.

    Works in the folder in which the window optimizer has left its files.
    """
    run_step_alone("score", {**given, "run": ".", "named": None}, output, score_work(given))
