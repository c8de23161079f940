"""Cross-validation of one type of model: what one job of the training step does.

It reads arrays from a file and writes what came of them, and needs nothing but numpy and the
type's own library, so that a job begins as fast as that library does.
"""

from __future__ import annotations

import importlib.metadata
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from seedfleet.digests import file_digest
from seedfleet.models.held_out import fit_without
from seedfleet.models.metrics import Quality
from seedfleet.models.types import create

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from seedfleet.models.training_data import TrainingData

__all__ = ["RESULT_FORMAT", "Trial", "run_trial", "write_result"]

RESULT_FORMAT: Final = "seedfleet.model-trial/1"


@dataclass(frozen=True)
class Trial:
    """One type of model with its settings, on some folds.

    Attributes
    ----------
    model_type, settings
        As `create` takes them.
    folds
        Those to be held out, one after the other.
    seed
        Of the models.
    refit_rounds
        Rounds of a model that learns from all rows; 0 for the median of what the folds needed,
        None for no such model.
    """

    model_type: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    folds: tuple[int, ...] = ()
    seed: int = 0
    refit_rounds: int | None = None


def run_trial(trial: Trial, data: TrainingData, checkpoint: Path | None) -> dict[str, Any]:
    """Fit a model for each fold, and one to all rows where that is asked for.

    What is predicted of a fold owes nothing to its labels: see `fit_without`.

    Parameters
    ----------
    checkpoint
        Where the model of all rows goes.

    Returns
    -------
    dict
        ``{format, model_type, settings, seed, data_sha256, library, folds: [{fold, rounds, rows,
        train, validation, predicted}], refit}``, where refit is None or
        ``{rounds, importance, checkpoint_sha256}``. `predicted` holds
        one number for each row of the fold, in the rows' order.
    """
    told = [_fold(trial, data, fold) for fold in trial.folds]
    refit = None
    if trial.refit_rounds is not None and checkpoint is not None:
        rounds = trial.refit_rounds or max(1, int(np.median([fold["rounds"] for fold in told])))
        model = create(trial.model_type, {**trial.settings, "rounds": rounds})
        model.fit(data.features, data.labels, seed=trial.seed)
        model.save(checkpoint)
        refit = {
            "rounds": rounds,
            "importance": model.importance().tolist(),
            "checkpoint_sha256": file_digest(checkpoint),
        }
    library = create(trial.model_type).library
    return {
        "format": RESULT_FORMAT,
        "model_type": trial.model_type,
        "settings": dict(trial.settings),
        "seed": trial.seed,
        "data_sha256": data.sha256,
        "library": {library: importlib.metadata.version(library)},
        "folds": told,
        "refit": refit,
    }


def _fold(trial: Trial, data: TrainingData, fold: int) -> dict[str, Any]:
    held = data.folds == fold
    fit = fit_without(fold, data, trial.model_type, trial.settings, seed=trial.seed + fold)
    labels, said = data.labels, fit.predicted
    expected = float(labels[fit.learned].mean())
    return {
        "fold": fold,
        "rounds": fit.rounds,
        "rows": int(held.sum()),
        "train": asdict(Quality.of(labels[fit.learned], said[fit.learned], expected=expected)),
        "validation": asdict(Quality.of(labels[held], said[held], expected=expected)),
        "predicted": said[held].tolist(),
    }


def write_result(path: Path, result: Mapping[str, Any]) -> None:
    """Write what `run_trial` gave."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, allow_nan=False) + "\n", encoding="utf-8")
