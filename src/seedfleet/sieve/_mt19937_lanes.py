"""Lanes of MT19937: 128 states side by side, or only the words that the first outputs need.

Output word ``j < 227`` needs only the initial words ``j``, ``j + 1`` and ``j + 397``. Where no later
one is looked at, a seed costs one run along the initialisation chain, most of it without storing
anything. Otherwise whole states are made, whose words are renewed in place as they are reached.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy import uint32, uint64

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


def early_lanes(kind: Kind, *functions: Callable[..., Any]) -> Lanes:  # noqa: C901 - all counted
    """Return the loops for outputs up to LAST_POSITION.

    The scratch space has ``2 * kept + 1`` rows of LANES words: the initial words 0 .. kept-1, those
    from MIDDLE on, and the end of the chain.
    """
    next_initial, twist, temper = functions[7:]
    rejects, matches = functions[4], part_test(kind, functions[3], functions[6])
    words, checking = kind.words, kind.checking

    @jitable
    def link(chain: Any, index: Any) -> None:
        number = uint32(index)  # a 64-bit index would widen the whole vector loop
        for lane in range(LANES):
            chain[lane] = next_initial(chain[lane], number)

    @jitable
    def link_and_keep(chain: Any, index: Any, kept: Any) -> None:
        number = uint32(index)
        for lane in range(LANES):  # a loop: assigning the array costs more than the links
            word = next_initial(chain[lane], number)
            chain[lane] = word
            kept[lane] = word

    @jitable
    def seed(states: Any, _here: Any, first: Any) -> None:
        kept = len(states) // 2
        chain, begin = states[2 * kept], states[0]
        for lane in range(LANES):
            word = uint32(first + uint64(lane))
            chain[lane] = word
            begin[lane] = word
        for index in range(1, kept):
            link_and_keep(chain, index, states[index])
        for index in range(kept, MIDDLE):
            link(chain, index)
        for index in range(max(kept, MIDDLE), MIDDLE + kept):
            link_and_keep(chain, index, states[kept + index - MIDDLE])

    @jitable
    def reject(seen: Any, radix: Any, forced: Any) -> None:
        for lane in range(LANES):
            word = temper(twist(seen[0][lane], seen[1][lane], seen[2][lane]))
            forced[lane] |= uint32(1) if rejects(word, radix) else uint32(0)

    @jitable
    def at(states: Any, position: Any) -> Any:
        kept = len(states) // 2
        return states[position], states[position + 1], states[kept + position]

    @jitable
    def view(states: Any, here: Any) -> Any:
        return at(states, here[0]), at(states, here[0] + words - 1)

    @jitable
    def move(states: Any, here: Any, gap: Any, radix: Any, forced: Any) -> None:
        if checking:
            for position in range(here[0] + 1, here[0] + 1 + gap[0]):
                reject(at(states, position), radix, forced)
        here[0] += gap[0]

    @jitable
    def hit(seen: Any, lane: Any, wanted: Any, shared: Any) -> Any:
        one, two = seen
        word = temper(twist(one[0][lane], one[1][lane], one[2][lane]))
        other = temper(twist(two[0][lane], two[1][lane], two[2][lane]))
        return matches(word, other, wanted, shared)

    @jitable
    def confirm(states: Any, lane: Any, row: Any, prefix: Any, shared: Any) -> bool:
        places, low, high = prefix
        for index in range(places.shape[1]):
            seen = at(states, places[row, index]), at(states, places[row, index] + words - 1)
            if not hit(seen, lane, (low[row, index], high[row, index]), shared):
                return False
        return True

    return Lanes(LANES, seed, move, view, hit, confirm)


def whole_lanes(kind: Kind, *functions: Callable[..., Any]) -> Lanes:  # noqa: C901 - all counted
    """Return the loops for outputs at any position; the scratch space is (SIZE, LANES) words."""
    next_initial, twist, temper = functions[7:]
    rejects, matches = functions[4], part_test(kind, functions[3], functions[6])
    checking = kind.checking

    @jitable
    def link(before: Any, index: Any, after: Any) -> None:
        number = uint32(index)
        for lane in range(LANES):
            after[lane] = next_initial(before[lane], number)

    @jitable
    def seed(states: Any, _here: Any, first: Any) -> None:
        begin = states[0]
        for lane in range(LANES):
            begin[lane] = uint32(first + uint64(lane))
        for index in range(1, SIZE):
            link(states[index - 1], index, states[index])

    @jitable
    def renew(first: Any, second: Any, middle: Any, radix: Any, forced: Any) -> None:
        for lane in range(LANES):
            word = twist(first[lane], second[lane], middle[lane])
            first[lane] = word
            if checking:
                forced[lane] |= uint32(1) if rejects(temper(word), radix) else uint32(0)

    @jitable
    def move(states: Any, here: Any, gap: Any, radix: Any, forced: Any) -> None:
        for _ in range(gap[0]):
            here[0] += 1
            row = here[0] % SIZE
            following, middle = states[(row + 1) % SIZE], states[(row + MIDDLE) % SIZE]
            renew(states[row], following, middle, radix, forced)

    @jitable
    def view(states: Any, here: Any) -> Any:
        row = here[0] % SIZE
        following, after = states[(row + 1) % SIZE], states[(row + 2) % SIZE]
        return states[row], following, after, states[(row + 1 + MIDDLE) % SIZE]

    @jitable
    def hit(seen: Any, lane: Any, wanted: Any, shared: Any) -> Any:
        word = temper(seen[0][lane])
        # The second word of two is not made yet; where there is none, nobody looks at it.
        other = temper(twist(seen[1][lane], seen[2][lane], seen[3][lane]))
        return matches(word, other, wanted, shared)

    @jitable
    def confirm(_states: Any, _lane: Any, _row: Any, _prefix: Any, _shared: Any) -> bool:
        return True

    return Lanes(LANES, seed, move, view, hit, confirm)
