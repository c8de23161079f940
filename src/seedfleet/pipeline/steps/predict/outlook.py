"""What survivors and null say together of the draws to come: the path of every prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from seedfleet.evidence.prediction import Forecast
    from seedfleet.pipeline.steps.predict.turns import Turns

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


def foresee(turns: Turns, predictions: int) -> Outlook:
    """Weigh survivors by all known draws, against the null and all that may have ended.

    Parameters
    ----------
    turns
        With weights as from `narrowing.narrowed`.
    predictions
        Coming draws.
    """
    evidence, count = turns.evidence, len(turns.evidence.draws)
    posterior, null = evidence.posterior(
        turns.log2_entering, range(count), log2_null=turns.log2_ended(count)
    )
    return Outlook(posterior, null, evidence.coming(posterior, predictions))
