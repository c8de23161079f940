"""How models are to be trained, as step 4 writes it and step 5 obeys it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from seedfleet.errors import ProblemsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["ENGINE_FORMAT", "EngineConfig", "EngineConfigError"]

ENGINE_FORMAT = "seedfleet.engine/1"
_FOLDS = (2, 100)


class EngineConfigError(ProblemsError):
    """A file that does not say how to train."""


@dataclass(frozen=True)
class EngineConfig:
    """What step 5 obeys.

    Attributes
    ----------
    folds
        Of the cross-validation, at least 2.
    settings
        By model type, as `seedfleet.models.create` takes them; a type that is not named is
        trained with its defaults.
    """

    folds: int
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def from_document(cls, document: Any, place: str = "$") -> Self:
        """Read the document that step 4 wrote; what else it says is left alone.

        Raises
        ------
        EngineConfigError
            Something is missing or of the wrong kind; the error lists everything.
        """
        if not isinstance(document, dict) or document.get("format") != ENGINE_FORMAT:
            raise EngineConfigError([f"{place}: format is not {ENGINE_FORMAT!r}"])
        problems = []
        folds, models = document.get("folds"), document.get("models")
        if not isinstance(folds, int) or not _FOLDS[0] <= folds <= _FOLDS[1]:
            problems.append(f"{place}.folds: {folds!r} is not a whole number 2..100")
        if not isinstance(models, dict):
            problems.append(f"{place}.models: {models!r} is not an object")
            models = {}
        problems += [
            f"{place}.models.{name}.settings: is not an object"
            for name, model in models.items()
            if not isinstance(model, dict) or not isinstance(model.get("settings"), dict)
        ]
        if problems or not isinstance(folds, int):
            raise EngineConfigError(problems)
        return cls(folds, {name: dict(model["settings"]) for name, model in models.items()})

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file.

        Raises
        ------
        OSError
            There is none.
        EngineConfigError
            It holds something else.
        """
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise EngineConfigError([f"{path}: is no JSON: {error}"]) from error
        return cls.from_document(document, f"{path}: $")
