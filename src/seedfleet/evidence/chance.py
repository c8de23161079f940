"""What chance alone would let pass: expected false survivors, printed beside what was observed."""

from __future__ import annotations

from math import exp, expm1, inf, lgamma, log, log1p, log10

__all__ = ["expected_pairs", "expected_seeds", "log10_expected_pairs", "log_tail"]


def log_tail(matches: int, draws: int, modulus: int) -> float:
    """Return ``ln P[Bin(draws, 1/modulus) >= matches]``. O(draws - matches)."""
    if matches <= 0:
        return 0.0
    hit, miss = -log(modulus), log1p(-1 / modulus)
    terms = [
        lgamma(draws + 1) - lgamma(k + 1) - lgamma(draws - k + 1) + k * hit + (draws - k) * miss
        for k in range(matches, draws + 1)
    ]
    if not terms:
        return -inf
    top = max(terms)
    return min(0.0, top + log(sum(exp(term - top) for term in terms)))


def log10_expected_pairs(pairs: int, matches: int, draws: int, modulus: int) -> float:
    """Return log10 of ``E_pairs = |S| * H * P``, for the `pairs` = |S| * H that were tried."""
    return log10(pairs) + log_tail(matches, draws, modulus) / log(10)


def expected_pairs(pairs: int, matches: int, draws: int, modulus: int) -> float:
    """Return ``E_pairs``; 0.0 where it is below the smallest float."""
    exponent = log10_expected_pairs(pairs, matches, draws, modulus)
    return float(10.0 ** max(exponent, -330.0))


def expected_seeds(seeds: int, alignments: int, *, matches: int, draws: int, modulus: int) -> float:
    """Return ``E_seeds = |S| * (1 - (1 - P)**H)``: seeds that pass under at least one alignment."""
    passing = exp(log_tail(matches, draws, modulus))
    if passing >= 1.0:
        return float(seeds)
    return -seeds * expm1(alignments * log1p(-passing))
