"""What survivors and null say together of the draws to come: the path of every prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedfleet.pipeline.steps.predict.ending import log2_ended

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from seedfleet.evidence.prediction import Forecast
    from seedfleet.pipeline.steps.survivor_evidence import SurvivorEvidence

__all__ = ["Outlook", "foresee"]


@dataclass(frozen=True, eq=False)
class Outlook:
    """What is known, and what comes.

    Attributes
    ----------
    posterior
        float64 array, shape (n, n_rates): of each survivor that goes on.
    null
        What is left: no stream, or one that has ended.
    coming
        Of each coming draw.
    """

    posterior: NDArray[np.float64]
    null: float
    coming: tuple[Forecast, ...]


def foresee(
    evidence: SurvivorEvidence, log2_weights: NDArray[np.float64], predictions: int
) -> Outlook:
    """Weigh survivors by all known draws, against the null and against their own endings.

    Parameters
    ----------
    log2_weights
        float64 array, shape (n,): prior weights, as from `narrowing.narrowed`.
    predictions
        Coming draws.
    """
    ended = log2_ended(evidence, log2_weights)
    known = range(len(evidence.draws))
    posterior, null = evidence.posterior(log2_weights, known, log2_rivals=ended)
    return Outlook(posterior, null, evidence.coming(posterior, predictions))
