"""Linear recurrences of additive generators, as they show in their draws.

The state of such a generator is ``x_i = sum of c_k x_(i-k)`` modulo M. Every g-th of its numbers
obeys a recurrence of the same order, whose coefficients follow from the power sums of the roots of
the first by Newton's identities. Draws show it up to a few values: what bits below a draw carry
into it, and how often M was subtracted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.generators import Stream
from seedfleet.generators.boundings import DIVIDE_31, GO_INT31N, MODULO
from seedfleet.generators.families.dotnet import DOTNET
from seedfleet.generators.families.glibc_random import GLIBC_RAND
from seedfleet.generators.families.go_rand import GO_RAND

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LAGGED", "Relation", "relation"]


@dataclass(frozen=True)
class _Additive:
    """How the draws of one stream come from its recurrence.

    Attributes
    ----------
    coefficients
        ``c_k`` by lag k.
    word_modulus
        Of the words of which draws are remainders; None where draws are ``floor(u * m)``.
    hidden
        Supremum of what is below a word, as a share of its last place: 1/2 for one hidden bit.
    """

    coefficients: tuple[tuple[int, int], ...]
    word_modulus: int | None
    hidden: float


LAGGED = {
    Stream(GLIBC_RAND, MODULO): _Additive(((3, 1), (31, 1)), 2**31, 0.5),
    Stream(GO_RAND, GO_INT31N): _Additive(((273, 1), (607, 1)), 2**31, 1.0),
    Stream(DOTNET, DIVIDE_31): _Additive(((34, -1), (55, 1)), None, 1.0),
}


@dataclass(frozen=True)
class Relation:
    """``draw_i - sum of coefficients * earlier draws`` lies in `rests` modulo m.

    Attributes
    ----------
    lags, coefficients
        int64 arrays, shape (terms,).
    rests
        int64 array: the values that it may have, ascending, distinct.
    modulus
        m.
    """

    lags: NDArray[np.int64]
    coefficients: NDArray[np.int64]
    rests: NDArray[np.int64]
    modulus: int

    @property
    def share(self) -> float:
        """The chance that independent uniform draws keep it."""
        return len(self.rests) / self.modulus

    def kept(self, draws: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell for each draw from the longest lag on whether it keeps the relation. O(n terms)."""
        longest = int(self.lags[-1])
        rest = draws[longest:].copy()
        for lag, coefficient in zip(self.lags.tolist(), self.coefficients.tolist(), strict=True):
            rest -= coefficient * draws[longest - lag : len(draws) - lag]
        return np.isin(rest % self.modulus, self.rests)


@cache
def relation(stream: Stream, modulus: int, skip: int) -> Relation:
    """Return the relation between the draws of one of `LAGGED` under a constant skip.

    O(order**2 * (skip + 1)) operations on integers of some hundred bits.
    """
    additive = LAGGED[stream]
    coefficients = _decimated(dict(additive.coefficients), skip + 1)
    plus = sum(c for c in coefficients.values() if c > 0)
    minus = -sum(c for c in coefficients.values() if c < 0)
    open_end = additive.hidden == 1.0  # what is hidden never reaches it
    carries = range(
        -int(np.ceil(minus * additive.hidden)),
        int(plus * additive.hidden) + (0 if open_end else 1),
    )
    # Words are below their modulus, so their sum is below `plus` and above -`minus` times it.
    wraps = range(-minus, plus) if additive.word_modulus else range(1)
    wrap = (additive.word_modulus or 0) % modulus
    rests = {(carry - count * wrap) % modulus for carry in carries for count in wraps}
    return Relation(
        np.array(list(coefficients), np.int64),
        np.array([c % modulus for c in coefficients.values()], np.int64),
        np.array(sorted(rests), np.int64),
        modulus,
    )


def _decimated(coefficients: dict[int, int], step: int) -> dict[int, int]:
    """Return the recurrence of every `step`-th number, by lag, ascending."""
    order = max(coefficients)
    sums = [0] * (order * step + 1)  # sums[k]: the k-th powers of the roots, added up
    for k in range(1, len(sums)):
        sums[k] = sum(c * sums[k - lag] for lag, c in coefficients.items() if lag < k)
        sums[k] += k * coefficients.get(k, 0)
    found: dict[int, int] = {}
    for k in range(1, order + 1):
        rest = sums[k * step] - sum(c * sums[(k - lag) * step] for lag, c in found.items())
        if rest:
            found[k] = rest // k
    return found
