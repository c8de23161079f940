"""The worker of step 3, under its established name and flags: one chunk of survivors in, one out.

The output is Parquet where its name ends in `.parquet`, and otherwise the established JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pyarrow.parquet as pq

from seedfleet.draws import DrawsError, load
from seedfleet.evidence.part_prior import Division
from seedfleet.generators import find_preset
from seedfleet.pipeline.steps.score.chunks import DIVISION, SESSIONS
from seedfleet.pipeline.steps.score.scored_table import (
    ScoredDraws,
    ScoredTableError,
    score_table,
    write_scored_json,
)
from seedfleet.pipeline.steps.score.step import read_settings
from seedfleet.pipeline.steps.survivor_files import (
    SurvivorFileError,
    read_survivors,
    rows_without_skip,
    write_parquet,
)
from seedfleet.scoring import ScoringSettings, SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedfleet.draws import History
    from seedfleet.pipeline.steps.survivor_table import SurvivorTable

__all__ = ["main"]

_OF_THE_FLEET = "SEEDFLEET_JOB_ID"  # set where the fleet runs this
_ANY = "java_lcg"  # takes every seed of 64 bits
_MOST_PROBLEMS = 10  # told of one file, lest they hide what is wrong with another
_EXIT_FAILED, _EXIT_BAD_INPUT = 1, 2


def main() -> None:
    """Score the survivors that the command line names.

    Exit codes: 0 done, 1 failed, 2 an input is not what it has to be.
    """
    options = _parser().parse_args()
    problems: list[str] = []
    history = _history(options.train_history, options.mod, problems)
    table = _survivors(options, problems)
    settings = _settings(options.settings_file, history, problems)
    if options.workers is not None and options.workers < 1:
        problems.append(f"--workers: {options.workers} is not at least 1")
    if problems or history is None or table is None or settings is None:
        _fail(problems, _EXIT_BAD_INPUT)
    # The fleet runs a job for each core or GPU that it may use, so a job takes one core.
    workers = options.workers or (1 if _OF_THE_FLEET in os.environ else None)
    try:
        division = _division(options.seeds_file, history)
        known = ScoredDraws(history.values, history.modulus, division)
        scored = score_table(table, known, settings, workers=workers)
        if options.output_file.suffix == ".parquet":
            metadata = {SESSIONS: json.dumps(table.sessions)}
            write_parquet(options.output_file, scored, metadata)
        else:
            write_scored_json(options.output_file, scored)
    except ScoredTableError as error:
        _fail(error.problems, _EXIT_BAD_INPUT)
    except OSError as error:
        _fail([str(error)], _EXIT_FAILED)
    sys.stdout.write(f"{len(scored)} survivors scored: {options.output_file}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Score survivors: 62 features for each of them.")
    for name, told in (
        ("--seeds-file", "survivors: Parquet or JSON, or a JSON list of seeds"),
        ("--train-history", "the draws of the sieve slice, oldest first"),
        ("--output-file", "where the scored table goes: .parquet or .json"),
    ):
        parser.add_argument(name, type=Path, required=True, help=told)
    parser.add_argument("--prng-type", help="generator of survivors whose file does not say")
    parser.add_argument(
        "--skip",
        metavar="A[..B]",
        help="outputs dropped before each draw, of survivors whose file does not say  [0]",
    )
    parser.add_argument("--mod", type=int, help="draws lie in [0, MOD)  [from the draws]")
    parser.add_argument(
        "--settings-file", type=Path, help="scoring settings, such as optimal_scorer_config.json"
    )
    parser.add_argument("--workers", type=int, help="threads  [every core; 1 in a fleet's job]")
    return parser


def _history(path: Path, modulus: int | None, problems: list[str]) -> History | None:
    if modulus is not None and not 2 <= modulus <= 2**31:
        problems.append(f"--mod: {modulus} is not within 2..2147483648")
        modulus = None  # the file is read for what else is wrong
    try:
        return load(path, modulus=modulus)
    except DrawsError as error:
        told = [f"{error.summary}: {problem}" for problem in error.problems]
        problems += told[:_MOST_PROBLEMS]
        if len(told) > _MOST_PROBLEMS:
            problems.append(f"{path}: {len(told) - _MOST_PROBLEMS:,} more of these")
        return None


def _skips(text: str, problems: list[str]) -> tuple[int, int]:
    """Read ``3`` or ``0..5``."""
    least, _, most = text.partition("..")
    try:
        skips = int(least), int(most or least)
    except ValueError:
        skips = (0, -1)
    if not 0 <= skips[0] <= skips[1]:
        problems.append(f"--skip: {text!r} is neither a skip nor A..B, low end first")
        return 0, 0
    return skips


def _survivors(options: argparse.Namespace, problems: list[str]) -> SurvivorTable | None:
    path, generator = options.seeds_file, options.prng_type
    if generator is not None:
        try:
            find_preset(generator)
        except KeyError:
            problems.append(f"--prng-type: there is no generator {generator!r}")
            generator = _ANY  # the file is read for what else is wrong
    skips = (0, 0) if options.skip is None else _skips(options.skip, problems)
    try:
        table = read_survivors(path, generator=generator, skips=skips)
    except SurvivorFileError as error:
        problems += error.problems
        return None
    silent = 0 if options.skip or problems else rows_without_skip(path)
    if silent:
        sys.stderr.write(
            f"note: {silent} of {len(table)} survivors do not say their skip and are scored at "
            "skip 0: --skip names another\n"
        )
    return table


def _division(path: Path, history: History) -> Division:
    """Return that of the whole history: as the survivors' file says, else that of these draws."""
    if path.suffix == ".parquet":
        told = (pq.read_schema(path).metadata or {}).get(DIVISION.encode())
        if told is not None:
            return Division(**json.loads(told))
    return Division.of(history.sessions, history.machines)


def _settings(
    path: Path | None, history: History | None, problems: list[str]
) -> ScoringSettings | None:
    try:
        if path is not None:
            return read_settings(path)
        return None if history is None else ScoringSettings.of_modulus(history.modulus)
    except SettingsError as error:
        problems += error.problems
        return None


def _fail(problems: Sequence[str], exit_code: int) -> NoReturn:
    for problem in problems:
        sys.stderr.write(f"error: {problem}\n")
    sys.exit(exit_code)
