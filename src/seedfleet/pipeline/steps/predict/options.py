"""What step 6 is asked, and the one error that it refuses with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedfleet.errors import ProblemsError
from seedfleet.recover import OptionsError
from seedfleet.sieve.weighing import AHEAD

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PredictError", "PredictOptions"]


class PredictError(ProblemsError):
    """Nothing can be predicted from what is there."""


@dataclass(frozen=True)
class PredictOptions:
    """Options of step 6.

    Attributes
    ----------
    predictions
        Coming draws, 1 to 1,000.
    top
        How many of the most probable values are told of each; at least 1.
    survivors
        A table of survivors other than the one of the run; None for that.
    models
        A folder with a model other than the run's own; None for that. There has to be one.
    draws
        The file of the history, where it is not the run's own; None for that.
    without_model
        Whether survivors are ranked by their likelihood, whatever models there are.

    Raises
    ------
    OptionsError
        Something is out of range; the error lists everything.
    """

    predictions: int = 1
    top: int = 10
    survivors: Path | None = None
    models: Path | None = None
    draws: Path | None = None
    without_model: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        problems = []
        if not 1 <= self.predictions <= AHEAD:
            problems.append(f"predictions: {self.predictions} is not within 1..{AHEAD}")
        if self.top < 1:
            problems.append(f"top: {self.top} is not at least 1")
        if problems:
            raise OptionsError(problems)
