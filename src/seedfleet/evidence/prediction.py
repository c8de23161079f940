"""The next draw: a mixture of the survivors' own laws and the null, with the prior's weights.

``P(v) = [pi_0 / m + (1 - pi_0) sum_h w_h |S_h|**-1 sum_s LR_s q_s(v)] / [pi_0 + (1 - pi_0) e]``,
where the stake that stays on the null is ``pi_0 = NULL_WEIGHT`` and q_s is a survivor's own law of
the next draw. Divided through, the weights are the posteriors of `mixture.mix` over all known
draws, and what they leave of 1 is the null's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedfleet.evidence.likelihood import NOISE_RATES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["DrawLaw", "Forecast", "foretell", "point_laws"]

_ABSTAIN = 0.5  # the null's posterior from which on no draw is named


@dataclass(frozen=True)
class DrawLaw:
    """The probabilities of one coming draw.

    Attributes
    ----------
    named
        Probability of each value that is told of; every other value has `elsewhere`.
    elsewhere
        Probability of any one value that is not named.
    """

    named: Mapping[int, float]
    elsewhere: float

    def probability(self, value: int) -> float:
        """Return P(value)."""
        return self.named.get(value, self.elsewhere)


@dataclass(frozen=True)
class Forecast:
    """What is said of one coming draw, by all survivors and the null together.

    Attributes
    ----------
    law
        Its probabilities.
    null
        The null's posterior, in [0, 1].
    """

    law: DrawLaw
    null: float

    @property
    def value(self) -> int | None:
        """The most probable value; None where the null holds half or more: it abstains."""
        named = self.law.named
        if self.null >= _ABSTAIN or not named:
            return None
        return max(named, key=lambda value: named[value])


def foretell(told: Iterable[tuple[float, DrawLaw]], modulus: int) -> Forecast:
    """Mix what survivors tell of a coming draw; the weight that they leave of 1 is the null's.

    Parameters
    ----------
    told
        ``(posterior, law)`` for each survivor and noise rate: `point_laws` for a constant skip,
        `skip_paths.laws_over_paths` for a variable one.
    modulus
        The draws' modulus m.

    Notes
    -----
    O(values named); values that no law names are never listed.
    """
    extra: dict[int, float] = {}  # by value: probability beyond `spread`, which all values have
    spread = spoken = 0.0
    for weight, law in told:
        spread += weight * law.elsewhere
        spoken += weight
        for value, probability in law.named.items():
            extra[value] = extra.get(value, 0.0) + weight * (probability - law.elsewhere)
    null = max(0.0, 1.0 - spoken)
    elsewhere = spread + null / modulus
    named = {value: min(1.0, more + elsewhere) for value, more in extra.items()}
    return Forecast(DrawLaw(named, elsewhere), null)


def point_laws(value: int, posterior: Sequence[float], modulus: int) -> list[tuple[float, DrawLaw]]:
    """Return what a stream with fixed positions tells: its own value, unless recorded wrong.

    Parameters
    ----------
    value
        The stream's value at the next draw's position.
    posterior
        The survivor's posterior for each of `NOISE_RATES`.
    modulus
        The draws' modulus m.
    """
    return [
        (weight, DrawLaw({value: 1.0 - rate}, rate / (modulus - 1)))
        for rate, weight in zip(NOISE_RATES, posterior, strict=True)
    ]
