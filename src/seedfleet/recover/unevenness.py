"""Histories that are not uniform: values, steps or digits that come too often, or never.

No generator is needed to say so, and none is named by it. Each finding is an e-value against
independent uniform draws: a bet by the Krichevsky-Trofimov mixture over all laws of a series
(IEEE Transactions on Information Theory 27(2), 1981), or on one digit that never comes. Steps from
one draw to the next, modulo m, are independent and uniform where the draws are; counters and sorted
draws show there.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, lgamma, log, log2
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["Unevenness", "bits_to_beat", "find_unevenness"]

_CHANCE_BITS = 20.0  # chance gives so much in less than 2**-20 histories
_BASE = 10


@dataclass(frozen=True)
class Unevenness:
    """What is not uniform.

    Attributes
    ----------
    bits
        log2 of the e-value against independent uniform draws, its share of the stake counted.
    text
        The finding as a sentence.
    """

    bits: float
    text: str

    @property
    def sentence(self) -> str:
        """The finding with its bits."""
        return f"{self.text} ({self.bits:.0f} bits)"


def find_unevenness(values: NDArray[np.int64], modulus: int) -> Unevenness | None:
    """Return the strongest way in which a history is not uniform, or None.

    Parameters
    ----------
    values
        int64 array, shape (n,), draws in ``[0, modulus)``.

    Notes
    -----
    O(n log n). The ways share one stake, so that the strongest of them exceeds b bits in less than
    ``2**-b`` uniform histories.
    """
    if len(values) == 0:
        return None
    ways = list(_ways(values, modulus))
    best = max(ways, key=lambda way: way.bits)
    bits = best.bits - log2(len(ways))
    return Unevenness(bits, best.text) if bits >= _CHANCE_BITS else None


def _ways(values: NDArray[np.int64], modulus: int) -> Iterator[Unevenness]:
    distinct, counts = np.unique(values, return_counts=True)
    common, often = int(distinct[counts.argmax()]), int(counts.max())
    yield Unevenness(
        _mixture_bits(values, modulus),
        f"the draws are not uniform: {len(distinct)} of {modulus} values come, "
        f"{common} in {often} of {len(values)} draws",
    )
    yield Unevenness(
        _mixture_bits(np.diff(values) % modulus, modulus),
        "the steps from draw to draw are not uniform, so the draws are not independent",
    )
    places = len(str(modulus)) - 1
    if modulus != _BASE**places:
        return
    for place in range(places):
        digits = values // _BASE ** (places - 1 - place) % _BASE
        where = f"digit {place + 1} of {places}"
        yield Unevenness(_mixture_bits(digits, _BASE), f"{where} is not uniform")
        missing = sorted(set(range(_BASE)) - set(digits.tolist()))
        never = len(values) * log2(_BASE / (_BASE - 1)) - log2(_BASE)
        named = ", ".join(map(str, missing))
        yield Unevenness(never if missing else -inf, f"{where} is never {named}")


def _mixture_bits(series: NDArray[np.int64], modulus: int) -> float:
    """Return log2 of the mean, over Dirichlet(1/2) laws, of a series' likelihood ratio."""
    counts = np.unique(series, return_counts=True)[1]
    nats = lgamma(modulus / 2) - lgamma(len(series) + modulus / 2)
    nats += sum(lgamma(count + 0.5) - lgamma(0.5) for count in counts.tolist())
    return nats / log(2) + len(series) * log2(modulus)


def bits_to_beat(uneven: Unevenness | None) -> float:
    """Return what a stream must earn before it explains anything.

    Where uniform draws are out of the question, it must beat what put them out.
    """
    return 0.0 if uneven is None else uneven.bits
