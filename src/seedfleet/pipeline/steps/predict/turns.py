"""Streams that made the draws in turn: one ended, and another or nothing followed it.

The published prior stakes half of a stream's weight on stretches of the history. A stream that
explains the draws up to a reseed is far likelier to have ended there than to have gone wrong ever
since: it says nothing of the draws to come, and is no rival of the stream that made the next ones.
So each stream is weighed on top of all that explains the draws before its origin, and what is
staked on several in turn is the product of their stakes: after the end of one, another is as likely
as the first was.

Of the stretches that begin at one draw inside the history, that which reaches the last known draw
has half, as all draws have half of the whole: it stands for every end that is still to come. With
no more than the share of one end, a stream that was hit for 400 draws would be as likely as not to
have ended with the last of them, and a single wrong record would take it for gone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import log2
from typing import TYPE_CHECKING, Self

import numpy as np

from seedfleet.evidence.part_prior import log2_part_weight
from seedfleet.evidence.prior import NULL_WEIGHT, noise_weights
from seedfleet.pipeline.steps.heard import heard_first, log2_standing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from seedfleet.pipeline.steps.survivor_evidence import SurvivorEvidence

__all__ = ["Turns"]

_LEAST, _MOST = 1e-5, 200  # posterior of a stream that is looked at, and how many of them


@dataclass(frozen=True, eq=False)
class Turns:
    """Survivors and null together, with all that may have ended before a draw.

    Each end before the last draw is a stretch with its own share of the prior. A stream that begins
    later than the draws in question has no part in what is said of them.

    Attributes
    ----------
    evidence
        The survivors, n of them.
    log2_weights
        float64 array, shape (n,): prior weight of each from its origin to its last draw.
    """

    evidence: SurvivorEvidence
    log2_weights: NDArray[np.float64]
    _earned: Mapping[int, NDArray[np.float64]]  # by row: over all noise rates, before each draw

    @classmethod
    def of(cls, evidence: SurvivorEvidence, log2_weights: NDArray[np.float64]) -> Self:
        """Follow the streams that may have ended.

        Looked at are those that the draws spoke for at any of `SurvivorEvidence.marks`, for one
        that ended long ago may have nothing left by now. O(draws) for each.
        """
        standing = log2_standing(evidence, log2_weights, evidence.marks)
        noise = np.log2(noise_weights())
        earned = {
            row: np.logaddexp2.reduce(evidence.running(row) + noise, axis=1)
            for row in heard_first(standing, _LEAST, _MOST)
        }
        return cls(evidence, log2_weights, earned)

    def weighed(self, log2_weights: NDArray[np.float64]) -> Self:
        """Return the same streams with other prior weights."""
        return replace(self, log2_weights=log2_weights)

    def without(self, rows: NDArray[np.int64]) -> Self:
        """Return what is left where some streams may not have ended."""
        earned = {row: each for row, each in self._earned.items() if row not in rows}
        return replace(self, _earned=earned)

    @cached_property
    def log2_before(self) -> NDArray[np.float64]:
        """What the draws before each are worth where no stream goes on, beside the null alone.

        Float64 array, shape (draws + 1,), at least 0.
        """
        before = np.zeros(len(self.evidence.draws) + 1)
        for row in sorted(self._earned, key=self.origins.__getitem__):
            ended = self._ended(row, float(before[self.origins[row]]))
            before = np.logaddexp2(before, np.logaddexp2.accumulate(ended))
        return before

    @property
    def origins(self) -> NDArray[np.int64]:
        """The first draw of each survivor: int64 array, shape (n,)."""
        origins: NDArray[np.int64] = self.evidence.table.rows["origin"]
        return origins

    @property
    def log2_entering(self) -> NDArray[np.float64]:
        """log2 of each survivor's weight on top of the draws before it: float64, shape (n,)."""
        entering: NDArray[np.float64] = self._log2_lasting + self.log2_before[self.origins]
        return entering

    def log2_ended(self, stop: int) -> float:
        """Return log2 of what null and ended streams hold after so many draws."""
        return log2(NULL_WEIGHT) + float(self.log2_before[stop])

    def log2_staked(
        self, rows: int | NDArray[np.int64], stops: int | NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return log2 of the stakes on survivors that go on after so many draws.

        Parameters
        ----------
        rows, stops
            Integers or int64 arrays of one shape.

        Returns
        -------
        NDArray
            float64: all ends that are still to come, on top of the draws before each origin.
        """
        last = np.minimum(self.evidence.ends[rows], len(self.evidence.draws) - 1)
        left = np.maximum(last - stops, 0)
        ends = np.where(left > 0, self._log2_stretch[rows] + np.log2(np.maximum(left, 1)), -np.inf)
        whole = np.where(self.evidence.goes_on, self._log2_lasting, -np.inf)[rows]
        begun = np.logaddexp2(whole, ends) + self.log2_before[self.origins[rows]]
        return np.where(self.origins[rows] <= stops, begun, -np.inf)

    def log2_going_on(self, stop: int) -> NDArray[np.float64]:
        """Return log2 of what each going on holds after so many draws: float64, shape (n,)."""
        rows = np.arange(len(self.evidence.table))
        held: NDArray[np.float64] = self.log2_staked(rows, stop) + self.evidence.log2_mixed(
            range(stop)
        )
        return held

    def log2_total(self, stop: int) -> float:
        """Return log2 of what all hold together, the null included.

        Between two numbers of draws the difference is the log2 score of the draws between, each
        told from all before it, beside that of uniform ones.
        """
        return float(np.logaddexp2.reduce(self.log2_going_on(stop), initial=self.log2_ended(stop)))

    @property
    def _begun_inside(self) -> NDArray[np.bool_]:
        """Which streams begin inside the history, and may have ended or not."""
        begun: NDArray[np.bool_] = self.evidence.goes_on & (self.origins > 0)
        return begun & (len(self.evidence.draws) - self.origins > 1)

    @property
    def _log2_lasting(self) -> NDArray[np.float64]:
        """The weight of each up to the last known draw, whenever it will end."""
        stretches = np.maximum(len(self.evidence.draws) - self.origins, 2)
        more = np.where(self._begun_inside, np.log2(stretches / 2), 0.0)
        lasting: NDArray[np.float64] = self.log2_weights + more
        return lasting

    @property
    def _log2_stretch(self) -> NDArray[np.float64]:
        """The weight of one stretch of each that does not last to the end."""
        evidence = self.evidence
        sessions = len(evidence.table.sessions) or None
        whole, stretch = (
            log2_part_weight(evidence.division, sessions=sessions, whole=each)
            for each in (True, False)
        )
        all_draws = evidence.goes_on & (self.origins == 0)
        left = np.maximum(len(evidence.draws) - self.origins, 2)
        others = np.where(self._begun_inside, np.log2(left / 2 / (left - 1)), 0.0)
        return np.where(all_draws, self.log2_weights + stretch - whole, self.log2_weights + others)

    def _ended(self, row: int, before: float) -> NDArray[np.float64]:
        """Return log2 of what one holds by having ended at each draw, beside the null."""
        origin = int(self.origins[row])
        ended = np.full(len(self.evidence.draws) + 1, -np.inf)
        last = min(int(self.evidence.ends[row]), len(self.evidence.draws) - 1)
        share = self._log2_stretch[row] + before - log2(NULL_WEIGHT)
        at = slice(origin + 1, last + 1)
        ended[at] = self._earned[row][at] + share
        return ended
