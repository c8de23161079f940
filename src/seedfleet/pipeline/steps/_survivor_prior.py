"""What the prior stakes on each row of a table of survivors, and which of equal rows counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence.jump_prior import log2_jump_weight
from seedfleet.evidence.stakes import Bets, log2_stakes
from seedfleet.pipeline.steps.survivor_legs import legs_of

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
    for preset in np.unique(table.rows["preset"]):
        chosen = np.flatnonzero(table.rows["preset"] == preset)
        own = table.take(chosen)
        bets = _bets(own, (own.rows["origin"] == 0) & last[chosen])
        log2_prior[chosen] = log2_stakes(bets, division)
    return np.maximum(log2_prior, _log2_of_legs(table, division, last))


def _log2_of_legs(
    table: SurvivorTable, division: Division, last: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return what is staked on rows that go on after a jump, as a stream with jumps.

    That is another stake than the one on a stream that begins with such a row at a late offset, so
    that each row may have the larger of its two; ``-inf`` for all other rows.
    """
    stakes = np.full(len(table), -np.inf)
    for row, leg in legs_of(table).items():
        first = table.take(np.array([leg.first]))
        whole = (first.rows["origin"] == 0) & last[row]
        (stake,) = log2_stakes(_bets(first, whole), division)
        skip = int(table.rows["skip_max"][row])
        stakes[row] = stake + log2_jump_weight(leg.jumps, skip=skip, draws=division.draws)
    return stakes


def _bets(own: SurvivorTable, whole: NDArray[np.bool_]) -> Bets:
    """Return the bets on rows of one preset."""
    alignments = [own.rows[name] for name in ("offset", "skip_min", "skip_max")]
    return Bets(
        own.stream(int(own.rows["preset"][0])),
        own.rows["seed"],
        np.stack(alignments, axis=1),
        whole,
        own.states,
        len(own.sessions) or None,
    )


def counted_once(digests: NDArray[np.uint64], log2_prior: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which rows count: of those with equal digests the one with the largest stake."""
    order = np.argsort(-log2_prior, kind="stable")
    _, first = np.unique(digests[order], return_index=True)
    counted = np.zeros(len(digests), bool)
    counted[order[first]] = True
    return counted
