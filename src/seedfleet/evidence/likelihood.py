"""Likelihood ratios of a draw model against independent uniform draws, in bits."""

from __future__ import annotations

from math import inf, log2

__all__ = ["NOISE_RATES", "bits_of_matches", "log2_likelihood_ratio"]

NOISE_RATES = (0.0, 0.01, 0.05, 0.1, 0.25)  # shares of draws recorded wrong that are considered


def log2_likelihood_ratio(matches: int, draws: int, *, noise: float, modulus: int) -> float:
    """Return log2 of the product over draws of ``(1 - noise) * m`` or ``noise * m / (m - 1)``.

    Parameters
    ----------
    matches
        Draws that the stream gives exactly, of `draws` known ones.
    noise
        Share of draws recorded wrong, uniformly among the other values, in ``[0, 1)``.
    modulus
        The draws' modulus m, at least 2.

    Returns
    -------
    float
        Bits; ``-inf`` where the model cannot have made the draws.
    """
    misses = draws - matches
    bits = matches * log2((1 - noise) * modulus)
    if misses == 0:
        return bits
    if noise == 0:
        return -inf
    return bits + misses * log2(noise * modulus / (modulus - 1))


def bits_of_matches(
    matches: int, draws: int, modulus: int, *, allowance: float = 0.0
) -> tuple[float, ...]:
    """Return the log2 likelihood ratio of one alignment with fixed positions, per noise rate.

    Parameters
    ----------
    matches, draws, modulus
        As for `log2_likelihood_ratio`.
    allowance
        Bits to take off for a bounding that is not uniform (`uniformity.allowance_bits`, summed
        over the draws).

    Returns
    -------
    tuple of float
        One for each of `NOISE_RATES`, in their order.
    """
    return tuple(
        log2_likelihood_ratio(matches, draws, noise=rate, modulus=modulus) - allowance
        for rate in NOISE_RATES
    )
