"""`seedfleet trace tune-scorer`, step 2.5: the settings by which survivors are scored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from seedfleet.cli._search_run import SearchCommand
from seedfleet.cli.trace._step_command import run_step_alone
from seedfleet.cli.trace._step_options import sampling_options, step_command_options
from seedfleet.pipeline.steps.tune_scorer import TuneScorerOptions, run_tune_scorer

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedfleet.cli.output import Output
    from seedfleet.draws import History
    from seedfleet.pipeline.steps.context_record import ContextRecord
    from seedfleet.pipeline.steps.request import Request
    from seedfleet.pipeline.steps.step_run import StepRun

__all__ = ["scorer_options", "tune_scorer", "tuning_of"]


def scorer_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the step itself."""
    for decorate in (
        click.option(
            "--jobs/--no-jobs",
            default=None,
            help="Run trials as jobs of the fleet, or in this process.  [what is faster]",
        ),
        click.option(
            "--shuffles",
            type=click.IntRange(200),
            default=999,
            show_default=True,
            help="Of the labels, for each p-value.",
        ),
        sampling_options(
            "Most survivors that a trial scores.", 4000, "Of sampling, studies and shuffles."
        ),
        click.option(
            "--trials",
            type=click.IntRange(0, 100_000),
            default=32,
            show_default=True,
            help="Settings that are tried; 0 keeps the defaults, without a figure to go by.",
        ),
    ):
        function = decorate(function)
    return function


def tuning_of(given: dict[str, Any]) -> TuneScorerOptions:
    """Return the options of the step that a command line gives."""
    return TuneScorerOptions(
        trials=given["trials"],
        sample=given["sample"],
        shuffles=given["shuffles"],
        jobs=given["jobs"],
        seed=given["lot"],
        survivors=given.get("survivors"),
    )


@click.command(cls=SearchCommand)
@step_command_options
@scorer_options
def tune_scorer(output: Output, **given: Any) -> None:
    """Choose the settings by which survivors are scored, and write optimal_scorer_config.json.

    Trials score a sample of the survivors on the sieve slice; the labels that they are measured by
    are from the tune slice. The defaults stay unless settings chosen on one half of the sample
    rank the other half better, beyond what shuffled labels give.
    """

    def work(history: History, request: Request, run: StepRun) -> ContextRecord:
        del request
        return run_tune_scorer(history, tuning_of(given), run)

    run_step_alone("tune-scorer", given, output, work)
