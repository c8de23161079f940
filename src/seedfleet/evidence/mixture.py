"""The e-value, the posterior and the predictions: one mixture over everything that was scored.

With prior weights ``w_h``, seed spaces ``S_h`` and likelihood ratios LR against independent uniform
draws, ``e = w_null + sum_h w_h |S_h|**-1 sum_s LR_s``. Under uniform draws ``E[e] <= 1``, so by
Markov's inequality ``P(log2 e >= b) <= 2**-b`` whatever was searched; a seed that was not scored
counts 0, which only lowers e (Vovk and Wang, Annals of Statistics 49(3), 2021).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log2
from typing import TYPE_CHECKING

from seedfleet.evidence.prior import NULL_WEIGHT, noise_weights

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

__all__ = ["Mixture", "Scored", "log2_sum", "mix", "predictive_bits"]


def log2_sum(terms: Iterable[float]) -> float:
    """Return log2 of the sum of ``2**term``; ``-inf`` for none."""
    listed = list(terms)
    top = max(listed, default=-inf)
    if top == -inf:
        return -inf
    return top + log2(sum(2.0 ** (term - top) for term in listed))


@dataclass(frozen=True)
class Scored:
    """One seed under one hypothesis, with what the known draws say of it.

    Attributes
    ----------
    equivalence
        Equal for those whose streams agree on the history and the next draws: one finding.
    log2_weight
        Prior weight of the alignment (`log2_alignment_weight`), in bits.
    seed_space
        One over the start's own prior weight (`start_prior`).
    fitted_bits, known_bits
        log2 likelihood ratios over the draws that were searched, and over these and the held-out
        ones, one for each of `NOISE_RATES`: from `likelihood.bits_of_matches` for a constant
        skip, from `skip_paths` for a variable one.
    scope
        The part of the history that the stream would have made; None for all of it. Streams of
        two parts are no rivals: both may be true.
    """

    equivalence: Hashable
    log2_weight: float
    seed_space: int
    fitted_bits: tuple[float, ...]
    known_bits: tuple[float, ...]
    scope: Hashable = None

    def stakes(self, *, held_out: bool) -> list[float]:
        """Return ``log2(w |S|**-1 LR)`` for each noise rate; `held_out` adds those draws."""
        prior = log2(1 - NULL_WEIGHT) + self.log2_weight - log2(self.seed_space)
        bits = self.known_bits if held_out else self.fitted_bits
        return [
            prior + log2(weight) + ratio
            for weight, ratio in zip(noise_weights(), bits, strict=True)
        ]


@dataclass(frozen=True)
class Mixture:
    """The e-value of what was scored, and the posterior that it implies.

    Attributes
    ----------
    evidence_bits
        log2 e; at least -1, the stake that stays on the null.
    nulls
        Posterior of the null by scope, in (0, 1]: that nothing of what was scored made its draws.
    posterior
        For each scored item a posterior for each noise rate. An item competes with the null, with
        the items of its own scope and with those of the whole history.
    classes
        Posterior of each equivalence class, summed over noise rates and presets.
    """

    evidence_bits: float
    nulls: dict[Hashable, float]
    posterior: tuple[tuple[float, ...], ...]
    classes: dict[Hashable, float]

    def null(self, scope: Hashable) -> float:
        """Return the null's posterior for a scope; 1 where nothing was scored."""
        return self.nulls.get(scope, 1.0)


def mix(items: Sequence[Scored], *, held_out: bool) -> Mixture:
    """Weigh `items` against the null, on the fitted draws or also on those held out.

    O(items); an empty sequence leaves the null alone.
    """
    stakes = [item.stakes(held_out=held_out) for item in items]
    null = log2(NULL_WEIGHT)
    everything = log2_sum([null, *(stake for row in stakes for stake in row)])
    rivals: dict[Hashable, float] = {}
    for scope in {item.scope for item in items}:
        competing = (
            stake
            for item, row in zip(items, stakes, strict=True)
            if scope is None or item.scope in (None, scope)
            for stake in row
        )
        rivals[scope] = log2_sum([null, *competing])
    posterior = tuple(
        tuple(2.0 ** (stake - rivals[item.scope]) for stake in row)
        for item, row in zip(items, stakes, strict=True)
    )
    classes: dict[Hashable, float] = {}
    for item, row in zip(items, posterior, strict=True):
        classes[item.equivalence] = classes.get(item.equivalence, 0.0) + sum(row)
    nulls = {scope: 2.0 ** (null - total) for scope, total in rivals.items()}
    return Mixture(everything, nulls, posterior, classes)


def predictive_bits(items: Sequence[Scored]) -> float | None:
    """Return log2 of the posterior mixture's likelihood ratio on the held-out draws.

    The mixture is over the scored items alone, weighted by what they earned on the fitted draws.
    None when nothing was scored that could have made the fitted draws.
    """
    fitted = log2_sum(stake for item in items for stake in item.stakes(held_out=False))
    if fitted == -inf:
        return None
    together = log2_sum(stake for item in items for stake in item.stakes(held_out=True))
    return together - fitted
