"""`prediction_generator.py`: step 6 under its established name and flags.

It works in the current folder: predictions.json is written there.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seedfleet.cli._search_request import begin_run
from seedfleet.cli._search_run import SearchCommand, SearchProgress
from seedfleet.cli.output import EXIT_INTERRUPTED, EXIT_NOT_ALL_SUCCEEDED, output_option
from seedfleet.cli.trace._prediction_words import prediction_lines
from seedfleet.cli.trace._step_command import refusing_steps
from seedfleet.cli.trace.predict import prediction_options
from seedfleet.draws import load
from seedfleet.pipeline.steps.context_record import Decision
from seedfleet.pipeline.steps.fan_out import FanOut
from seedfleet.pipeline.steps.predict import PredictOptions, run_predict, trained_on
from seedfleet.pipeline.steps.request import open_run
from seedfleet.pipeline.steps.run_files import RunFiles
from seedfleet.pipeline.steps.standing import standing, without_word
from seedfleet.pipeline.steps.step_run import INTERRUPTIONS, StepRun

if TYPE_CHECKING:
    from seedfleet.cli.output import Output
    from seedfleet.draws import History


__all__ = ["prediction_generator"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(cls=SearchCommand)
@click.option(
    "--models-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("models"),
    show_default=True,
    help="The folder with best_model.meta.json, which names the type of the model.",
)
@click.option(
    "--survivors-forward",
    type=_FILE,
    required=True,
    help="The survivors that predict: Parquet or JSON.",
)
@click.option(
    "--lottery-history",
    type=_FILE,
    help="All draws, oldest first.  [those that the model was trained on; without a model those of "
    "the run here]",
)
@prediction_options
@output_option
def prediction_generator(
    models_dir: Path,
    survivors_forward: Path,
    lottery_history: Path | None,
    output: Output,
    **given: Any,
) -> None:
    """Predict the coming draws from survivors and a trained model; write predictions.json.

    The model's type is read from its sidecar, and so is the history where none is given. Exit
    codes: 0 an answer, whatever the verdict; 1 the survivors told the test slice worse than chance;
    2 bad input; 3 interrupted.
    """
    with refusing_steps(output):
        files = RunFiles(Path())
        options = PredictOptions(
            predictions=given["predictions"] or 1,
            top=given["top"],
            survivors=survivors_forward,
            models=None if models_dir.resolve() == files.models.resolve() else models_dir,
            draws=lottery_history,
            without_model=given["without_model"],
        )
        history, options = _history(options, files)
        context, _ = begin_run(history, Path())
        progress = SearchProgress(output)
        run = StepRun("predict", files, context, FanOut(), progress=progress)
        try:
            with without_word(files, "predict"):
                record = run_predict(history, options, run)
        except INTERRUPTIONS:
            output.result({"interrupted": True}, "interrupted; the same command begins anew")
            sys.exit(EXIT_INTERRUPTED)
    document = json.loads(run.files.predictions.read_text(encoding="utf-8"))
    output.result(document, "\n".join(prediction_lines(document)))
    sys.exit(0 if record.decision is Decision.PROCEED else EXIT_NOT_ALL_SUCCEEDED)


def _history(options: PredictOptions, files: RunFiles) -> tuple[History, PredictOptions]:
    """Return the draws that are given, or those of the run here or of the model's training."""
    models = options.models or files.models
    if _without_model(options, files):
        if files.request.exists() or files.window_config.exists():
            known, path = open_run(files.folder)[0], files.history
        elif options.draws is None or (models / files.sidecar.name).exists():
            known, path = trained_on(models)
        else:  # there is nobody to ask in what range the draws lie
            return load(options.draws), options
    else:
        known, path = trained_on(models)
    if options.draws is None:
        return known, replace(options, draws=path)
    return load(options.draws, modulus=known.modulus), options


def _without_model(options: PredictOptions, files: RunFiles) -> bool:
    """Tell whether the likelihood ranks: it was asked to, or the training here has stopped."""
    stopped = standing(files, "train").decision is Decision.STOP
    return options.without_model or (options.models is None and stopped)
