"""What step 4 is asked."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from seedfleet.models import MODEL_TYPES, installed
from seedfleet.models.types import describe_unknown_type
from seedfleet.recover import OptionsError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Mode", "TuneModelOptions"]

_SAMPLES = (50, 100_000)
_LEAST_SHUFFLES = 200


class Mode(Enum):
    """How far the data are asked."""

    FULL = "full"  # rules give candidates, and cross-validation chooses among them
    RULES = "rules"  # what the rules give is taken unmeasured


@dataclass(frozen=True)
class TuneModelOptions:
    """Options of step 4.

    Attributes
    ----------
    mode
        How far the data are asked.
    model_types
        Those to derive settings for; empty for all whose libraries are installed.
    sample
        Most survivors that models are fitted to here: half of them those of the largest
        likelihood, the rest by lot.
    shuffles
        Of the labels, for each p-value; at least 200.
    seed
        Of sampling, folds, models and shuffles.
    survivors
        The table of survivors with their features; None for the one of the run.

    Raises
    ------
    OptionsError
        Something is out of range; the error lists everything.
    """

    mode: Mode = Mode.FULL
    model_types: tuple[str, ...] = ()
    sample: int = 1500
    shuffles: int = 999
    seed: int = 0
    survivors: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        problems = [
            describe_unknown_type(name) for name in self.model_types if name not in MODEL_TYPES
        ]
        problems += [
            f"model type: the library of {name} is not installed"
            for name in self.model_types
            if name in MODEL_TYPES and name not in installed()
        ]
        if not _SAMPLES[0] <= self.sample <= _SAMPLES[1]:
            problems.append(f"sample: {self.sample} is not {_SAMPLES[0]}..{_SAMPLES[1]}")
        if self.shuffles < _LEAST_SHUFFLES:
            problems.append(f"shuffles: {self.shuffles} is not at least {_LEAST_SHUFFLES}")
        if not 0 <= self.seed < 2**31:
            problems.append(f"seed: {self.seed} is not in [0, 2**31)")
        if problems:
            raise OptionsError(problems)

    @property
    def types(self) -> tuple[str, ...]:
        """Return the model types that settings are derived for."""
        return self.model_types or installed()

    def to_document(self) -> dict[str, Any]:
        """Return the options as JSON values."""
        survivors = None if self.survivors is None else str(self.survivors)
        told = {"mode": self.mode.value, "model_types": list(self.types), "survivors": survivors}
        return {**asdict(self), **told}
