"""What step 5 is asked, and how it says that it cannot be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seedfleet.models import MODEL_TYPES
from seedfleet.models.types import describe_unknown_type
from seedfleet.pipeline.steps.shortage import RefusedDataError
from seedfleet.recover import OptionsError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["TrainOptions", "TrainingRefusedError"]

_LEAST_PERMUTATIONS = 999  # fewer cannot show what the gate asks for with any certainty


class TrainingRefusedError(RefusedDataError):
    """There is nothing that a model could learn."""


@dataclass(frozen=True)
class TrainOptions:
    """Options of the training step.

    Attributes
    ----------
    model_type
        One of `MODEL_TYPES`; None for a comparison of all that are installed.
    run_seed
        From which folds, models and permutations follow, at least 0.
    permutations
        Of the gate, at least 999.
    survivors
        Table of survivors with features; None for the run's own.
    config
        How models are trained; None for what step 4 wrote, and where it wrote nothing, defaults.

    Raises
    ------
    OptionsError
        Something is out of range; the error lists everything.
    """

    model_type: str | None = None
    run_seed: int = 0
    permutations: int = _LEAST_PERMUTATIONS
    survivors: Path | None = None
    config: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        problems = []
        if self.model_type is not None and self.model_type not in MODEL_TYPES:
            problems.append(describe_unknown_type(self.model_type))
        if self.run_seed < 0:
            problems.append(f"run_seed: {self.run_seed} is not at least 0")
        if self.permutations < _LEAST_PERMUTATIONS:
            problems.append(
                f"permutations: {self.permutations} is not at least {_LEAST_PERMUTATIONS}"
            )
        if problems:
            raise OptionsError(problems)

    def to_document(self) -> dict[str, Any]:
        """Return the options as context records hold them."""
        return {
            "model_type": self.model_type,
            "run_seed": self.run_seed,
            "permutations": self.permutations,
            "survivors": None if self.survivors is None else str(self.survivors),
            "config": None if self.config is None else str(self.config),
        }
