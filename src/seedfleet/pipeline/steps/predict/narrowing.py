"""Laws of variable skips within the one that was searched: as many rivals, each with its own stake.

A sieve asks for skips within wide bounds, often wider than those of the program that drew. Under
0..8 a stream that only ever skips 0..3 is foretold over more positions than need be. The published
prior has a stake on every law; here each survivor is joined by the same start under the narrower
ones, the constant skips among them, and the draws decide. Which laws are tried follows from the
bounds alone, so that there is nothing to pay for beyond their stakes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seedfleet.draws.slices import Slices
from seedfleet.pipeline.steps.heard import log2_standing
from seedfleet.pipeline.steps.narrower_laws import narrower_laws
from seedfleet.pipeline.steps.survivor_evidence import SurvivorEvidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from seedfleet.draws import History

__all__ = ["narrowed"]

_MOST_DRAWS = 4_000_000  # that are taken in, over all laws: seconds of one core


def narrowed(
    evidence: SurvivorEvidence, log2_weights: NDArray[np.float64], history: History
) -> tuple[SurvivorEvidence, NDArray[np.float64]]:
    """Join survivors with a variable skip by themselves under the narrower laws.

    Those with the largest posteriors before the test slice come first, as long as there is time:
    what its draws say of who is asked would be no forecast of them.

    Parameters
    ----------
    log2_weights
        float64 array, shape (n,): prior weights, `SurvivorEvidence.log2_prior` or what a model
        made of it. What it gives a survivor more than the prior does, its narrower laws have too.
    history
        The whole cleaned one.

    Returns
    -------
    evidence : SurvivorEvidence
        With rows added behind the others.
    log2_weights : NDArray
        float64 array, as long.
    """
    parents, laws = _asked(evidence, log2_weights)
    if not parents:
        return evidence, log2_weights
    table = evidence.table.take(np.array(parents))
    table.rows["skip_min"], table.rows["skip_max"] = np.array(laws).T
    added = SurvivorEvidence.of(table, history)
    tilted = (log2_weights - evidence.log2_prior)[parents]
    joined = evidence.followed_by(added)
    weights = np.concatenate([log2_weights, added.log2_prior + tilted])
    return joined, np.where(np.isfinite(joined.log2_prior), weights, -np.inf)


def _asked(
    evidence: SurvivorEvidence, log2_weights: NDArray[np.float64]
) -> tuple[Sequence[int], Sequence[tuple[int, int]]]:
    """Return the rows that are tried under other laws, one entry for each law, and the laws."""
    draws = len(evidence.draws)
    going_on = evidence.variable & evidence.goes_on & np.isfinite(log2_weights)
    before = Slices.of(draws).test.start
    standing = log2_standing(evidence, np.where(going_on, log2_weights, -np.inf), (before,))
    rows = evidence.table.rows
    parents: list[int] = []
    laws: list[tuple[int, int]] = []
    for row in np.argsort(-standing, kind="stable")[: np.count_nonzero(going_on)].tolist():
        more = narrower_laws(int(rows["skip_min"][row]), int(rows["skip_max"][row]))
        if (len(laws) + len(more)) * draws > _MOST_DRAWS:
            break
        parents += [row] * len(more)
        laws += more
    return parents, laws
