"""Streams that may have ended before the last known draw: rivals of those that go on.

The published prior stakes half of a stream's weight on stretches of the history. A stream that
explains the draws up to a reseed is far likelier to have ended there than to have gone wrong ever
since, and says nothing of the draws to come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence.part_prior import log2_part_weight
from seedfleet.evidence.prior import noise_weights
from seedfleet.pipeline.steps.heard import heard_first, log2_standing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedfleet.pipeline.steps.survivor_evidence import SurvivorEvidence

__all__ = ["log2_ended"]

_LEAST, _MOST = 1e-5, 200  # posterior of a stream that is looked at, and how many of them


def log2_ended(evidence: SurvivorEvidence, log2_weights: NDArray[np.float64]) -> float:
    """Return log2 of what is staked on streams having ended, times what it earned.

    Each end before the last draw is a stretch with its own share of the prior. Looked at are the
    streams that the draws spoke for at any of `SurvivorEvidence.marks`, for one that ended long ago
    has nothing left by now. O(draws) for each stream.

    Parameters
    ----------
    log2_weights
        float64 array, shape (n,): of the streams going on.
    """
    count = len(evidence.draws)
    going_on = np.where(evidence.goes_on, log2_weights, -np.inf)
    best = heard_first(log2_standing(evidence, going_on, evidence.marks), _LEAST, _MOST)
    sessions = len(evidence.table.sessions) or None
    whole, stretch = (
        log2_part_weight(evidence.division, sessions=sessions, whole=each) for each in (True, False)
    )
    total = -np.inf
    for row in best:
        origin = int(evidence.table.rows["origin"][row])
        earned = evidence.running(row)[origin + 1 : count] + np.log2(noise_weights())
        share = log2_weights[row] + (stretch - whole if origin == 0 else 0.0)
        total = float(np.logaddexp2(total, np.logaddexp2.reduce(earned, axis=None) + share))
    return total
