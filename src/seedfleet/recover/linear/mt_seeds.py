"""From a whole state of MT19937 back to the seed, for every seeding and both twists.

The words of all blocks are one sequence, in which each follows from the two 624 and 623 places
before and the one 227 before, and backwards likewise. Where 624 words in a row are those of a
seeding, one of them gives the seed. Seedings are undone by the functions that define them.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.generators.families.mt19937 import (
    MT19937,
    MT19937_BY_ARRAY,
    MT19937_PHP_520,
    MT19937_PHP_521,
    next_by_index,
    next_by_key,
    next_initial,
)
from seedfleet.generators.families.mt19937_early import MIDDLE, SIZE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from seedfleet.generators import Generator

__all__ = ["WORDS_BACK", "seed_of_block"]

WORDS_BACK = 1000 * SIZE  # among which a seed is looked for, unless told otherwise
_MIX = np.uint32(0x9908B0DF)  # what a twist adds where its low bit is set
_STRETCH = MIDDLE - 1  # words that are undone at once
_INDEX = 8  # of the word by which a seeding's block is told from others


def seed_of_block(
    generator: Generator, words: tuple[int, ...], *, back: int = WORDS_BACK
) -> tuple[int, int] | None:
    """Return the seed behind a state, and how many words it had made before.

    Parameters
    ----------
    generator
        One of the definitions of MT19937.
    words
        The 624 words of the state at position 0; what the twist does not use of the first does not
        matter.
    back
        Words that may have been made before. O(back).

    Returns
    -------
    tuple or None
        ``(seed, steps)``: the state is `steps` after that seed's. None where no seed leads there.
    """
    history = _with_words_before(generator, np.array(words[:SIZE], dtype=np.uint32), back)
    for start in reversed(_seeded_blocks(generator, history)):
        block = history[start : start + SIZE]
        for seed in _candidates(generator, block):
            if _leads_to(generator, seed, block):
                return seed, back - start
    return None


def _own_bits(generator: Generator) -> np.uint32:
    """Return the bits of a word that its own twist uses; the next one's twist uses the others."""
    return np.uint32(0x80000001 if generator.step is MT19937_PHP_521.step else 0x80000000)


def _with_words_before(
    generator: Generator, block: NDArray[np.uint32], back: int
) -> NDArray[np.uint32]:
    """Return the `back` words before a block, and those of the block."""
    words = np.empty(back + SIZE, dtype=np.uint32)
    words[back:] = block
    own = _own_bits(generator)
    words[back] = (block[0] & own) | (_joined(words, back - 1, back)[0] & ~own)
    known = back
    while known > 0:
        start = max(0, known - _STRETCH)
        joined = _joined(words, start - 1, known)
        words[start:known] = (joined[1:] & own) | (joined[:-1] & ~own)
        known = start
    return words


def _joined(words: NDArray[np.uint32], start: int, end: int) -> NDArray[np.uint32]:
    """Undo the twists of words `start` to `end`: their own bits beside the next words' others."""
    added = words[start + SIZE : end + SIZE] ^ words[start + MIDDLE : end + MIDDLE]
    low_bit = added >> np.uint32(31)  # only the mix sets the highest one
    return ((added ^ (low_bit * _MIX)) << np.uint32(1)) | low_bit


def _seeded_blocks(generator: Generator, words: NDArray[np.uint32]) -> list[int]:
    """Return where blocks begin whose word _INDEX is as the seeding makes it from earlier ones."""

    def column(index: int) -> NDArray[np.uint32]:
        return words[index : len(words) - SIZE + index + 1]

    if generator.seed_state is MT19937_BY_ARRAY.seed_state:
        early, late = (_key_word(column, index) for index in (_INDEX - 2, _INDEX))
        agree: NDArray[np.bool_] = early == late
    elif generator.seed_state is MT19937_PHP_520.seed_state:
        agree = column(_INDEX) == column(_INDEX - 1) * _product()
    else:
        agree = column(_INDEX) == next_initial(column(_INDEX - 1), _INDEX)
    return np.flatnonzero(agree).tolist()


def _product() -> np.uint32:
    """Return the multiplier of the seeding that is nothing but a product."""
    with np.errstate(over="ignore"):
        first: np.uint32 = MT19937_PHP_520.seed_state(np.uint64(1))[1]
    return first


@cache
def _start_of_by_array() -> Any:
    """Return the state from which ``init_by_array`` starts."""
    with np.errstate(over="ignore"):
        return MT19937.seed_state(np.uint64(19650218))


def _key_word(column: Any, index: int) -> Any:
    """Undo ``init_by_array`` at a word, index 4 or more: the key word that it took."""
    before = _after_first_round(column, index - 1)
    found = _after_first_round(column, index)
    return found - next_by_key(_start_of_by_array()[index], before, np.uint32(0))


def _after_first_round(column: Any, index: int) -> Any:
    mixed = next_by_index(np.uint32(0), column(index - 1), 0)
    return (column(index) + np.uint32(index)) ^ mixed


def _candidates(generator: Generator, block: NDArray[np.uint32]) -> Iterator[int]:
    if generator.seed_state is MT19937_BY_ARRAY.seed_state:
        with np.errstate(over="ignore"):
            high, low = (int(_key_word(block.__getitem__, index)) for index in (4, 5))
        yield low  # a lone key word is used every time
        yield low | (high - 1) % 2**32 << 32
        return
    plain = generator.seed_state is MT19937_PHP_520.seed_state
    multiplier = int(_product()) if plain else int(next_initial(np.uint32(1), 0))
    mixed = (int(block[1]) - (not plain)) * pow(multiplier, -1, 2**32) % 2**32
    yield mixed if plain else mixed ^ (mixed >> 30)


def _leads_to(generator: Generator, seed: int, block: NDArray[np.uint32]) -> bool:
    with np.errstate(over="ignore"):
        state = generator.seed_state(np.uint64(seed))
    same_first = (state[0] ^ block[0]) & _own_bits(generator) == 0
    return bool(same_first) and np.array_equal(state[1:SIZE], block[1:])
