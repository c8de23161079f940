"""What the published prior stakes on many streams at once: the one place where bets are weighed.

`prior`, `part_prior` and `start_prior` hold the factors; here they are multiplied.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence.part_prior import log2_part_weight
from seedfleet.evidence.prior import NULL_WEIGHT, log2_alignment_weight
from seedfleet.evidence.start_prior import seed_odds, state_odds
from seedfleet.generators import AtState, presets_of
from seedfleet.generators.start import state_bits

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from seedfleet.evidence.part_prior import Division
    from seedfleet.generators import Generator, Start, Stream

__all__ = ["Bets", "log2_stakes", "start_odds"]

_SMALL = 2**32  # seeds below it may weigh more than others (`start_prior`)


@dataclass(frozen=True, eq=False)
class Bets:
    """Starts of one stream under alignments, each said to have made some of the draws.

    Attributes
    ----------
    stream
        Generator and bounding.
    seeds
        uint64 array, shape (n,).
    alignments
        int64 array, shape (n, 3): offset, least and most skip; skips from 0 on, offsets too, or
        from ``-skip`` on where the skip is constant, which it is where the last two are equal.
    whole
        bool array, shape (n,): whether it made all draws of its sessions, or one stretch of them.
    stateful
        Rows that begin in a state; their seeds mean nothing.
    sessions
        How many of the history's sessions share the stream; None for all draws.
    """

    stream: Stream
    seeds: NDArray[np.uint64]
    alignments: NDArray[np.int64]
    whole: NDArray[np.bool_]
    stateful: Collection[int] = ()
    sessions: int | None = None


def start_odds(generator: Generator, start: Start) -> int:
    """Return one over the prior weight of a start among all starts of its generator."""
    if isinstance(start, AtState):
        return state_odds(state_bits(generator))
    return seed_odds(generator.seed_count, start)


def log2_stakes(bets: Bets, division: Division) -> NDArray[np.float64]:
    """Return log2 of the stake on each bet, at all noise rates together.

    With `NULL_WEIGHT` on the null the stakes on everything that there could be sum to at most 1.

    Parameters
    ----------
    division
        Of the whole history.

    Returns
    -------
    NDArray
        float64 array, shape (n,); ``-inf`` outside the prior's support. O(n log n).
    """
    asked = np.column_stack([bets.alignments, bets.whole]).astype(np.int64)
    kinds, which = np.unique(asked, axis=0, return_inverse=True)
    weights = [_log2_alignment(bets, division, kind) for kind in kinds.tolist()]
    generator = bets.stream.generator
    small, large = (log2(seed_odds(generator.seed_count, seed)) for seed in (0, _SMALL))
    start_bits = np.where(bets.seeds < _SMALL, small, large)
    if bets.stateful:
        start_bits[list(bets.stateful)] = log2(state_odds(state_bits(generator)))
    stakes: NDArray[np.float64] = np.array(weights)[which.reshape(-1)] - start_bits
    return log2(1 - NULL_WEIGHT) + stakes


def _log2_alignment(bets: Bets, division: Division, kind: list[int]) -> float:
    offset, skip_min, skip_max, whole = kind
    return log2_alignment_weight(
        presets=len(presets_of(bets.stream)),
        skip_min=skip_min,
        skip_max=skip_max,
        offset=offset,
        part_bits=log2_part_weight(division, sessions=bets.sessions, whole=bool(whole)),
    )
