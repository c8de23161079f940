"""`seedfleet trace score`, step 3: the 62 features, score and confidence of every survivor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seedfleet.cli._search_run import SearchCommand
from seedfleet.cli.trace._step_command import run_step_alone
from seedfleet.cli.trace._step_options import step_command_options
from seedfleet.pipeline.steps.score import ScoreOptions, read_settings, run_score

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedfleet.cli.output import Output
    from seedfleet.draws import History
    from seedfleet.pipeline.steps.context_record import ContextRecord
    from seedfleet.pipeline.steps.request import Request
    from seedfleet.pipeline.steps.step_run import StepRun

__all__ = ["score", "score_options", "score_work"]


def score_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the step itself."""
    for decorate in (
        click.option(
            "--json/--no-json",
            "as_json",
            default=True,
            show_default=True,
            help="Also write survivors_with_scores.json, some 2 KB for each survivor.",
        ),
        click.option(
            "--settings-file",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            metavar="FILE",
            help="Scoring settings.  [optimal_scorer_config.json of the run]",
        ),
        click.option(
            "--chunk-size",
            type=click.IntRange(1),
            metavar="ROWS",
            help="Survivors of one job.  [by the measured speed and the slots]",
        ),
    ):
        function = decorate(function)
    return function


def score_work(given: dict[str, Any]) -> Callable[[History, Request, StepRun], ContextRecord]:
    """Return what does the step as a command line asks."""

    def work(history: History, request: Request, run: StepRun) -> ContextRecord:
        del request
        path: Path | None = given["settings_file"]
        options = ScoreOptions(
            chunk_size=given["chunk_size"],
            json=given["as_json"],
            settings=None if path is None else read_settings(path),
            survivors=given.get("survivors"),
            train_history=given.get("train_history"),
        )
        return run_score(history, options, run)

    return work


@click.command(cls=SearchCommand)
@step_command_options
@score_options
def score(output: Output, **given: Any) -> None:
    """Describe every survivor of RUN by 62 features, and write survivors_with_scores.parquet.

    The features are those of docs/features.md, of the sieve slice alone. Jobs run in chunks; the
    command fails, and names the chunk, if a survivor does not come back.
    """
    run_step_alone("score", given, output, score_work(given))
