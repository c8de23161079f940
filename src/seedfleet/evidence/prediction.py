"""The next draw: a mixture of the survivors' own laws and the null, with the prior's weights.

``P(v) = [pi_0 / m + (1 - pi_0) sum_h w_h |S_h|**-1 sum_s LR_s q_s(v)] / [pi_0 + (1 - pi_0) e]``,
where the stake that stays on the null is ``pi_0 = NULL_WEIGHT`` and q_s is a survivor's own law of
the next draw. Divided through, the weights are the posteriors of `mixture.mix` over all known
draws, and what they leave of 1 is the null's.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING

from seedfleet.evidence.likelihood import NOISE_RATES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["NextDraw", "next_draw", "point_laws"]

_ABSTAIN = 0.5  # the null's posterior from which on no draw is named


@dataclass(frozen=True)
class NextDraw:
    """The law of one coming draw.

    Attributes
    ----------
    named
        Probability of each value that some survivor tells; every other value has `elsewhere`.
    elsewhere
        Probability of any one value that is not named.
    null
        The null's posterior, in [0, 1].
    """

    named: Mapping[int, float]
    elsewhere: float
    null: float

    def probability(self, value: int) -> float:
        """Return P(value)."""
        return self.named.get(value, self.elsewhere)

    @property
    def value(self) -> int | None:
        """The most probable value; None where the null holds half or more: it abstains."""
        if self.null >= _ABSTAIN or not self.named:
            return None
        return max(self.named, key=lambda value: self.named[value])


def next_draw(told: Iterable[tuple[float, Mapping[int, float]]], modulus: int) -> NextDraw:
    """Mix what survivors tell of the next draw; the weight that they leave of 1 is the null's.

    Parameters
    ----------
    told
        ``(posterior, law)`` for each survivor and noise rate: the law gives values and their
        probabilities, and what these leave of 1 is shared equally by the values that it does not
        name (of which there must then be some). See `point_laws` for a constant skip.
    modulus
        The draws' modulus m.

    Notes
    -----
    O(values named); values that no law names are never listed.
    """
    extra: dict[int, float] = {}  # by value: probability beyond `spread`, which all values have
    spread = spoken = 0.0
    for weight, law in told:
        others = modulus - len(law)
        each = max(0.0, 1.0 - fsum(law.values())) / others if others else 0.0
        spread += weight * each
        spoken += weight
        for value, probability in law.items():
            extra[value] = extra.get(value, 0.0) + weight * (probability - each)
    null = max(0.0, 1.0 - spoken)
    elsewhere = spread + null / modulus
    named = {value: min(1.0, more + elsewhere) for value, more in extra.items()}
    return NextDraw(named, elsewhere, null)


def point_laws(value: int, posterior: Sequence[float]) -> list[tuple[float, dict[int, float]]]:
    """Return what a stream with fixed positions tells: its own value, unless recorded wrong.

    Parameters
    ----------
    value
        The stream's value at the next draw's position.
    posterior
        The survivor's posterior for each of `NOISE_RATES`.
    """
    return [
        (weight, {value: 1.0 - rate}) for rate, weight in zip(NOISE_RATES, posterior, strict=True)
    ]
