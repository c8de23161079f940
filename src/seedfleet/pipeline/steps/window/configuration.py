"""What one trial sieves by: a window, skips and thresholds, on the draws of some sessions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Self

from seedfleet.sieve import ConstantSkip, Direction, Question, VariableSkip

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from seedfleet.generators import Stream

__all__ = ["Configuration", "SkipLaw"]


class SkipLaw(Enum):
    """What `skip_min` and `skip_max` mean."""

    CONSTANT = "constant"
    VARIABLE = "variable"


@dataclass(frozen=True)
class Configuration:
    """One point of the study.

    Attributes
    ----------
    sessions
        Whose draws; none for all.
    law
        Whether each skip from `skip_min` to `skip_max` is tried as a constant one, or both are
        the ends of a variable one.
    window_start, window_size
        The draws looked at, counted in the sieve slice.
    skip_min, skip_max
        As `law` says; a variable skip has ``skip_min < skip_max``.
    forward_threshold, reverse_threshold
        Least share of matches in each part.
    """

    sessions: tuple[str, ...]
    law: SkipLaw
    window_start: int
    window_size: int
    skip_min: int
    skip_max: int
    forward_threshold: float
    reverse_threshold: float

    @property
    def alignments(self) -> int:
        """How many are tried for each seed."""
        return 1 if self.law is SkipLaw.VARIABLE else self.skip_max - self.skip_min + 1

    def question(
        self,
        stream: Stream,
        draws: NDArray[np.int64],
        modulus: int,
        direction: Direction = Direction.BIDIRECTIONAL,
    ) -> Question:
        """Return what the sieve is asked.

        Parameters
        ----------
        draws
            int64 array: those of the sessions, from the origin on.

        Raises
        ------
        QuestionError
            It cannot be asked of these draws.
        """
        skips = (
            VariableSkip(self.skip_min, self.skip_max)
            if self.law is SkipLaw.VARIABLE
            else ConstantSkip(range(self.skip_min, self.skip_max + 1))
        )
        return Question(
            stream,
            draws,
            modulus,
            skips,
            window_start=self.window_start,
            window_size=self.window_size,
            forward_threshold=self.forward_threshold,
            reverse_threshold=self.reverse_threshold,
            direction=direction,
        )

    def to_document(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {**vars(self), "sessions": list(self.sessions), "law": self.law.value}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read what `to_document` wrote."""
        sessions, law = tuple(document["sessions"]), SkipLaw(document["law"])
        return cls(**{**document, "sessions": sessions, "law": law})
