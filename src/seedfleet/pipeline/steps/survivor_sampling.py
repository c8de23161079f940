"""Which survivors trials are measured on: the likeliest, and some of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedfleet.pipeline.steps.survivor_evidence import SurvivorEvidence
    from seedfleet.pipeline.steps.survivor_table import SurvivorTable

__all__ = ["drawn", "likeliest", "standing"]


def likeliest(table: SurvivorTable, most: int) -> SurvivorTable:
    """Return at most so many rows, those with the most matches beyond chance, in table order.

    Cheap, and only for tables so large that looking at each row's later draws would not be.
    """
    if len(table) <= most:
        return table
    rows = table.rows
    matches = rows["forward_matches"].astype(np.int64) + rows["reverse_matches"]
    draws = rows["forward_draws"].astype(np.int64) + rows["reverse_draws"]
    rate = matches / np.sqrt(np.maximum(draws, 1))
    return table.take(np.sort(np.argsort(-rate, kind="stable")[:most]))


def standing(evidence: SurvivorEvidence, draws: range) -> NDArray[np.float64]:
    """Return each survivor's log2 of prior times likelihood on `draws`, at its best noise rate."""
    best: NDArray[np.float64] = evidence.log2_prior + evidence.log2_ratios(draws).max(axis=1)
    return best


def drawn(
    standings: NDArray[np.float64], size: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return the rows of a sample: half of it the likeliest, the rest by lot from the others.

    Parameters
    ----------
    standings
        float64, shape (n,); minus infinity for a row that repeats another one's stream, which
        is never drawn.

    Returns
    -------
    NDArray
        int64, shape at most (size,), the likeliest first.
    """
    order = np.argsort(-standings, kind="stable")
    order = order[np.isfinite(standings[order])]
    top, others = order[: size // 2], order[size // 2 :]
    room = size - len(top)
    lot = others if len(others) <= room else rng.choice(others, room, replace=False)
    return np.concatenate([top, lot]).astype(np.int64)
