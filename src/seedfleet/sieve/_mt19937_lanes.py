"""Lanes of MT19937: 128 whole states, whose words are renewed in place when reached."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy import uint8, uint32, uint64

from seedfleet.generators.compiled import jitable
from seedfleet.generators.families.mt19937_early import MIDDLE, SIZE
from seedfleet.sieve._lanes import Lanes, part_test

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedfleet.sieve._lanes import Kind

__all__ = ["LANES", "SIZE", "whole_lanes"]

LANES = 128
_LANES = uint64(LANES)  # unsigned: an index that may be negative would not vectorise


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
