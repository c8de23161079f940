"""Cross-validation of one type of model: what one job of the training step does.

It reads arrays from a file and writes what came of them, and needs nothing but numpy and the
type's own library, so that a job begins as fast as that library does.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from seedfleet.digests import file_digest
from seedfleet.models.base import ModelError, Validation
from seedfleet.models.metrics import Quality
from seedfleet.models.types import create

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["RESULT_FORMAT", "TrainingData", "Trial", "run_trial", "write_result"]

RESULT_FORMAT: Final = "seedfleet.model-trial/1"


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Rows to learn from.

    Attributes
    ----------
    features
        float64 array, shape (n, n_features).
    labels
        float64 array, shape (n,).
    folds
        int8 array, shape (n,): the fold of each row, from 0 on; copies of a stream share one.
    """

    features: NDArray[np.float64]
    labels: NDArray[np.float64]
    folds: NDArray[np.int8]

    @property
    def sha256(self) -> str:
        """Digest of all values, 64 hexadecimal digits."""
        digest = hashlib.sha256(repr(self.features.shape).encode())
        for array in (self.features, self.labels, self.folds):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    @property
    def n_folds(self) -> int:
        """How many folds there are."""
        return int(self.folds.max(initial=-1)) + 1

    def write(self, path: Path) -> None:
        """Write the arrays whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        with partial.open("wb") as stream:
            np.savez(stream, features=self.features, labels=self.labels, folds=self.folds)
        partial.replace(path)

    @classmethod
    def read(cls, path: Path, sha256: str) -> Self:
        """Read arrays that have this digest.

        Raises
        ------
        ModelError
            They have another one, or are none.
        """
        try:
            with np.load(path, allow_pickle=False) as kept:
                data = cls(kept["features"], kept["labels"], kept["folds"])
        except (OSError, ValueError, KeyError) as error:
            raise ModelError([f"{path}: no training data: {error}"]) from error
        if data.sha256 != sha256:
            raise ModelError([f"{path}: is not the training data that the job was made for"])
        return data


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

    A fold's model learns from the others but one, by which it knows when to stop: what is
    predicted of the fold held out owes nothing to that fold.

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
    # With two folds only there is none to spare, and all rounds are done.
    watched = data.folds == (fold + 1) % data.n_folds
    learned = ~held & ~watched if data.n_folds > 2 else ~held
    rounds, said = _said(trial, data, (learned, watched), fold)
    expected = float(data.labels[learned].mean())
    return {
        "fold": fold,
        "rounds": rounds,
        "rows": int(held.sum()),
        "train": asdict(Quality.of(data.labels[learned], said[learned], expected=expected)),
        "validation": asdict(Quality.of(data.labels[held], said[held], expected=expected)),
        "predicted": said[held].tolist(),
    }


def _said(
    trial: Trial,
    data: TrainingData,
    parts: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    fold: int,
) -> tuple[int, NDArray[np.float64]]:
    """Return the rounds of a fold's model, and what it predicts of every row."""
    learned, watched = parts
    labels = data.labels[learned]
    if np.ptp(labels) == 0:  # all that sets labels apart is in the folds that it may not see
        return 1, np.full(len(data.labels), labels[0])
    validation = Validation(data.features[watched], data.labels[watched])
    model = create(trial.model_type, trial.settings).fit(
        data.features[learned],
        labels,
        validation if data.n_folds > 2 else None,
        seed=trial.seed + fold,
    )
    return model.rounds, model.predict(data.features)


def write_result(path: Path, result: Mapping[str, Any]) -> None:
    """Write what `run_trial` gave."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, allow_nan=False) + "\n", encoding="utf-8")
