"""The command line of one job of the training step."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from seedfleet.models.base import ModelError
from seedfleet.models.fold_training import Trial, run_trial, write_result
from seedfleet.models.training_data import TrainingData
from seedfleet.models.types import MODEL_TYPES

__all__ = ["main"]


def main() -> None:
    """Fit a type of model to the folds that are named; exits with 2 where it cannot be done."""
    told = _parser().parse_args()
    try:
        data = TrainingData.read(told.training_data, told.training_data_sha256)
        trial = Trial(
            model_type=told.model_type,
            settings=json.loads(told.settings),
            folds=tuple(told.folds),
            seed=told.seed,
            refit_rounds=told.refit_rounds,
        )
        for path in (told.output_file, told.checkpoint):
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
        result = run_trial(trial, data, told.checkpoint)
        write_result(told.output_file, {**result, "asked": sys.argv[1:]})
    except (ModelError, ValueError) as error:
        problems = getattr(error, "problems", (str(error),))
        sys.stderr.write("".join(f"error: {problem}\n" for problem in problems))
        sys.exit(2)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--survivors", type=Path, help="Where the features came from.")
    parser.add_argument("--lottery-data", type=Path, help="Where the labels came from.")
    parser.add_argument("--model-type", choices=MODEL_TYPES, required=True)
    parser.add_argument("--settings", default="{}", help="Of the model, as JSON.")
    parser.add_argument("--training-data", type=Path, required=True)
    parser.add_argument("--training-data-sha256", required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fold", dest="folds", type=int, action="append", default=[])
    parser.add_argument("--checkpoint", type=Path, help="Of a model of all rows.")
    parser.add_argument("--refit-rounds", type=int, help="Its rounds; 0: the folds' median.")
    parser.add_argument("--output-file", type=Path, required=True)
    return parser
