"""From evidence to a verdict, and how many draws a verdict needs."""

from __future__ import annotations

from enum import Enum
from math import ceil, floor, log2

from seedfleet.evidence.likelihood import bits_of_matches
from seedfleet.evidence.mixture import Scored, mix, predictive_bits
from seedfleet.evidence.prior import NULL_WEIGHT

__all__ = [
    "Thresholds",
    "Verdict",
    "decide",
    "draws_for_fitted",
    "draws_in_principle",
    "draws_needed",
    "held_out_draws",
]

_PROOF_BITS = 60.0  # 40 of a verdict and 20 of held-out proof
_MIN_HELD_OUT, _MAX_HELD_OUT = 5, 50


class Verdict(Enum):
    """What a search can say of a history; those that have found a stream, the stronger first."""

    RECOVERED = "recovered"
    SIGNAL = "signal"
    NO_EVIDENCE = "no_evidence"
    UNDER_POWERED = "under_powered"

    @property
    def found(self) -> bool:
        """Whether it names a stream."""
        return self in {Verdict.RECOVERED, Verdict.SIGNAL}


class Thresholds:
    """The fixed limits of the verdicts, in bits and as a posterior."""

    RECOVERED_FIT_BITS = 40.0
    RECOVERED_PREDICTIVE_BITS = 20.0
    RECOVERED_POSTERIOR = 0.999
    SIGNAL_BITS = 20.0


def held_out_draws(draws: int) -> int:
    """Return how many of the last draws are kept out of every search."""
    return min(draws, max(_MIN_HELD_OUT, min(_MAX_HELD_OUT, draws // 10)))


def draws_for_fitted(fitted: int) -> int:
    """Return the least number of draws of which `fitted` are left when some are held out."""
    draws = fitted
    while draws - held_out_draws(draws) < fitted:
        draws += 1
    return draws


def decide(
    evidence_bits: float, predictive: float | None, class_posterior: float, *, powered: bool
) -> Verdict:
    """Return the verdict.

    Parameters
    ----------
    evidence_bits
        log2 e over the fitted draws.
    predictive
        Bits on the held-out draws; None when nothing was scored.
    class_posterior
        Posterior of the best equivalence class, in [0, 1].
    powered
        Whether any completed search had enough draws to tell.
    """
    if (
        evidence_bits >= Thresholds.RECOVERED_FIT_BITS
        and predictive is not None
        and predictive >= Thresholds.RECOVERED_PREDICTIVE_BITS
        and class_posterior > Thresholds.RECOVERED_POSTERIOR
    ):
        return Verdict.RECOVERED
    if evidence_bits >= Thresholds.SIGNAL_BITS:
        return Verdict.SIGNAL
    return Verdict.NO_EVIDENCE if powered else Verdict.UNDER_POWERED


def draws_in_principle(
    seed_space: int, alignments: int, modulus: float, gaps: int = 1
) -> int | None:
    """Return from how many draws on a stream is recoverable in principle.

    ``ceil((log2 |S| + log2 H + 60) / (log2 m - log2 w))``: a draw tells which of m values it is,
    and costs the choice of one gap among w.

    Parameters
    ----------
    seed_space, alignments
        ``|S|`` and H, alignments tried for each seed.
    modulus
        The draws' modulus m, or as many values as they are worth where some are more frequent.
    gaps
        ``w = skip_max - skip_min + 1`` of a variable skip; 1 for a constant one.

    Returns
    -------
    int or None
        None where no number of draws would do, since ``w >= m``: as many gaps as values explain
        any draw.
    """
    if gaps >= modulus:
        return None
    bits = log2(seed_space) + log2(alignments) + _PROOF_BITS
    return ceil(bits / (log2(modulus) - log2(gaps)))


def draws_needed(seed_space: int, log2_weight: float, modulus: int) -> int:
    """Return the least number of clean draws with which the verdict is `recovered`.

    Parameters
    ----------
    log2_weight
        Prior weight of the least favoured alignment, in bits.
    """
    # No noise rate can earn more than log2 m bits a draw, so fewer draws than these never do.
    against = log2(seed_space) - log2_weight - log2(1 - NULL_WEIGHT)
    bits = against + Thresholds.RECOVERED_FIT_BITS + Thresholds.RECOVERED_PREDICTIVE_BITS
    draws = floor(bits / log2(modulus))
    while not _recovered_by_clean_draws(draws, seed_space, log2_weight, modulus):
        draws += 1
    return draws


def _recovered_by_clean_draws(
    draws: int, seed_space: int, log2_weight: float, modulus: int
) -> bool:
    held_out = held_out_draws(draws)
    fitted = draws - held_out
    stream = Scored(
        equivalence="stream",
        log2_weight=log2_weight,
        seed_space=seed_space,
        fitted_bits=bits_of_matches(fitted, fitted, modulus),
        known_bits=bits_of_matches(draws, draws, modulus),
    )
    mixture = mix([stream], held_out=False)
    posterior = mixture.classes["stream"]
    verdict = decide(mixture.evidence_bits, predictive_bits([stream]), posterior, powered=True)
    return verdict is Verdict.RECOVERED
