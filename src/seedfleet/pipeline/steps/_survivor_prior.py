"""What the prior stakes on each row of a table of survivors, and which of equal rows counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence.stakes import Bets, log2_stakes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedfleet.evidence.part_prior import Division
    from seedfleet.pipeline.steps.survivor_table import SurvivorTable

__all__ = ["counted_once", "log2_prior_of"]


def log2_prior_of(
    table: SurvivorTable, division: Division, last: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return what is staked on each row; `last` says which of them explain the last draw."""
    log2_prior = np.zeros(len(table))
    for preset in range(len(table.presets)):
        chosen = np.flatnonzero(table.rows["preset"] == preset)
        own = table.take(chosen)
        alignments = [own.rows[name] for name in ("offset", "skip_min", "skip_max")]
        bets = Bets(
            table.stream(preset),
            own.rows["seed"],
            np.stack(alignments, axis=1),
            (own.rows["origin"] == 0) & last[chosen],
            own.states,
            len(table.sessions) or None,
        )
        log2_prior[chosen] = log2_stakes(bets, division)
    return log2_prior


def counted_once(digests: NDArray[np.uint64], log2_prior: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which rows count: of those with equal digests the one with the largest stake."""
    order = np.argsort(-log2_prior, kind="stable")
    _, first = np.unique(digests[order], return_index=True)
    counted = np.zeros(len(digests), bool)
    counted[order[first]] = True
    return counted
