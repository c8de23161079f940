"""Survivors whose streams were aligned once, to be compared under many settings.

What a stream gives for the draws does not depend on the settings. Under a variable skip finding it
is nearly all of the work: ten milliseconds a survivor, against some microseconds for its features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.scoring._slice_plan import SlicePlan
from seedfleet.scoring.feature_names import SURVIVOR_FEATURES
from seedfleet.scoring.reference import STREAM_FEATURES
from seedfleet.scoring.survivors import Compared, aligned_draws
from seedfleet.threads import ThreadPool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from seedfleet.scoring.settings import ScoringSettings
    from seedfleet.scoring.survivors import Candidates

__all__ = ["Aligned"]


@dataclass(frozen=True, eq=False)
class Aligned:
    """Candidates beside what their streams give.

    Attributes
    ----------
    candidates
        The survivors, n of them.
    draws
        int64 array: the sieve slice.
    modulus
        Of the draws.
    streams
        For each survivor, int64 array: `pred` of the draws that it explains, from `first` on.
    first
        int64 array, shape (n,).
    """

    candidates: Candidates
    draws: NDArray[np.int64]
    modulus: int
    streams: Sequence[NDArray[np.int64]]
    first: NDArray[np.int64]

    @classmethod
    def of(cls, candidates: Candidates, draws: NDArray[np.int64], modulus: int) -> Aligned:
        """Align the streams; memory and time are O(n x draws), and more where skips vary."""
        stops = np.where(candidates.ends < 0, len(draws), np.minimum(candidates.ends, len(draws)))
        first = np.minimum(candidates.origins, stops)

        def align(row: int) -> NDArray[np.int64]:
            act = draws[first[row] : stops[row]]
            return aligned_draws(candidates, row, act, modulus) if len(act) else act

        with ThreadPool() as pool:
            streams = list(pool.map(align, range(len(candidates))))
        return cls(candidates, draws, modulus, streams, first)

    def compare(self, settings: ScoringSettings) -> Compared:
        """Return what `survivors.compare` returns of these candidates and draws."""
        count, own = len(self.candidates), self.candidates
        explained = np.array([len(stream) for stream in self.streams], dtype=np.int64)
        found = Compared(
            np.zeros((count, len(SURVIVOR_FEATURES))), np.zeros(count, dtype=np.int64), explained
        )
        metadata = (own.skip_min, own.skip_max, own.counts, own.selectivities)
        for place, column in enumerate(metadata):
            found.features[:, STREAM_FEATURES + place] = column
        spans, kinds = np.unique(np.stack([self.first, explained]), axis=1, return_inverse=True)
        for kind, (first, draws) in enumerate(spans.T.tolist()):
            if draws:
                rows = np.flatnonzero(kinds.reshape(-1) == kind)
                plan = SlicePlan.of(self.draws[first : first + draws], self.modulus, settings)
                pred = np.stack([self.streams[row] for row in rows.tolist()])
                measured = np.empty((len(rows), STREAM_FEATURES + 1))
                plan.fill(pred.astype(plan.dtype), measured)
                found.features[rows, :STREAM_FEATURES] = measured[:, :STREAM_FEATURES]
                found.matches[rows] = measured[:, STREAM_FEATURES]
        return found
