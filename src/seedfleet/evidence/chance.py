"""What a filter lets through by chance: wrong seeds.

A filter has legs, each some draws of which so many must match. They look at different draws, so
for a wrong seed they are independent and their chances multiply. Chance is that of independent
uniform draws at one fixed alignment; `path_chance` has that of a variable skip.
"""

from __future__ import annotations

from math import exp, expm1, inf, lgamma, log, log1p
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "better_than_chance",
    "expected_pairs",
    "expected_seeds",
    "log10_expected_pairs",
    "log_pass",
    "log_tail",
]

_ODD_LOG10 = -6.0  # fewer pairs than 10**-6 expected to match so well is no chance
_LOST = 50.0  # below it a term, and those after it, change nothing
_SMALLEST_LOG = log(1e-307)  # below it a chance is no normal float


def log_tail(matches: int, draws: int, chance: float) -> float:
    """Return ``ln P[Bin(draws, chance) >= matches]``, `chance` in (0, 1). O(draws - matches).

    Terms that no float would see beside the greatest are left out, which makes that few steps
    where many more draws match than chance gives.
    """
    if matches <= 0:
        return 0.0
    if matches > draws:
        return -inf
    hit, miss = log(chance), log1p(-chance)
    term = lgamma(draws + 1) - lgamma(matches + 1) - lgamma(draws - matches + 1)
    term += matches * hit + (draws - matches) * miss
    top, total = term, 1.0  # the sum is total * exp(top)
    for k in range(matches, draws):
        step = log((draws - k) / (k + 1)) + hit - miss
        term += step
        if term > top:
            top, total = term, total * exp(top - term) + 1.0
        else:
            total += exp(term - top)
            if step < 0 and term < top - _LOST:
                break
    return min(0.0, top + log(total))


def log_pass(legs: Sequence[tuple[int, int]], modulus: float) -> float:
    """Return ``ln P``: that a wrong seed passes every leg at one alignment.

    Parameters
    ----------
    legs
        ``(draws, needed)`` of each.
    modulus
        The draws' modulus m, or how many even values an uneven bounding is worth; a wrong seed
        gives a draw with chance 1/m.
    """
    return sum(log_tail(needed, draws, 1 / modulus) for draws, needed in legs)


def log10_expected_pairs(pairs: int, legs: Sequence[tuple[int, int]], modulus: float) -> float:
    """Return log10 of ``E_pairs = |S| * H * P``, for the `pairs` = |S| * H that were tried."""
    return (log(pairs) + log_pass(legs, modulus)) / log(10)


def better_than_chance(matches: int, draws: int, *, pairs: int, modulus: float) -> bool:
    """Return whether none of `pairs` wrong pairs would give so many matches.

    Parameters
    ----------
    matches, draws
        So many of so many draws.
    pairs
        |S| * H that were tried.
    modulus
        As for `log_pass`.
    """
    return log10_expected_pairs(pairs, [(draws, matches)], modulus) < _ODD_LOG10


def expected_pairs(pairs: int, legs: Sequence[tuple[int, int]], modulus: float) -> float:
    """Return ``E_pairs``; 0.0 where it is below the smallest float."""
    return exp(max(log(pairs) + log_pass(legs, modulus), -750.0))


def expected_seeds(
    seeds: int, alignments: int, legs: Sequence[tuple[int, int]], modulus: float
) -> float:
    """Return ``E_seeds = |S| * (1 - (1 - P)**H)``: seeds that pass at one alignment at least.

    Parameters
    ----------
    seeds, alignments
        ``|S|``, and H for each of them.
    legs, modulus
        As for `log_pass`.
    """
    passing = log_pass(legs, modulus)
    if passing < _SMALLEST_LOG:
        return expected_pairs(seeds * alignments, legs, modulus)
    if passing == 0:
        return float(seeds)
    return -seeds * expm1(alignments * log1p(-exp(passing)))
