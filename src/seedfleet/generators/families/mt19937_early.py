"""MT19937's first words for many seeds: chains of initial words side by side.

Word ``j < 227`` mixes the initial words ``j``, ``j + 1`` and ``j + 397``; a word beyond mixes two
initial ones and word ``j - 227``. The last word of the first block, 623, would need a renewed
neighbour too and is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import uint32, uint64

from seedfleet.generators.compiled import jitable

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["COUNT", "MIDDLE", "SIZE", "by_array_factory", "by_chain_factory"]

SIZE = 624
MIDDLE = 397  # word j of the next block mixes words j, j + 1 and j + MIDDLE of this one
COUNT = SIZE - 1
_REACH = SIZE - MIDDLE  # from this word on, a renewed word is mixed in
_CHAINS = 128  # lanes whose chain and kept words stay in the first-level cache
_STATES = 256  # whole states: so many hide how one word waits for the word before


def by_chain_factory(  # noqa: C901 - its inner functions are counted in
    digest: str,
    first_word: Callable[..., Any],
    next_initial: Callable[..., Any],
    twist: Callable[..., Any],
    temper: Callable[..., Any],
) -> Callable[..., Any]:
    """Return ``fill`` for initial words that follow from the one before; only those needed stay."""
    lanes = uint64(_CHAINS)
    emit = _emitting(_CHAINS, twist, temper)
    jitable(needed)  # here and not above, where it would load the compiler with this module

    # Nothing but the chain is stored in the loop of `link`: then it stays in registers.

    @jitable
    def link(begin: Any, end: Any, rows: Any) -> None:
        for index in range(begin, end):
            number = uint32(index)  # a 64-bit index would widen the whole vector loop
            for lane in range(lanes):
                rows[lane] = next_initial(rows[lane], number)

    @jitable
    def keep(slot: Any, rows: Any) -> None:
        kept = uint64(slot) * lanes
        for lane in range(lanes):
            rows[kept + lane] = rows[lane]

    @jitable
    def chain_words(first: Any, last: Any, slots: Any, rows: Any) -> None:
        """Keep row 0 for the end of the chain, row ``slots[i]`` for initial word i."""
        for lane in range(lanes):
            rows[lane] = first_word(first + lane)
        index = 0
        while index < last:
            if slots[index] > 0:
                keep(slots[index], rows)
            following = index + 1
            while slots[following] == 0:
                following += 1
            link(index + 1, following + 1, rows)
            index = following
        keep(slots[last], rows)

    def fill(first: Any, positions: Any, words: Any) -> None:
        _ = digest
        slots, kept, last = needed(positions)
        rows = np.empty((kept + 1) * _CHAINS, uint32)
        for base in range(0, words.shape[1], _CHAINS):
            chain_words(first + uint64(base), last, slots, rows)
            emit(rows, slots, positions, words, base)

    return fill


def by_array_factory(  # noqa: C901 - its inner functions are counted in
    digest: str,
    next_initial: Callable[..., Any],
    next_by_key: Callable[..., Any],
    next_by_index: Callable[..., Any],
    twist: Callable[..., Any],
    temper: Callable[..., Any],
) -> Callable[..., Any]:
    """Return ``fill`` for ``init_by_array`` over the one or two words of a 64-bit seed."""
    lanes = uint64(_STATES)
    emit = _emitting(_STATES, twist, temper)
    jitable(second_key)

    # A row and the one before it, at a distance that the compiler knows: told by two numbers, it
    # would have to ask at run time whether they overlap.

    @jitable
    def by_only_key(first: Any, before: Any, at: Any, rows: Any) -> None:
        low = uint32(first)
        for lane in range(lanes):
            key = uint32(low + uint32(lane))
            rows[at + lane] = next_by_key(before, rows[at - lanes + lane], key)

    @jitable
    def by_second_key(first: Any, before: Any, at: Any, rows: Any) -> None:
        for lane in range(lanes):
            key = second_key(first + lane)
            rows[at + lane] = next_by_key(before, rows[at - lanes + lane], key)

    @jitable
    def by_index(index: Any, rows: Any) -> None:
        at, number = uint64(index) * lanes, uint32(index)
        for lane in range(lanes):
            rows[at + lane] = next_by_index(rows[at + lane], rows[at - lanes + lane], number)

    @jitable
    def keyed(first: Any, before: Any, rows: Any) -> None:
        for lane in range(lanes):
            rows[lane] = before[0]
        two_words = (first | (first + (lanes - uint64(1)))) >> uint64(32) > 0
        for index in range(1, SIZE):
            at, word = uint64(index) * lanes, before[index]
            if two_words and index % 2 == 0:
                by_second_key(first, word, at, rows)
            else:
                by_only_key(first, word, at, rows)

    @jitable
    def indexed(first: Any, rows: Any) -> None:
        """Take the last turn of the keys, at word 1 again, then the second round."""
        last = uint64(SIZE - 1) * lanes
        for lane in range(lanes):
            key = second_key(first + lane)
            rows[lanes + lane] = next_by_key(rows[lanes + lane], rows[last + lane], key)
        for index in range(2, SIZE):
            by_index(index, rows)
        for lane in range(lanes):
            word = next_by_index(rows[lanes + lane], rows[last + lane], uint32(1))
            rows[lanes + lane] = word
            rows[lane] = uint32(0x80000000)

    def fill(first: Any, positions: Any, words: Any) -> None:
        _ = digest
        before = np.empty(SIZE, uint32)
        before[0] = uint32(19650218)
        for index in range(1, SIZE):
            before[index] = next_initial(before[index - 1], uint32(index))
        slots = np.arange(SIZE)
        rows = np.empty(SIZE * _STATES, uint32)
        for base in range(0, words.shape[1], _STATES):
            keyed(first + uint64(base), before, rows)
            indexed(first + uint64(base), rows)
            emit(rows, slots, positions, words, base)

    return fill


def second_key(seed: Any) -> Any:
    """Return the key of every other turn: word 1 and its index, or word 0 where that is all."""
    high = uint32(uint64(seed) >> uint64(32))
    return uint32(high + uint32(1)) if high > 0 else uint32(seed)


def needed(positions: Any) -> Any:
    """Return a row from 1 on for each initial word needed, how many there are, and the last."""
    slots = np.zeros(SIZE, np.int64)
    for position in positions:
        for mixed in range(position % _REACH, position + 1, _REACH):
            slots[mixed] = 1
            slots[mixed + 1] = 1
        slots[position % _REACH + MIDDLE] = 1
    kept, last = 0, 0
    for index in range(SIZE):
        if slots[index] > 0:
            kept, last = kept + 1, index
            slots[index] = kept
    return slots, kept, last


def _emitting(
    width: int, twist: Callable[..., Any], temper: Callable[..., Any]
) -> Callable[..., Any]:
    """Return ``emit(rows, slots, positions, words, base)``: output words from initial ones."""
    lanes = uint64(width)

    @jitable
    def emit_first(rows: Any, places: Any, words: Any) -> None:
        """Make a word that mixes no renewed one, in one loop."""
        at, after, middle = places
        for lane in range(uint64(len(words))):  # a signed index would have to be looked at
            words[lane] = temper(twist(rows[at + lane], rows[after + lane], rows[middle + lane]))

    @jitable
    def emit(rows: Any, slots: Any, positions: Any, words: Any, base: Any) -> None:
        out = np.empty(width, uint32)
        count = min(width, words.shape[1] - base)
        for place in range(len(positions)):
            start = positions[place] % _REACH
            middle = uint64(slots[start + MIDDLE]) * lanes
            if start == positions[place]:
                at, after = uint64(slots[start]) * lanes, uint64(slots[start + 1]) * lanes
                emit_first(rows, (at, after, middle), words[place, base : base + count])
                continue
            for lane in range(lanes):
                out[lane] = rows[middle + lane]
            for mixed in range(start, positions[place] + 1, _REACH):
                at, after = uint64(slots[mixed]) * lanes, uint64(slots[mixed + 1]) * lanes
                for lane in range(lanes):
                    out[lane] = twist(rows[at + lane], rows[after + lane], out[lane])
            for lane in range(count):
                words[place, base + lane] = temper(out[lane])

    made: Callable[..., Any] = emit
    return made
