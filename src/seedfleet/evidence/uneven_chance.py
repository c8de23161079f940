"""What chance lets through a filter where a bounding favours some values, or never gives them.

A wrong seed gives the draw d with the chance p_d that its bounding gives it, 1/m only where that is
uniform: 15-bit words modulo a million give each of 0..32767 with chance 2**-15, and nothing else.
The number of matches is then a sum of independent trials of unequal chances (Poisson-binomial).
"""

from __future__ import annotations

from math import inf, lgamma, log, log1p
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence.chance import log_tail
from seedfleet.evidence.uniformity import value_share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from seedfleet.generators import Stream

__all__ = ["draw_shares", "log_pass_of_shares"]

_ALIKE = 1e-6  # relative; shares that differ by no more are taken for their mean


def draw_shares(stream: Stream, values: NDArray[np.int64], modulus: int) -> NDArray[np.float64]:
    """Return ``p_d`` of each draw: how often a wrong seed gives it.

    Parameters
    ----------
    values
        int64 array, shape (n,): the draws in ``[0, modulus)``.
    modulus
        One that the stream's bounding has.

    Returns
    -------
    NDArray
        float64 array, shape (n,): in [0, 1]; 0 for a draw that the bounding never gives.
    """
    distinct, places = np.unique(values, return_inverse=True)
    shares = np.array([value_share(stream, value, modulus) for value in distinct.tolist()])
    return shares[places] if len(values) else np.zeros(0)


def log_pass_of_shares(legs: Sequence[tuple[int, int]], shares: NDArray[np.float64]) -> float:
    """Return ``ln P``: that independent draws match often enough in every leg.

    Parameters
    ----------
    legs
        ``(draws, needed)`` of each, consecutive.
    shares
        float64 array, shape (all draws of the legs,): the chance of each draw to match, in [0, 1].

    Returns
    -------
    float
        At most 0; ``-inf`` where no outcome passes.

    Notes
    -----
    O(n) where every draw of a leg is needed or all shares are alike, O(n**2) otherwise.
    """
    total, at = 0.0, 0
    for draws, needed in legs:
        total += _log_tail_of_shares(needed, shares[at : at + draws])
        at += draws
    return total


def _log_tail_of_shares(needed: int, shares: NDArray[np.float64]) -> float:
    """Return ``ln P[matches >= needed]``."""
    possible = shares[shares > 0]
    if needed <= 0:
        return 0.0
    if needed > len(possible):
        return -inf
    if needed == len(shares):
        return float(np.log(shares).sum())
    if np.ptp(possible) <= _ALIKE * possible.max():
        mean = float(possible.mean())
        return log_tail(needed, len(possible), mean) if mean < 1 else 0.0
    log_chances = np.zeros(1)
    for share, count in zip(*np.unique(possible, return_counts=True), strict=True):
        log_chances = _log_of_sum(log_chances, _log_binomial(int(count), float(share)))
    return min(0.0, float(np.logaddexp.reduce(log_chances[needed:])))


def _log_binomial(draws: int, chance: float) -> NDArray[np.float64]:
    """Return ``ln P[Bin(draws, chance) = k]`` for k from 0 to `draws`."""
    if chance == 1:
        return np.append(np.full(draws, -inf), 0.0)
    hit, miss = log(chance), log1p(-chance)
    ways = [lgamma(draws + 1) - lgamma(k + 1) - lgamma(draws - k + 1) for k in range(draws + 1)]
    matches = np.arange(draws + 1)
    log_chances: NDArray[np.float64] = np.array(ways) + matches * hit + (draws - matches) * miss
    return log_chances


def _log_of_sum(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the law of the sum of two independent counts, all of them as logarithms."""
    few, many = sorted((first, second), key=len)
    law = np.full(len(few) + len(many) - 1, -inf)
    for count, log_chance in enumerate(few):
        part = law[count : count + len(many)]
        np.logaddexp(part, many + log_chance, out=part)
    return law
