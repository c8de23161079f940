"""Where draws stand when words may be rejected: a bit for each word, many seeds side by side.

Of each seed, a number has a bit for every word of a window that is accepted. To take away its
lowest bit is to go one part on, and the bit that is lowest then says which word that part is. A
second number, for a wanted value, has the accepted words without that value: where the two share
the lowest bit, the part is not as wanted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import uint8, uint32

from seedfleet.generators.compiled import jitable
from seedfleet.generators.registers import CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["flagging_accepted"]

_BITS = 32  # words in a window
_NEWEST = uint32(_BITS - 1)
_ONE = uint32(1)


def flagging_accepted(
    matches: Callable[..., Any], rejects: Callable[..., Any]
) -> Callable[..., Any]:
    """Return ``flag(words, base, width, tests, flags)`` for words that may be rejected.

    A lane whose part lies beyond its window is flagged: a flag lost would be a seed lost.
    """
    enter, follow = _entering(matches, rejects), _following(matches, rejects)

    @jitable
    def flag(words: Any, base: Any, width: Any, tests: Any, flags: Any) -> None:
        (ordinals, rows, values, (low, high), lines), common = tests[1], (tests[4], tests[5][0])
        accepted, others = np.zeros(CHUNK, uint32), np.zeros((len(low), CHUNK), uint32)
        missed = np.zeros((len(flags), CHUNK), uint32)
        for line in range(min(lines, _BITS)):
            column = words[line, base : base + width]
            enter(column, uint32(line), (low, high), common, accepted, others)
        reached = 0
        for check in range(len(ordinals)):
            while reached < ordinals[check]:
                if reached + _BITS < lines:
                    column = words[reached + _BITS, base : base + width]
                    follow(column, (low, high), common, accepted, others)
                else:
                    strip(accepted)
                reached += 1
            compare(accepted, others[values[check]], missed[rows[check]])
        for row in range(len(flags)):
            for lane in range(width):
                flags[row, lane] = uint8(1) if missed[row, lane] == uint32(0) else uint8(0)

    made: Callable[..., Any] = flag
    return made


@jitable
def strip(accepted: Any) -> None:
    """Go on by one part: a number without bits stays as it is."""
    for lane in range(CHUNK):
        bits = accepted[lane]
        accepted[lane] = bits & uint32(bits - _ONE)


@jitable
def compare(accepted: Any, others: Any, missed: Any) -> None:
    """Mark the lanes whose next part is another value."""
    for lane in range(CHUNK):
        bits = accepted[lane]
        missed[lane] |= bits & uint32(uint32(0) - bits) & others[lane]


def _entering(matches: Callable[..., Any], rejects: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``enter(column, place, wanted, common, accepted, others)``: a word's bits."""

    @jitable
    def enter(
        column: Any, place: Any, wanted: Any, common: Any, accepted: Any, others: Any
    ) -> None:
        (low, high), (shared, radix), bit = wanted, common, uint32(_ONE << place)
        for lane in range(len(column)):
            accepted[lane] |= uint32(0) if rejects(column[lane], radix) else bit
        for value in range(len(low)):
            limits, row = (low[value], high[value]), others[value]
            for lane in range(len(column)):
                word = column[lane]
                row[lane] |= uint32(0) if matches(word, word, limits, shared) else bit

    made: Callable[..., Any] = enter
    return made


def _following(matches: Callable[..., Any], rejects: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``follow(column, wanted, common, accepted, others)``: a part on, and a word.

    The window moves by one word. No word before it counts: as many parts are over as words. A lane
    without a bit has met too many rejected words; it gets no more bits, so that nothing is missed.
    """

    @jitable
    def follow(column: Any, wanted: Any, common: Any, accepted: Any, others: Any) -> None:
        (low, high), (shared, radix), newest = wanted, common, uint32(_ONE << _NEWEST)
        for lane in range(len(column)):
            bits = accepted[lane]
            lost = bits == uint32(0)
            entered = uint32(0) if lost or rejects(column[lane], radix) else newest
            accepted[lane] = uint32((bits & uint32(bits - _ONE)) >> _ONE) | entered
        for value in range(len(low)):
            limits, row = (low[value], high[value]), others[value]
            for lane in range(len(column)):
                word = column[lane]
                entered = uint32(0) if matches(word, word, limits, shared) else newest
                row[lane] = uint32(row[lane] >> _ONE) | entered

    made: Callable[..., Any] = follow
    return made
