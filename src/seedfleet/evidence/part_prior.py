"""What the prior stakes on a part of a history: which draws one stream would have made.

The table of `prior` says how the stake is shared among sessions, machines and segments.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Division", "log2_part_weight"]


@dataclass(frozen=True)
class Division:
    """Into what a history can be divided, as its file says; the draws' values have no say.

    Attributes
    ----------
    draws
        Draws of the whole history, at least 1.
    sessions, machines
        How many of them there are; 1 where the file names none. Draws that name none beside others
        that do are one more.
    """

    draws: int
    sessions: int = 1
    machines: int = 1

    @classmethod
    def of(cls, sessions: Sequence[str | None], machines: Sequence[str | None]) -> Division:
        """Return that of a history, from the session and the machine of each of its draws."""
        return cls(len(sessions), len(set(sessions)), len(set(machines)))

    @property
    def stretches(self) -> int:
        """Stretches of neighbouring draws, other than all of them."""
        return self.draws * (self.draws + 1) // 2 - 1


def log2_part_weight(
    division: Division, *, sessions: int | None = None, machines: int | None = None, whole: bool
) -> float:
    """Return log2 of the prior weight of one part of a history.

    Parameters
    ----------
    division
        Of the history.
    sessions, machines
        How many of the division's sessions, or of its machines, share the stream: at least 1. At
        most one of the two is given; with neither, or with all there are, it is all draws.
    whole
        Whether the stream made all draws of these sessions or machines. Else it made one stretch
        of neighbouring ones, other than all.

    Returns
    -------
    float
        Bits, at most 0.

    Raises
    ------
    ValueError
        Both are given.
    """
    segment_bits = -1.0 if whole else -1.0 - log2(division.stretches)
    if sessions is not None and machines is not None:
        raise ValueError("a part is of sessions or of machines, not of both")
    kinds = sum(count > 1 for count in (division.sessions, division.machines))
    count, chosen = division.sessions, sessions
    if machines is not None:
        count, chosen = division.machines, machines
    if kinds == 0:
        return segment_bits
    if chosen is None or count <= 1 or chosen == count:
        return segment_bits - 1.0
    return segment_bits - 1.0 - log2(kinds) + _choice_bits(count, chosen)


def _choice_bits(count: int, chosen: int) -> float:
    """Return the share of one choice among all of 1 to `count` - 1, in bits."""
    if count == 2:
        return -1.0
    others = 2**count - count - 2  # neither none, nor one, nor all
    return -1.0 - log2(count if chosen == 1 else others)
