"""Whether survivors' labels differ more than those of survivors which are right by chance alone."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, expm1, log1p
from typing import TYPE_CHECKING, Final

import numpy as np

from seedfleet.evidence.chance import log_tail

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LabelSpread"]

_SPREADS: Final = 2.0  # standard deviations that the dispersion has to lie above its mean ...
_BEST_P: Final = 0.01  # ... or the best label has to be as rare as this among so many


@dataclass(frozen=True)
class LabelSpread:
    """Hits of many survivors against binomial chance.

    Attributes
    ----------
    dispersion
        Their variance in units of what chance gives: 1 by chance.
    limit
        What chance exceeds once in 40 times.
    best_p
        How often the best of so many survivors is as good by chance: a single true stream among
        thousands hardly changes the variance.
    """

    dispersion: float
    limit: float
    best_p: float

    @property
    def is_chance(self) -> bool:
        """Whether there is nothing in the labels that chance would not give."""
        return self.dispersion <= self.limit and self.best_p > _BEST_P

    @classmethod
    def of(cls, hits: NDArray[np.int64], draws: NDArray[np.int64]) -> LabelSpread:
        """Measure labels.

        The sum of squared standardised hits has mean 1 a row and variance
        ``2 + (1 - 6 p q) / (k p q)`` a row, for k draws with probability p = 1 - q.

        Parameters
        ----------
        hits, draws
            int64 arrays, shape (n,), n at least 2: what each gave right, of how many, at least 1;
            neither none nor all of them together.
        """
        rate = float(hits.sum() / draws.sum())
        variance = draws * rate * (1 - rate)
        squares = (hits - draws * rate) ** 2 / variance
        spread = np.sqrt(np.sum(2 + (1 - 6 * rate * (1 - rate)) / variance)) / (len(hits) - 1)
        best = int(((hits - draws * rate) / np.sqrt(variance)).argmax())
        tail = min(exp(log_tail(int(hits[best]), int(draws[best]), rate)), 1 - 1e-16)
        return cls(
            dispersion=float(squares.sum() / (len(hits) - 1)),
            limit=float(1 + _SPREADS * spread),
            best_p=-expm1(len(hits) * log1p(-tail)),
        )
