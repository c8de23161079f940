"""The four types of model by name; a type's library is imported when it is first asked for."""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any, Final

from seedfleet.models.base import Model, ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = [
    "MODEL_TYPES",
    "create",
    "describe_unknown_type",
    "installed",
    "load",
    "model_class",
    "model_suffix",
]

# By type: its module, its class, the package that it needs, the extra that installs the package,
# and how its checkpoints' names end.
_TYPES: Final = {
    "neural_net": ("seedfleet.models.neural_net", "NeuralNetModel", "torch", "neural", ".pt"),
    "xgboost": ("seedfleet.models.xgboost", "XGBoostModel", "xgboost", "models", ".ubj"),
    "lightgbm": ("seedfleet.models.lightgbm", "LightGBMModel", "lightgbm", "models", ".txt"),
    "catboost": ("seedfleet.models.catboost", "CatBoostModel", "catboost", "models", ".cbm"),
}
MODEL_TYPES: Final = tuple(_TYPES)


def installed() -> tuple[str, ...]:
    """Return the types whose libraries are there, in the order of `MODEL_TYPES`; imports none."""
    return tuple(
        name
        for name, (_, _, library, *_) in _TYPES.items()
        if importlib.util.find_spec(library) is not None
    )


def describe_unknown_type(name: str) -> str:
    """Say that there is no such type of model, and which there are."""
    return f"there is no model type {name!r}; there are {', '.join(MODEL_TYPES)}"


def model_suffix(model_type: str) -> str:
    """Return how the names of a type's checkpoints end, with the dot; imports nothing."""
    return _TYPES[model_type][4]


def model_class(model_type: str) -> type[Model]:
    """Return the class of a type.

    Raises
    ------
    ModelError
        There is no such type, or its library is not installed.
    """
    if model_type not in _TYPES:
        raise ModelError([describe_unknown_type(model_type)])
    module, name, library, extra, _ = _TYPES[model_type]
    try:
        found: type[Model] = getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name != library:
            raise
        raise ModelError(
            [f"{model_type} needs {library}: pip install 'seedfleet[{extra}]'"]
        ) from error
    return found


def create(model_type: str, settings: Mapping[str, Any] | None = None) -> Model:
    """Return a model that is still to be fitted.

    Parameters
    ----------
    model_type
        One of `MODEL_TYPES`.
    settings
        As the type's `PARAMETERS` name them; what is left out is at its default.

    Raises
    ------
    ModelError
        The type or a setting is unknown, a setting is out of range, or the library is missing.
    """
    return model_class(model_type)(settings or {})


def load(model_type: str, path: Path) -> Model:
    """Read a checkpoint of a type.

    Raises
    ------
    OSError
        There is no such file.
    ModelError
        The file is none of this type's, or the type is unknown or its library missing.
    """
    return model_class(model_type).load(path)
