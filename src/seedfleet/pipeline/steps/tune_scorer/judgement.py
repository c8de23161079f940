"""Whether settings that a study found rank survivors better than chance, and than the defaults.

Survivors are halved, and each half has trials of its own, guided by the labels of that half alone.
The best settings of one half are measured on the other half. However many trials there were and
whatever guided them, they know nothing of the labels that they are measured by, so that shuffling
these gives the chance exactly: the maximum over trials is paid for by not being looked at. The two
halves give two such p-values, and twice the smaller one, at most 1, is a p-value again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.pipeline.steps.label_ranking import p_value, shuffled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["SIGNIFICANT", "CrossFit", "HalfShares", "cross_fit"]

SIGNIFICANT = 0.05
_UPPER = 0.95  # the quantile that is told of shuffled labels


@dataclass(frozen=True, eq=False)
class HalfShares:
    """What one half of the survivors measures the settings with that the other half chose.

    Attributes
    ----------
    shares
        float64, shape (n,): rank shares, or the differences of two scores' rank shares.
    worths
        float64, shape (n,), with a sum of at most 1.
    """

    shares: NDArray[np.float64]
    worths: NDArray[np.float64]


@dataclass(frozen=True)
class CrossFit:
    """A measure taken across halves, beside what it is under shuffled labels.

    Attributes
    ----------
    value
        Averaged over both halves in proportion to the worth in each.
    chance, chance_upper
        Mean and upper quantile (95 %) under shuffled labels.
    shuffles
        How many.
    p
        In (0, 1].
    """

    value: float
    chance: float
    chance_upper: float
    shuffles: int
    p: float

    def to_document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return dict(vars(self))


def cross_fit(halves: Sequence[HalfShares], shuffles: int, rng: np.random.Generator) -> CrossFit:
    """Hold a measure against what shuffled labels give it.

    Parameters
    ----------
    halves
        Their worths sum to 1 over all of them.
    shuffles
        At least 1.
    """
    total, chances, smallest = 0.0, np.zeros(shuffles), 1.0
    for half in halves:
        value = float(half.shares @ half.worths)
        chance = shuffled(half.shares, half.worths, shuffles, rng)
        total += value
        chances += chance
        if half.worths.any():
            smallest = min(smallest, p_value(value, chance))
    return CrossFit(
        value=total,
        chance=float(chances.mean()),
        chance_upper=float(np.quantile(chances, _UPPER)),
        shuffles=shuffles,
        p=min(1.0, len(halves) * smallest),
    )
