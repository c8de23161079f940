"""The seam of the models: what every type of model takes, promises and refuses.

A model turns features of survivors into predicted labels. It knows arrays and nothing else: not
where features come from, what a label means, or what the prediction is for. Each type stands in a
module of its own, which imports its library when the first model of that type is made.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from seedfleet.errors import ProblemsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Model", "ModelError", "Parameter", "Validation", "column_names", "columns_of_names"]

_COLUMN = re.compile(r"column_(\d+)_of_(\d+)")


class ModelError(ProblemsError):
    """A model that cannot be made, fitted or read."""


@dataclass(frozen=True)
class Parameter:
    """One setting of a model type: the range also bounds what a search may try.

    Attributes
    ----------
    default
        A number, or for `widths` a tuple of whole numbers.
    lowest, highest
        Both included; of every entry of a tuple.
    logarithmic
        Whether a search should go by factors.
    """

    default: float | tuple[int, ...]
    lowest: float
    highest: float
    logarithmic: bool = False

    def problem(self, name: str, value: Any) -> str | None:
        """Say why a value cannot be, or return None."""
        several = isinstance(self.default, tuple)
        if several != isinstance(value, list | tuple):
            return f"{name}: {value!r} is not {'a list of numbers' if several else 'a number'}"
        for entry in value if several else (value,):
            whole = isinstance(self.default, int | tuple)
            if isinstance(entry, bool) or not isinstance(entry, int if whole else (int, float)):
                return f"{name}: {entry!r} is not a {'whole ' if whole else ''}number"
            if not self.lowest <= entry <= self.highest:
                return f"{name}: {entry} is not in [{self.lowest}, {self.highest}]"
        return None


@dataclass(frozen=True, eq=False)
class Validation:
    """Rows that a model does not learn from and by which it knows when to stop.

    Attributes
    ----------
    features
        float64 array, shape (n_rows, n_features).
    labels
        float64 array, shape (n_rows,).
    """

    features: NDArray[np.float64]
    labels: NDArray[np.float64]


class Model(ABC):
    """One model; fitted once, by `fit` or by `load`, and never changed afterwards.

    Obligations of every type:

    - Features are float64, shape (n, n_features), labels float64, shape (n,), both finite: anything
      else is a `ModelError`. Columns that are constant among the rows fitted take no part, in
      whatever units features and labels are.
    - The same data, settings and seed give the same predictions on one machine. One thread only,
      so that jobs decide how many cores they use. Nothing is printed and no file is left behind.
    - `predict` gives one finite number a row in the labels' units, whatever finite features it is
      given, and the same before `save` and after `load`.
    - A checkpoint is one file in the library's own portable format, and reading one runs no code
      from it.

    Parameters
    ----------
    settings
        By the names in `PARAMETERS`; what is left out is at its default.

    Raises
    ------
    ModelError
        A setting is unknown or out of range; the error lists everything.
    """

    name: ClassVar[str]  # as --model-type and sidecars say it
    library: ClassVar[str]  # the package it imports
    extra: ClassVar[str]  # the extra of this package that installs it
    PARAMETERS: ClassVar[Mapping[str, Parameter]]

    def __init__(self, settings: Mapping[str, Any]) -> None:
        problems = [
            f"{self.name}: there is no setting {name!r}; there are {', '.join(self.PARAMETERS)}"
            for name in settings
            if name not in self.PARAMETERS
        ]
        told = (
            parameter.problem(f"{self.name}.{name}", settings[name])
            for name, parameter in self.PARAMETERS.items()
            if name in settings
        )
        problems += [problem for problem in told if problem is not None]
        if problems:
            raise ModelError(problems)
        self.settings: dict[str, Any] = {
            name: settings.get(name, parameter.default)
            for name, parameter in self.PARAMETERS.items()
        }
        self.columns = np.zeros(0, dtype=np.int64)
        self.n_columns = 0
        self.rounds = 0

    def fit(
        self,
        features: NDArray[np.float64],
        labels: NDArray[np.float64],
        validation: Validation | None = None,
        *,
        seed: int,
    ) -> Self:
        """Learn, and return the model itself.

        Parameters
        ----------
        features, labels
            At least one column is not constant, and neither are the labels.
        validation
            Where given, learning ends once `patience` rounds have brought nothing on these rows,
            and the best round counts. Else all rounds are done.
        seed
            In ``[0, 2**31)``.

        Raises
        ------
        ModelError
            The arrays are not as the class says.
        """
        _check(features, labels)
        if (labels == labels[0]).all():
            raise ModelError(["all labels are equal"])
        self.columns, self.n_columns = _kept_columns(features), features.shape[1]
        if not len(self.columns):
            raise ModelError(["every column of the features is constant"])
        if validation is not None:
            _check(validation.features, validation.labels)
            validation = Validation(validation.features[:, self.columns], validation.labels)
        self._fit(features[:, self.columns], labels, validation, seed=seed)
        return self

    def predict(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the predicted labels, float64, shape (n,).

        Raises
        ------
        ModelError
            There are not as many columns as were fitted.
        """
        if features.ndim != 2 or features.shape[1] != self.n_columns:
            raise ModelError([f"features of shape {features.shape}, not (n, {self.n_columns})"])
        return np.asarray(self._predict(features[:, self.columns]), dtype=np.float64)

    def importance(self) -> NDArray[np.float64]:
        """Return what each column contributes: shape (n_features,), none negative, sum 1 or 0."""
        shares = np.zeros(self.n_columns)
        shares[self.columns] = np.abs(self._importance())
        total = shares.sum()
        return shares / total if total > 0 else shares

    @abstractmethod
    def _fit(
        self,
        features: NDArray[np.float64],
        labels: NDArray[np.float64],
        validation: Validation | None,
        *,
        seed: int,
    ) -> None:
        """Learn from the columns that are kept, and set `rounds` to the rounds that count."""

    @abstractmethod
    def _predict(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predict from the columns that are kept."""

    @abstractmethod
    def _importance(self) -> NDArray[np.float64]:
        """Return a contribution of each column that is kept, in any unit."""

    @abstractmethod
    def save(self, path: Path) -> None:
        """Write the checkpoint; its folder exists.

        Raises
        ------
        OSError
            It cannot be written.
        """

    @classmethod
    @abstractmethod
    def load(cls, path: Path) -> Self:
        """Read a checkpoint.

        Raises
        ------
        OSError
            There is none.
        ModelError
            It is none of this type.
        """


def _check(features: NDArray[np.float64], labels: NDArray[np.float64]) -> None:
    if features.ndim != 2 or labels.shape != features.shape[:1] or len(labels) < 2:
        raise ModelError(
            [f"features of shape {features.shape} do not fit labels of shape {labels.shape}"]
        )
    problems = []
    finite = np.isfinite(features).all(axis=0)
    problems += [f"column {column} is not finite" for column in np.flatnonzero(~finite)]
    if not np.isfinite(labels).all():
        problems.append("a label is not finite")
    if problems:
        raise ModelError(problems)


def _kept_columns(features: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the indexes of the columns that are not constant, ascending."""
    return np.flatnonzero((features != features[:1]).any(axis=0)).astype(np.int64)


def column_names(columns: NDArray[np.int64], n_columns: int) -> list[str]:
    """Name columns so that a checkpoint which keeps names says which they were."""
    return [f"column_{column}_of_{n_columns}" for column in columns.tolist()]


def columns_of_names(names: Sequence[str]) -> tuple[NDArray[np.int64], int]:
    """Return what `column_names` was given.

    Raises
    ------
    ModelError
        The names are none of its own.
    """
    matches = [_COLUMN.fullmatch(name) for name in names]
    totals = {int(match[2]) for match in matches if match is not None}
    if None in matches or len(totals) != 1:
        raise ModelError([f"columns are named {', '.join(map(str, names)) or '(none)'}"])
    found = [int(match[1]) for match in matches if match is not None]
    return np.array(found, dtype=np.int64), totals.pop()
