"""Evidence over all histories at once: five draws modulo 10 make 100,000, few enough for each.

Means and tails over uniform histories are then exact, for streams as random as they come.
"""

from __future__ import annotations

import os
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seedfleet.evidence import Scored
from seedfleet.evidence.likelihood import bits_of_matches
from seedfleet.evidence.mixture import log2_sum
from seedfleet.evidence.prior import NULL_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Sequence

MODULUS, DRAWS = 10, 5
HISTORIES = MODULUS**DRAWS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def generator_of(*key: int) -> np.random.Generator:
    """Return random numbers for one test; SEEDFLEET_CALIBRATION_SEED gives all tests others."""
    run_seed = int(os.environ.get("SEEDFLEET_CALIBRATION_SEED", "20240229"))
    return np.random.default_rng([run_seed, *key])


def item(matches: int, seeds: int, log2_weight: float) -> Scored:
    """Return one seed that gives so many of the draws."""
    bits = bits_of_matches(matches, DRAWS, MODULUS)
    return Scored("hash", float(log2_weight), seeds, bits, bits)


def fits(draws: Ints) -> Ints:
    """Count, for every history and k, the streams that match k of its draws.

    Returns shape (draws + 1, 10, 10, 10, 10, 10). Streams that agree at least in a set of places
    are counted by summing out the others; inclusion and exclusion leaves those that agree in k.
    """
    table = np.zeros((MODULUS,) * DRAWS, dtype=np.int64)
    np.add.at(table, tuple(draws.T), 1)
    at_least = np.zeros((DRAWS + 1, *table.shape), dtype=np.int64)
    for size in range(DRAWS + 1):
        for others in combinations(range(DRAWS), DRAWS - size):
            at_least[size] += table.sum(axis=others, keepdims=True)
    exactly = np.zeros_like(at_least)
    for k in reversed(range(DRAWS + 1)):
        exactly[k] = at_least[k]
        for more in range(k + 1, DRAWS + 1):
            ways = len(list(combinations(range(more), k)))
            exactly[k] -= ways * exactly[more]
    return exactly


def e_values(
    streams: Ints, log2_weights: Sequence[float], *, seeds: int, planted_error: float = 1.0
) -> Floats:
    """Return e of all 100,000 histories, shape (10, 10, 10, 10, 10).

    Parameters
    ----------
    streams
        Shape (alignments, streams, draws): what each seed gives under each alignment.
    log2_weights
        The stake of each alignment.
    seeds
        ``|S|`` that shares it.
    planted_error
        Times which every likelihood ratio is taken.
    """
    total = np.full((MODULUS,) * DRAWS, NULL_WEIGHT)
    for draws, log2_weight in zip(streams, log2_weights, strict=True):
        for k, counts in enumerate(fits(draws)):
            stakes = item(k, seeds, log2_weight).stakes(held_out=False)
            total += planted_error * 2.0 ** log2_sum(stakes) * counts
    return total


def mean_is_kept(e: Floats, staked: float, rng: np.random.Generator, count: int = 20_000) -> bool:
    """Check the mean over a sample of histories, to 3 standard errors, both ways.

    Parameters
    ----------
    staked
        The share of the non-null stake that is on what was scored, in [0, 1].
    """
    sample = e.reshape(-1)[rng.integers(0, HISTORIES, count)]
    error = sample.std(ddof=1) / np.sqrt(count)
    expected = NULL_WEIGHT + (1 - NULL_WEIGHT) * staked
    return bool(abs(sample.mean() - expected) <= 3 * error)


def tail_is_kept(e: Floats) -> bool:
    """Check P(e >= 2**b) <= 2**-b at every value that e takes."""
    values, counts = np.unique(e.round(9), return_counts=True)
    at_least = counts[::-1].cumsum()[::-1] / e.size
    return bool((at_least * values <= 1 + 1e-9).all())
