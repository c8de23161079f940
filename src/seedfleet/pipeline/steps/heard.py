"""Which survivors have a say: those that the draws spoke for at one time or another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence.prior import NULL_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from seedfleet.pipeline.steps.survivor_evidence import SurvivorEvidence

__all__ = ["heard_first", "log2_standing"]


def log2_standing(
    evidence: SurvivorEvidence, log2_weights: NDArray[np.float64], stops: Iterable[int]
) -> NDArray[np.float64]:
    """Return log2 of the largest posterior that each survivor ever had, float64, shape (n,).

    Among those that begin at the same draw: what made the draws before is no rival.

    Parameters
    ----------
    log2_weights
        float64 array, shape (n,): prior weights.
    stops
        After how many draws it is asked for, each time.
    """
    standing = np.full(len(log2_weights), -np.inf)
    origins, places = np.unique(evidence.table.rows["origin"], return_inverse=True)
    for stop in stops:
        earned = log2_weights + evidence.log2_mixed(range(stop))
        totals = np.full(len(origins), np.log2(NULL_WEIGHT))
        np.logaddexp2.at(totals, places, earned)
        standing = np.maximum(standing, earned - totals[places])
    return standing


def heard_first(standing: NDArray[np.float64], least: float, most: int) -> list[int]:
    """Return the rows with at least so large a posterior, the largest first, and so many at most.

    Parameters
    ----------
    standing
        float64 array, shape (n,), as from `log2_standing`.
    """
    order = np.argsort(-standing, kind="stable")[:most].tolist()
    return [row for row in order if standing[row] >= np.log2(least)]
