"""Rows that models learn from, with their labels and folds, in memory and in a job's file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from seedfleet.models.base import ModelError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["TrainingData"]


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
