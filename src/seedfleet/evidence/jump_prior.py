"""What the prior stakes on records that are missing inside a stream under a constant skip.

The table of `prior` says how the stake is shared.
"""

from __future__ import annotations

from math import comb, inf, log2
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["log2_jump_weight"]

_LAW_BITS = -4.0  # 1/32 of the skip laws, where a constant skip without jumps has 1/2
_RECORDS_BITS, _CALLS_BITS = -1.0, -2.0  # whole records; calls more, and calls fewer, as much each
_RECORD_OCTAVES, _CALL_OCTAVES = 8, 16


def log2_jump_weight(jumps: Sequence[tuple[int, int]], *, skip: int, draws: int) -> float:
    """Return log2 of what a constant skip with jumps weighs beside the same skip without any.

    Parameters
    ----------
    jumps
        ``(draw, outputs)``, by ascending draws of the stream, each from 1 on and below `draws`:
        before that draw so many more outputs were dropped than the skip says, or fewer.
    skip
        The constant skip.
    draws
        Draws of the whole history, at least 1.

    Returns
    -------
    float
        Bits, at most 0; ``-inf`` outside the prior's support.
    """
    if not jumps:
        return 0.0
    places = comb(draws - 1, len(jumps))
    sizes = sum(_size_bits(outputs, skip) for _, outputs in jumps)
    return -inf if places == 0 else _LAW_BITS - len(jumps) - log2(places) + sizes


def _size_bits(outputs: int, skip: int) -> float:
    """Return the share of a jump by so many outputs: one of the three kinds, by its octave."""
    records, calls = divmod(outputs, skip + 1)
    if outputs > 0 and not calls:
        return _share_bits(_RECORDS_BITS, records, _RECORD_OCTAVES)
    if outputs < -skip or not outputs:
        return -inf
    return _share_bits(_CALLS_BITS, abs(outputs), _CALL_OCTAVES)


def _share_bits(kind_bits: float, number: int, octaves: int) -> float:
    octave = number.bit_length() - 1
    return -inf if octave >= octaves else kind_bits - log2(octaves) - octave
