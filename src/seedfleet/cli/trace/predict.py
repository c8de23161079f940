"""`seedfleet trace predict`, step 6: the draws to come, with probabilities."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from seedfleet.cli._search_run import SearchCommand
from seedfleet.cli.output import EXIT_INTERRUPTED, EXIT_NOT_ALL_SUCCEEDED
from seedfleet.cli.trace._prediction_words import prediction_lines
from seedfleet.cli.trace._step_command import make_step_run, refuse_obstacle, refusing_steps
from seedfleet.cli.trace._step_options import chosen_folder, step_command_options
from seedfleet.pipeline.steps.context_record import Decision
from seedfleet.pipeline.steps.predict import PredictOptions, run_predict
from seedfleet.pipeline.steps.request import open_run
from seedfleet.pipeline.steps.standing import without_word
from seedfleet.pipeline.steps.step_run import INTERRUPTIONS
from seedfleet.sieve.weighing import AHEAD

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedfleet.cli.output import Output


__all__ = ["predict", "prediction_options"]

_F = TypeVar("_F", bound="Callable[..., Any]")


def prediction_options(function: _F) -> _F:
    """Add what is told of how many draws, and by which ranking."""
    for decorate in (
        click.option(
            "--without-model",
            is_flag=True,
            help="Rank the survivors by their likelihood, whatever models there are.",
        ),
        click.option(
            "--top",
            type=click.IntRange(1),
            default=10,
            show_default=True,
            help="How many of the most probable values to tell of each draw.",
        ),
        click.option(
            "--predict",
            "predictions",
            type=click.IntRange(1, AHEAD),
            help="How many coming draws to predict.  [as the run was asked, else 1]",
        ),
    ):
        function = decorate(function)
    return function


@click.command(cls=SearchCommand)
@step_command_options
@prediction_options
@click.option(
    "--survivors-forward",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Predict from these survivors, Parquet or JSON.  [those of the run]",
)
def predict(output: Output, **given: Any) -> None:
    """Predict the coming draws of RUN, and write predictions.json into its folder.

    Survivors go on along their own alignments, and are mixed with a uniform null; no value is named
    where the null holds half or more. A model is used only where its gate accepted it. Exit codes:
    0 an answer, whatever the verdict; 1 the survivors told the test slice worse than chance; 2 bad
    input; 3 interrupted.
    """
    folder = chosen_folder(given, output)
    with refusing_steps(output):
        history, request = open_run(folder)
        run = make_step_run("predict", folder, request, given, output)
        refuse_obstacle(run, output)
        options = PredictOptions(
            predictions=given["predictions"] or request.predictions,
            top=given["top"],
            survivors=given["survivors_forward"],
            without_model=given["without_model"],
        )
        try:
            with without_word(run.files, "predict"):
                record = run_predict(history, options, run)
        except INTERRUPTIONS:
            text = "interrupted; the same command begins anew"
            output.result({"interrupted": True, "run_id": request.context.run_id}, text)
            sys.exit(EXIT_INTERRUPTED)
    document = json.loads(run.files.predictions.read_text(encoding="utf-8"))
    output.result(document, "\n".join(prediction_lines(document)))
    sys.exit(0 if record.decision is Decision.PROCEED else EXIT_NOT_ALL_SUCCEEDED)
