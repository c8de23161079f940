"""Samples of survivors for what need not see them all: the likeliest, and some of the others.

No two rows of a sample are of one stream. Rows that explain the same draws, rows of one seed and
shifted copies of one stream would say the same thing many times, and a setting or a model that
knows one of them has seen the answer for the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seedfleet.pipeline.steps.stream_groups import stream_groups

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedfleet.pipeline.steps.survivor_evidence import SurvivorEvidence
    from seedfleet.pipeline.steps.survivor_table import SurvivorTable

__all__ = ["drawn", "most_matches", "standing"]


def most_matches(table: SurvivorTable, most: int) -> NDArray[np.int64]:
    """Return the indexes of at most so many rows, those that match most, ascending.

    Cheap, and only for tables so large that looking at each row's later draws would not be.
    """
    if len(table) <= most:
        return np.arange(len(table))
    rows = table.rows
    matches = rows["forward_matches"].astype(np.int64) + rows["reverse_matches"]
    draws = rows["forward_draws"].astype(np.int64) + rows["reverse_draws"]
    rate = matches / np.sqrt(np.maximum(draws, 1))
    return np.sort(np.argsort(-rate, kind="stable")[:most])


def standing(evidence: SurvivorEvidence, draws: range) -> NDArray[np.float64]:
    """Return each survivor's log2 of prior times likelihood on `draws`, at its best noise rate.

    Returns
    -------
    NDArray
        float64, shape (n,); minus infinity for a row that repeats another one's stream.
    """
    best: NDArray[np.float64] = evidence.log2_prior + evidence.log2_ratios(draws).max(axis=1)
    return best


def drawn(
    evidence: SurvivorEvidence, draws: range, size: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return the rows of a sample: half of it the likeliest, the rest by lot from the others.

    Parameters
    ----------
    draws
        What likelihood is known on.
    size
        Most rows; copies of a stream are taken out after the drawing, the likeliest stays.

    Returns
    -------
    NDArray
        int64, shape at most (size,), the likeliest first. O(size) streams of some hundred values.
    """
    standings = standing(evidence, draws)
    order = np.argsort(-standings, kind="stable")
    order = order[np.isfinite(standings[order])]
    top, others = order[: size // 2], order[size // 2 :]
    room = size - len(top)
    lot = others if len(others) <= room else np.sort(rng.choice(others, room, replace=False))
    rows = np.concatenate([top, lot])
    rows = rows[np.argsort(-standings[rows], kind="stable")].astype(np.int64)
    _, first = np.unique(
        stream_groups(evidence.table.take(rows), evidence.modulus), return_index=True
    )
    return rows[np.sort(first)]
