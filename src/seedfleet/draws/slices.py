"""A history cut by time into the slices of the pipeline: each draw has exactly one use.

The sieve slice is searched and described by features; the tune slice gives the labels that models
learn; the gate slice is opened once, for the one model that is frozen by then; the test slice is
reported and never used.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

__all__ = ["Slices"]

_SIEVE, _TUNE, _GATE = 60, 75, 85  # percent of the draws before the end of each slice


@dataclass(frozen=True)
class Slices:
    """Indexes of draws, oldest first; together they are all draws, each once.

    Attributes
    ----------
    sieve
        The first 60 %: sieves and features.
    tune
        The next 15 %: labels.
    gate
        The next 10 %: whether a model is used.
    test
        The last 15 %: reported only.
    """

    sieve: range
    tune: range
    gate: range
    test: range

    @classmethod
    def of(cls, draws: int) -> Slices:
        """Cut so many draws; every cut is rounded down, so that a short history has empty slices.

        Parameters
        ----------
        draws
            At least 0.
        """
        cuts = [draws * percent // 100 for percent in (_SIEVE, _TUNE, _GATE)]
        bounds = [0, *cuts, draws]
        return cls(*(range(start, stop) for start, stop in itertools.pairwise(bounds)))

    def to_document(self) -> dict[str, list[int]]:
        """Return ``{slice: [first, last + 1]}``, as sidecars and context records hold it."""
        return {
            name: [part.start, part.stop]
            for name, part in (
                ("sieve", self.sieve),
                ("tune", self.tune),
                ("gate", self.gate),
                ("test", self.test),
            )
        }
