"""The training step under its established names, at work in the folder it is started in."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seedfleet.cli._job_places import job_place_options
from seedfleet.cli._search_run import SearchCommand, SearchProgress
from seedfleet.cli.output import output_option
from seedfleet.cli.trace._step_command import (
    declining_refused,
    refuse_other_draws,
    refusing_steps,
    run_step_alone,
)
from seedfleet.cli.trace.train import training_of, training_options
from seedfleet.models import installed
from seedfleet.pipeline.run_folder import write_text
from seedfleet.pipeline.steps.fan_out import FanOut
from seedfleet.pipeline.steps.request import open_run
from seedfleet.pipeline.steps.run_files import RunFiles
from seedfleet.pipeline.steps.step_run import StepRun
from seedfleet.pipeline.steps.train import prepare_jobs, run_train

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedfleet.cli.output import Output
    from seedfleet.draws import History
    from seedfleet.pipeline.steps.context_record import ContextRecord
    from seedfleet.pipeline.steps.request import Request

__all__ = ["generate_kfold_jobs", "meta_prediction_optimizer"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _input_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for decorate in (
        click.option("--lottery-data", type=_FILE, help="All draws.  [lottery_history.json]"),
        click.option(
            "--survivors",
            type=_FILE,
            help="The table of survivors with features.  [survivors_with_scores.parquet]",
        ),
    ):
        function = decorate(function)
    return output_option(function)


@click.command(cls=SearchCommand)
@_input_options
@job_place_options
@training_options
def meta_prediction_optimizer(output: Output, **given: Any) -> None:
    """Train models with K-fold jobs, judge the best, and write models/best_model.meta.json.

    Works in the folder in which survivors were scored; models are trained as
    reinforcement_engine_config.json says.
    """
    refuse_other_draws(given["lottery_data"], output)

    def work(history: History, request: Request, run: StepRun) -> ContextRecord:
        return run_train(history, training_of(given, request), run)

    run_step_alone("train", _here(given), output, work)


@click.command(cls=SearchCommand)
@click.option(
    "--config",
    type=_FILE,
    default=Path("reinforcement_engine_config.json"),
    show_default=True,
    help="How models are trained.",
)
@_input_options
@training_options
def generate_kfold_jobs(config: Path, output: Output, **given: Any) -> None:
    """Write the jobs of a training, anti_overfit_jobs.json, and run none of them.

    Run them with: scripts_coordinator.py --jobs-file anti_overfit_jobs.json --preserve-paths
    """
    refuse_other_draws(given["lottery_data"], output)
    with refusing_steps(output):
        history, request = open_run(Path())
        files, progress = RunFiles(Path()), SearchProgress(output)
        run = StepRun("train", files, request.context, FanOut(), progress=progress)
        options = replace(training_of(given, request), config=config)
        types = installed() if options.model_type is None else (options.model_type,)
        with declining_refused(run):
            jobs = prepare_jobs(history, options, run).jobs(types)
        listed = [job.to_document() for job in jobs]
        write_text(run.files.training_jobs, json.dumps(listed, indent=2) + "\n")
    told = {"jobs_file": run.files.training_jobs.name, "jobs": [job.job_id for job in jobs]}
    output.result(told, f"{len(jobs)} jobs in {run.files.training_jobs.name}")


def _here(given: dict[str, Any]) -> dict[str, Any]:
    return {**given, "run": ".", "named": None}
