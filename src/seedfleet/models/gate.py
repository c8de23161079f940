"""Whether a model is used: it has to predict draws that nothing was chosen by, better than chance.

Candidates are the predictions of each type of model for every survivor, made without that
survivor's own label. A candidate tilts the survivors' prior weights (`tilt.Tilt`). Which candidate,
and how far it tilts, is chosen on the tune slice; whether it is used, on the gate slice, which is
opened once. The gate asks for two things: the mixture with tilted weights has a better log score
than the untilted one, which is the likelihood ranking; and so good a result is rare where the same
candidates' predictions are dealt out anew among the survivors and everything is chosen again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from seedfleet.models.permutation import GroupPermutations
from seedfleet.models.tilt import Tilt

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["TAUS", "Gate", "GateResult", "Stakes"]

TAUS: Final = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)  # beside 0
P_LIMIT: Final = 0.01
_ROUNDING: Final = 1e-9  # bits; what is less is a rounding error
_DEEPEST: Final = -600.0  # of a tilt, as a power of e: no sum of tilted stakes comes down to 0


@dataclass(frozen=True, eq=False)
class Stakes:
    """What the survivors' mixture has on a slice of draws.

    Attributes
    ----------
    before
        float64 array, shape (n,): log2 of prior weight times the likelihood ratio of all draws
        before the slice, summed over noise rates; -inf for a row that has no part.
    after
        The same with the slice's own draws.
    """

    before: NDArray[np.float64]
    after: NDArray[np.float64]


@dataclass(frozen=True)
class GateResult:
    """What the gate decided, and on what grounds.

    Attributes
    ----------
    candidate
        Index of the candidate that was chosen; None where none improved the tune slice.
    tau
        How far it tilts; 0 for none.
    tune_bits, bits
        log2 score of the tilted mixture less that of the untilted one, on the tune slice (by
        which it was chosen) and on the gate slice (by which it is judged).
    p_value
        Share of permutations whose own choice does as well on the gate slice, in (0, 1].
    permutations
        How many there were.
    chance_bits
        The 99 % quantile of their bits on the gate slice.
    openings
        For how many different tests the gate slice has been opened, this one included: trying
        until something passes is paid for, since the p-value has to be so many times smaller
        (Bonferroni).
    """

    candidate: int | None
    tau: float
    tune_bits: float
    bits: float
    p_value: float
    permutations: int
    chance_bits: float
    openings: int = 1

    @property
    def p_limit(self) -> float:
        """What the p-value has to stay below."""
        return P_LIMIT / self.openings

    @property
    def accepted(self) -> bool:
        """Whether the model is used."""
        return self.bits > _ROUNDING and self.p_value < self.p_limit

    @property
    def reason(self) -> str:
        """Say why, in a sentence."""
        if self.candidate is None:
            return "no model improves the prediction of the tune slice: the likelihood is kept"
        found = f"{self.bits:+.3f} bits on the gate slice against the likelihood"
        found += f", p = {self.p_value:.3g}"
        if self.accepted:
            return f"accepted: {found}"
        wanted = "more than 0 bits" if self.bits <= _ROUNDING else f"p < {self.p_limit:.3g}"
        often = f" at opening {self.openings} of the gate slice" if self.openings > 1 else ""
        return f"rejected: {found}, where {wanted} is needed{often}"


class Gate:
    """Candidates under judgement.

    Parameters
    ----------
    log2_prior
        float64 array, shape (n,): each survivor's prior weight; -inf for rows without a part.
    log2_null
        The weight of independent uniform draws.
    candidates
        float64 array, shape (n_candidates, n): predictions of each, a row's own made without it.
    groups
        int64 array, shape (n,): survivors that are shifted copies of one stream, or rows of one
        seed, have equal numbers, and are dealt out together.
    """

    def __init__(
        self,
        log2_prior: NDArray[np.float64],
        log2_null: float,
        candidates: NDArray[np.float64],
        groups: NDArray[np.int64],
    ) -> None:
        self._part = np.flatnonzero(log2_prior > -np.inf)
        self._log2_null = log2_null
        self._weights = np.exp2(log2_prior[self._part] - log2_prior.max(initial=-np.inf))
        self._weights /= self._weights.sum()
        self._tilts = _tilts(candidates[:, self._part])
        self._permutations = GroupPermutations(groups[self._part])

    def judge(
        self, tune: Stakes, gate: Stakes, *, permutations: int = 999, seed: int = 0
    ) -> GateResult:
        """Choose on the tune slice, and judge the choice on the gate slice.

        Parameters
        ----------
        permutations
            At least 999 for a decision that counts.

        Notes
        -----
        O(permutations * n * candidates * taus), by matrix products.
        """
        if not len(self._part):
            return GateResult(None, 0.0, 0.0, 0.0, 1.0, 0, 0.0)
        columns = [
            self._column(part) for part in (tune.before, tune.after, gate.before, gate.after)
        ]
        values = np.stack([self._weights, *(values for values, _ in columns)], axis=1)
        nulls = np.array([null for _, null in columns])
        untilted = _scores(values.sum(axis=0)[np.newaxis], nulls)[0]
        chosen, (tune_bits, bits) = self._chosen(values, nulls, untilted)
        chance = np.random.default_rng(seed)
        dealt = np.array(
            [
                self._chosen(values[self._permutations.draw(chance)], nulls, untilted)[1][1]
                for _ in range(permutations)
            ]
        )
        return GateResult(
            candidate=None if chosen is None else chosen // len(TAUS),
            tau=0.0 if chosen is None else TAUS[chosen % len(TAUS)],
            tune_bits=tune_bits,
            bits=bits,
            p_value=(1 + int(np.count_nonzero(dealt >= bits - _ROUNDING))) / (1 + permutations),
            permutations=permutations,
            chance_bits=float(np.quantile(dealt, 0.99)) if permutations else 0.0,
        )

    def _column(self, log2_stakes: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
        """Return stakes and the null's, both in units of the largest."""
        stakes = log2_stakes[self._part]
        top = max(float(stakes.max(initial=-np.inf)), self._log2_null)
        return np.exp2(stakes - top), float(np.exp2(self._log2_null - top))

    def _chosen(
        self, values: NDArray[np.float64], nulls: NDArray[np.float64], untilted: NDArray[np.float64]
    ) -> tuple[int | None, tuple[float, float]]:
        """Return the best tilt on the tune slice, and its bits on both slices."""
        gained = _scores(self._tilts @ values, nulls) - untilted
        best = int(gained[:, 0].argmax()) if len(gained) else 0
        if not len(gained) or gained[best, 0] <= _ROUNDING:
            return None, (0.0, 0.0)
        return best, (float(gained[best, 0]), float(gained[best, 1]))


def _tilts(candidates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the factor of each row's weight, a row for each candidate and tau, largest 1."""
    factors = []
    for predicted in candidates:
        z = Tilt.of(1.0, predicted).z(predicted)
        below = z - z.max(initial=-np.inf)
        factors += [np.exp(np.maximum(tau * below, _DEEPEST)) for tau in TAUS]
    return np.array(factors).reshape(len(candidates) * len(TAUS), candidates.shape[1])


def _scores(sums: NDArray[np.float64], nulls: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log2 scores on tune and gate slice, shape (n, 2), up to a constant for each slice.

    Parameters
    ----------
    sums
        Shape (n, 5): sums of tilted weights, then of tilted stakes before and after each slice.
    """
    mixed = nulls + sums[:, 1:] / sums[:, :1]
    return np.asarray(np.log2(mixed[:, 1::2] / mixed[:, ::2]))
