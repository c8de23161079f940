"""The two tuning steps under their established names, at work in the folder they are started in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seedfleet.cli._job_places import job_place_options
from seedfleet.cli._search_run import SearchCommand
from seedfleet.cli.output import output_option
from seedfleet.cli.trace._step_command import refuse_other_draws, refusing_steps, run_step_alone
from seedfleet.cli.trace.tune_model import model_options, tune_or_tell
from seedfleet.cli.trace.tune_scorer import scorer_options, tuning_of
from seedfleet.pipeline.steps.tune_scorer import measure_file, run_tune_scorer

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedfleet.cli.output import Output
    from seedfleet.draws import History
    from seedfleet.pipeline.steps.context_record import ContextRecord
    from seedfleet.pipeline.steps.request import Request
    from seedfleet.pipeline.steps.step_run import StepRun

__all__ = ["adaptive_meta_optimizer", "scorer_meta_optimizer"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _input_options(table: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the established flags for the history and for the table of survivors."""

    def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
        for decorate in (
            click.option(
                "--lottery-data",
                "--lottery-file",
                type=_FILE,
                help="All draws of the run.  [lottery_history.json]",
            ),
            click.option(
                "--survivor-data",
                "--survivors",
                "survivors",
                type=_FILE,
                help=f"The table of survivors.  [{table}]",
            ),
        ):
            function = decorate(function)
        return output_option(job_place_options(function))

    return decorated


@click.command(cls=SearchCommand)
@_input_options("bidirectional_survivors.parquet")
@scorer_options
@click.option("--trial-file", type=_FILE, help="Of a job: measure its trials and nothing else.")
@click.option(
    "--output-file", type=click.Path(dir_okay=False, path_type=Path), help="Of a job: its values."
)
def scorer_meta_optimizer(output: Output, **given: Any) -> None:
    """Choose the settings by which survivors are scored: optimal_scorer_config.json.

    Works in the folder in which the window optimizer has left its files.
    """
    if (given["trial_file"] is None) != (given["output_file"] is None):
        output.refuse("this is no job", ["--trial-file and --output-file go together"])
    if given["trial_file"] is not None:
        with refusing_steps(output):
            measure_file(given["trial_file"], given["output_file"])
        return
    refuse_other_draws(given["lottery_data"], output)

    def work(history: History, request: Request, run: StepRun) -> ContextRecord:
        del request
        return run_tune_scorer(history, tuning_of(given), run)

    run_step_alone("tune-scorer", _here(given), output, work)


@click.command(cls=SearchCommand)
@_input_options("survivors_with_scores.parquet")
@model_options
def adaptive_meta_optimizer(output: Output, **given: Any) -> None:
    """Derive how models are to be trained: reinforcement_engine_config.json, with --apply.

    Works in the folder in which survivors were scored.
    """
    refuse_other_draws(given["lottery_data"], output)
    tune_or_tell(output, _here(given))


def _here(given: dict[str, Any]) -> dict[str, Any]:
    table: Path | None = given["survivors"]
    if table is not None and table.suffix == ".json":
        # The same table stands beside it in the form that says of which sessions it is.
        beside = table.with_suffix(".parquet")
        table = beside if beside.exists() else table
    return {**given, "run": ".", "named": None, "survivors": table}
