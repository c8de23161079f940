"""`seedfleet trace train`, step 5: models are trained, compared and judged."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from seedfleet.cli._search_run import SearchCommand
from seedfleet.cli.trace._step_command import run_step_alone
from seedfleet.cli.trace._step_options import step_command_options
from seedfleet.models import MODEL_TYPES
from seedfleet.pipeline.steps.train import TrainOptions, run_train

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedfleet.cli.output import Output
    from seedfleet.draws import History
    from seedfleet.pipeline.steps.context_record import ContextRecord
    from seedfleet.pipeline.steps.request import Request
    from seedfleet.pipeline.steps.step_run import StepRun

__all__ = ["train", "training_of", "training_options"]


def training_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the step itself."""
    for decorate in (
        click.option(
            "--seed",
            "run_seed",
            type=click.IntRange(0, 2**63),
            help="Of folds, models and permutations.  [the run's]",
        ),
        click.option(
            "--permutations",
            type=click.IntRange(999, 1_000_000),
            default=999,
            show_default=True,
            help="Of the gate: how often everything is chosen again from what is dealt out anew.",
        ),
        click.option(
            "--model-type",
            type=click.Choice([*MODEL_TYPES, "all"]),
            help="Train this type alone.  [a comparison of all that are installed]",
        ),
    ):
        function = decorate(function)
    return function


@click.command(cls=SearchCommand)
@step_command_options
@training_options
def train(output: Output, **given: Any) -> None:
    """Train models on the survivors of a RUN, and let the gate decide whether one is used.

    Reads survivors_with_scores.parquet and reinforcement_engine_config.json, runs
    anti_overfit_jobs.json, and writes models/best_model with its sidecar best_model.meta.json.
    """

    def work(history: History, request: Request, run: StepRun) -> ContextRecord:
        return run_train(history, training_of(given, request), run)

    run_step_alone("train", given, output, work)


def training_of(given: dict[str, Any], request: Request) -> TrainOptions:
    """Return what the command line asks, and where it is silent, what the run was asked."""
    asked = given["model_type"]
    options = TrainOptions(
        model_type=request.model_type if asked is None else None if asked == "all" else asked,
        run_seed=request.run_seed if given["run_seed"] is None else given["run_seed"],
        permutations=given["permutations"],
    )
    return replace(options, survivors=given.get("survivors"))
