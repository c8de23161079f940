"""`window_optimizer.py`: step 1 under its established name and flags, and the worker of its jobs.

It works in the current folder, by the established file names, so that the other steps' scripts find
what they need beside it.
"""

from __future__ import annotations

import shutil
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seedfleet.cli._search_request import begin_run, load_draws
from seedfleet.cli._search_run import SearchCommand
from seedfleet.cli.output import output_option
from seedfleet.cli.trace._step_command import finish_step, make_step_run, refusing_steps
from seedfleet.cli.trace.window import study_options, window_options_of
from seedfleet.pipeline.steps.history_files import write_history
from seedfleet.pipeline.steps.request import Request
from seedfleet.pipeline.steps.run_files import RunFiles
from seedfleet.pipeline.steps.standing import without_word
from seedfleet.pipeline.steps.step_run import INTERRUPTIONS
from seedfleet.pipeline.steps.trial_files import TrialFileError
from seedfleet.pipeline.steps.window import run_window, serve
from seedfleet.pipeline.steps.window.sessions import shortage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seedfleet.cli.output import Output


__all__ = ["window_optimizer"]

_CONFIG = Path("distributed_config.json")
_FORMS = ("text", "json", "quiet")
_FILE = click.Path(dir_okay=False, path_type=Path)


class _Established(SearchCommand):
    """Takes `--output FILE` as well, as the established script does, for --output-config FILE."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line."""
        return super().parse_args(ctx, [*_own_words(args)])


def _own_words(args: list[str]) -> Iterator[str]:
    for word, following in pairwise([*args, ""]):
        value = word.removeprefix("--output=") if word != "--output" else following
        is_file = value not in _FORMS
        yield (
            word.replace("--output", "--output-config", 1)
            if is_file and (word == "--output" or word.startswith("--output="))
            else word
        )


@click.command(cls=_Established)
@click.argument("draws", required=False)
@click.option("--lottery-file", metavar="FILE", help="The draws, in the place of the argument.")
@click.option(
    "--strategy",
    type=click.Choice(["bayesian"]),
    default="bayesian",
    show_default=True,
    help="How trials are chosen: by a model of those before (TPE).",
)
@study_options
@click.option("--seeds", metavar="N|A..B", help="The first N seeds, or A..B.  [5000]")
@click.option("--max-seeds", type=click.IntRange(1), metavar="N", help="The same as --seeds N.")
@click.option(
    "--prng-type",
    "generators",
    multiple=True,
    metavar="NAME",
    help="A preset, or NAME_hybrid for variable skip; may be given more than once.  [auto]",
)
@click.option("--test-both-modes", is_flag=True, help="Constant and variable skips.")
@click.option("--modulus", type=click.IntRange(2, 2**31), help="Draws lie in [0, MODULUS).")
@click.option(
    "--output-config",
    type=_FILE,
    default=Path("optimal_window_config.json"),
    show_default=True,
    help="Where the choice is written as well.",
)
@click.option(
    "--config",
    type=_FILE,
    help=f"Search bounds, and nodes for --jobs.  [{_CONFIG} where there is one]",
)
@click.option("--jobs", is_flag=True, help="Run all trials as jobs of the fleet.")
@click.option("--trial-file", type=_FILE, help="As a worker: the trials.")
@click.option("--ground-file", type=_FILE, help="As a worker: what they share.")
@click.option("--output-file", type=_FILE, help="As a worker: where outcomes are written.")
@output_option
def window_optimizer(draws: str | None, output: Output, **given: Any) -> None:
    """Find the window, skips and thresholds that tell most of DRAWS, and what survives them.

    Writes optimal_window_config.json, train_history.json, holdout_history.json, the tables of
    forward, reverse and bidirectional survivors, and lottery_history.json into the current folder.
    Asked again, an interrupted study goes on. Exit codes: 0 the step's checks hold, 1 they do not,
    2 bad input, 3 interrupted.
    """
    worker = [given[name] for name in ("trial_file", "ground_file", "output_file")]
    problems = _problems(draws, given, worker)
    if problems:
        output.refuse("no window can be optimized", problems)
    if given["trial_file"] is not None:
        _serve(worker, output)
        return
    with refusing_steps(output):
        _optimize(draws or given["lottery_file"], given, output)


def _problems(draws: str | None, given: dict[str, Any], worker: list[Path | None]) -> list[str]:
    if any(path is not None for path in worker):
        if None in worker:
            return ["a worker needs --trial-file, --ground-file and --output-file"]
        return []
    problems = []
    if (draws is None) == (given["lottery_file"] is None):
        problems.append("name one file of draws: DRAWS, or --lottery-file FILE")
    if given["seeds"] is not None and given["max_seeds"] is not None:
        problems.append("--seeds and --max-seeds say the same; give one")
    return problems


def _serve(worker: list[Path | None], output: Output) -> None:
    trial_file, ground_file, target = (path for path in worker if path is not None)
    try:
        serve(trial_file, ground_file, target)
    except TrialFileError as error:
        output.refuse("these trials cannot be run", error.problems)
    output.result({"outcomes": str(target)}, "")


def _optimize(draws: str, given: dict[str, Any], output: Output) -> None:
    config = given["config"] or (_CONFIG if _CONFIG.is_file() else None)
    history = load_draws(draws, {"columns": None, "modulus": given["modulus"]})
    hybrid = any(name.endswith("_hybrid") for name in given["generators"])
    varies = given["test_both_modes"] or hybrid or given["variable_skip"] is not None
    asked = window_options_of(
        {
            **given,
            "seeds": given["seeds"] or (str(given["max_seeds"]) if given["max_seeds"] else None),
            "bounds_file": config,
            "constant_skip": not varies,
            "jobs": given["jobs"] or None,
            "run_seed": 0,
        }
    )
    problems = [*asked.problems(history), *shortage(history, asked)]
    if problems:
        output.refuse("no window can be optimized", problems)
    folder = Path()
    files = RunFiles(folder)
    if Path(draws).resolve() != files.history.resolve():
        write_history(files.history, history, range(len(history)))  # there may be one of others
    context, _ = begin_run(history, folder)
    given |= {"cluster": config if given["jobs"] else None, "engine": None, "engine_words": ()}
    run = make_step_run("window", folder, Request(context), given, output)
    try:
        with without_word(files, "window"):
            record = run_window(history, asked, run)
    except INTERRUPTIONS:
        output.result({"interrupted": True}, "interrupted; the same command goes on")
        sys.exit(3)
    target = given["output_config"]
    if target.resolve() != files.window_config.resolve():
        shutil.copyfile(files.window_config, target)
    finish_step(record, output)
