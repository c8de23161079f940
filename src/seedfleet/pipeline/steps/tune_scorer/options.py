"""What step 2.5 is asked."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from seedfleet.recover import OptionsError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["TuneScorerOptions"]

_MOST_TRIALS = 100_000
_SAMPLES = (50, 100_000)
_LEAST_SHUFFLES = 200


@dataclass(frozen=True)
class TuneScorerOptions:
    """Options of step 2.5.

    Attributes
    ----------
    trials
        Settings that are tried, beside the defaults; 0 keeps these, and the step stops.
    sample
        Most survivors that a trial scores: one half of them those of the largest likelihood, the
        other half drawn by lot from the rest.
    shuffles
        Of the labels, for each p-value; at least 200.
    jobs
        Whether trials run as jobs of the fleet; None decides by what a trial takes.
    seed
        Of sampling, studies and shuffles.
    survivors
        The table to tune by; None for the bidirectional survivors of the run.

    Raises
    ------
    OptionsError
        Something is out of range; the error lists everything.
    """

    trials: int = 32
    sample: int = 4000
    shuffles: int = 999
    jobs: bool | None = None
    seed: int = 0
    survivors: Path | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        least, most = _SAMPLES
        problems = [
            text
            for fine, text in (
                (0 <= self.trials <= _MOST_TRIALS, f"trials: {self.trials} is not 0..100000"),
                (least <= self.sample <= most, f"sample: {self.sample} is not {least}..{most}"),
                (
                    self.shuffles >= _LEAST_SHUFFLES,
                    f"shuffles: {self.shuffles} is not at least {_LEAST_SHUFFLES}",
                ),
                (0 <= self.seed < 2**31, f"seed: {self.seed} is not in [0, 2**31)"),
            )
            if not fine
        ]
        if problems:
            raise OptionsError(problems)

    def to_document(self) -> dict[str, Any]:
        """Return the options as JSON values."""
        survivors = None if self.survivors is None else str(self.survivors)
        return {**asdict(self), "survivors": survivors}
