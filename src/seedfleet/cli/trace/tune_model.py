"""`seedfleet trace tune-model`, step 4: how models are to be trained."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from seedfleet.cli._search_run import SearchCommand
from seedfleet.cli.trace._step_command import (
    make_step_run,
    refusing_steps,
    run_step_alone,
)
from seedfleet.cli.trace._step_options import chosen_folder, sampling_options, step_command_options
from seedfleet.models import MODEL_TYPES
from seedfleet.pipeline.steps.request import open_run
from seedfleet.pipeline.steps.tune_model import (
    Mode,
    TuneModelOptions,
    engine_document,
    run_tune_model,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedfleet.cli.output import Output
    from seedfleet.draws import History
    from seedfleet.pipeline.steps.context_record import ContextRecord
    from seedfleet.pipeline.steps.request import Request
    from seedfleet.pipeline.steps.step_run import StepRun

__all__ = ["model_options", "tune_model", "tune_or_tell"]


def model_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the step itself."""
    for decorate in (
        sampling_options(
            "Most survivors that models are fitted to.",
            1500,
            "Of sampling, folds, models and shuffles.",
        ),
        click.option(
            "--model-type",
            "model_types",
            type=click.Choice(MODEL_TYPES),
            multiple=True,
            help="May be given several times.  [all whose libraries are installed]",
        ),
        click.option("--apply", is_flag=True, help="Write the file that training obeys."),
        click.option(
            "--mode",
            type=click.Choice([mode.value for mode in Mode]),
            default=Mode.FULL.value,
            show_default=True,
            help="full: measure what the rules suggest by cross-validation; rules: take what the "
            "rules give.",
        ),
    ):
        function = decorate(function)
    return function


@click.command(cls=SearchCommand)
@step_command_options
@model_options
def tune_model(output: Output, **given: Any) -> None:
    """Derive how models are to be trained, and write reinforcement_engine_config.json.

    Architecture, rounds, regularisation and folds follow from how many survivors there are, how
    much of their labels is no noise, and cross-validation on the tune slice. Without --apply the
    result is printed and nothing is written.
    """
    tune_or_tell(output, given)


def tune_or_tell(output: Output, given: dict[str, Any]) -> None:
    """Do the step where it is to be applied; else print what it would write, and exit."""
    if given["apply"]:

        def work(history: History, request: Request, run: StepRun) -> ContextRecord:
            del request
            return run_tune_model(history, _tuning_of(given), run)

        run_step_alone("tune-model", given, output, work)
    folder = chosen_folder(given, output)
    with refusing_steps(output):
        history, request = open_run(folder)
        run = make_step_run("tune-model", folder, request, given, output)
        document = engine_document(history, _tuning_of(given), run)
    output.result(document, json.dumps(document, indent=2))
    sys.exit(0)


def _tuning_of(given: dict[str, Any]) -> TuneModelOptions:
    return TuneModelOptions(
        mode=Mode(given["mode"]),
        model_types=given["model_types"],
        sample=given["sample"],
        seed=given["lot"],
        survivors=given.get("survivors"),
    )
