"""Lanes of MT19937: 128 states side by side, or only the words that the first outputs need.

Output word ``j < 227`` needs only the initial words ``j``, ``j + 1`` and ``j + 397``. Where no
later one is looked at, a seed costs one run along the initialisation chain, most of it without
storing anything. Otherwise whole states are made, whose words are renewed in place when reached.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import uint8, uint32, uint64

from seedfleet.generators.compiled import jitable
from seedfleet.generators.families.mt19937 import MIDDLE
from seedfleet.sieve._lanes import Lanes, part_test

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedfleet.sieve._lanes import Kind

__all__ = ["LANES", "LAST_POSITION", "SIZE", "early_lanes", "whole_lanes"]

SIZE = 624
LAST_POSITION = SIZE - MIDDLE - 1  # from word 227 on, a word of the new block would be needed
LANES = 128
_LANES = uint64(LANES)  # unsigned: an index that may be negative would not vectorise


def early_lanes(  # noqa: C901 - its inner functions are counted in
    kind: Kind, *functions: Callable[..., Any]
) -> Lanes:
    """Return the loops for outputs up to LAST_POSITION.

    The scratch space has ``2 * kept + 1`` times LANES words: the initial words 0 .. kept-1, those
    from MIDDLE on, and the end of the chain.
    """
    value, rejects, test = functions[3], functions[4], functions[6]
    first_word, next_initial, twist, temper = functions[7:]
    checking, two_words, matches = kind.checking, kind.words == 2, part_test(kind, value, test)

    @jitable
    def link(states: Any, chain: Any, index: Any) -> None:
        number = uint32(index)  # a 64-bit index would widen the whole vector loop
        for lane in range(_LANES):
            states[chain + lane] = next_initial(states[chain + lane], number)

    @jitable
    def link_and_keep(states: Any, chain: Any, index: Any, kept: Any) -> None:
        number = uint32(index)
        for lane in range(_LANES):  # a loop: assigning the array costs more than the links
            word = next_initial(states[chain + lane], number)
            states[chain + lane] = word
            states[kept + lane] = word

    @jitable
    def seed(states: Any, first: Any) -> None:
        kept = len(states) // LANES // 2
        chain = uint64(2 * kept) * _LANES
        for lane in range(_LANES):
            word = first_word(first + lane)
            states[chain + lane] = word
            states[lane] = word
        for index in range(1, kept):
            link_and_keep(states, chain, index, uint64(index) * _LANES)
        for index in range(kept, MIDDLE):
            link(states, chain, index)
        for index in range(max(kept, MIDDLE), MIDDLE + kept):
            link_and_keep(states, chain, index, uint64(kept + index - MIDDLE) * _LANES)

    @jitable
    def word_at(states: Any, position: Any, lane: Any) -> Any:
        at = uint64(position) * _LANES + uint64(lane)
        middle = at + uint64(len(states) // LANES // 2) * _LANES
        return temper(twist(states[at], states[at + _LANES], states[middle]))

    @jitable
    def move(states: Any, before: Any, place: Any, radix: Any, forced: Any) -> None:
        if checking:
            for position in range(before + 1, place[1] + 1):
                for lane in range(LANES):
                    rejected = rejects(word_at(states, position, lane), radix)
                    forced[lane] |= uint8(1) if rejected else uint8(0)

    @jitable
    def hit(states: Any, place: Any, lane: Any, wanted: Any, shared: Any) -> Any:
        word = word_at(states, place[1], lane)
        other = word_at(states, place[1] + 1, lane) if two_words else word
        return matches(word, other, wanted, shared)

    @jitable
    def confirm(states: Any, _start: Any, lane: Any, leaps: Any, limits: Any, common: Any) -> bool:
        shared, radix = common
        reached = np.int64(-1)
        for part in range(len(leaps)):
            there = (uint64(0), np.int64(leaps[part, 0]), uint64(0), uint64(0))
            while checking and reached < there[1]:
                reached += 1
                if rejects(word_at(states, reached, lane), radix):
                    return True  # the words behind it stand elsewhere: for a decision to tell
            if not hit(states, there, lane, (limits[part, 0], limits[part, 1]), shared):
                return False
        return True

    return Lanes(LANES, seed, move, hit, confirm)


def whole_lanes(  # noqa: C901 - its inner functions are counted in
    kind: Kind, *functions: Callable[..., Any]
) -> Lanes:
    """Return the loops for outputs at any position; the scratch space is SIZE * LANES words."""
    value, rejects, test = functions[3], functions[4], functions[6]
    first_word, next_initial, twist, temper = functions[7:]
    checking, two_words, matches = kind.checking, kind.words == 2, part_test(kind, value, test)

    @jitable
    def seed(states: Any, first: Any) -> None:
        for lane in range(_LANES):
            states[lane] = first_word(first + lane)
        for index in range(1, SIZE):
            number, at = uint32(index), uint64(index) * _LANES
            for lane in range(_LANES):
                states[at + lane] = next_initial(states[at - _LANES + lane], number)

    @jitable
    def renewed(states: Any, position: Any, lane: Any) -> Any:
        """Return state word `position`, the next one to be renewed, as it will be."""
        at = uint64(position % SIZE) * _LANES
        after = uint64((position + 1) % SIZE) * _LANES
        middle = uint64((position + MIDDLE) % SIZE) * _LANES
        return twist(states[at + lane], states[after + lane], states[middle + lane])

    @jitable
    def move(states: Any, before: Any, place: Any, radix: Any, forced: Any) -> None:
        for position in range(before + 1, place[1] + 1):
            at = uint64(position % SIZE) * _LANES
            for lane in range(_LANES):
                word = renewed(states, position, lane)
                states[at + lane] = word
                if checking:
                    forced[lane] |= uint8(1) if rejects(temper(word), radix) else uint8(0)

    @jitable
    def hit(states: Any, place: Any, lane: Any, wanted: Any, shared: Any) -> Any:
        position, at = place[1], uint64(lane)
        word = temper(states[uint64(position % SIZE) * _LANES + at])
        # The second word of two is not made yet.
        other = temper(renewed(states, position + 1, at)) if two_words else word
        return matches(word, other, wanted, shared)

    @jitable
    def confirm(
        _states: Any, _start: Any, _lane: Any, _leaps: Any, _limits: Any, _common: Any
    ) -> bool:
        return True

    return Lanes(LANES, seed, move, hit, confirm)
