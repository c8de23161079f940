"""From a whole state of MT19937 back to the seed, for every seeding and both twists.

The words of all blocks are one sequence, in which a word follows from those 624, 623 and 227 places
before; backwards it runs as well. Where 624 words in a row are what a seeding leaves, an earlier
one of them gives the seed. Seedings and twists are undone as the definition makes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.generators.families.mt19937 import (
    MIDDLE,
    MT19937_BY_ARRAY,
    MT19937_PHP_520,
    MT19937_PHP_521,
    next_by_index,
    next_by_key,
    next_initial,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from seedfleet.generators import Generator

__all__ = ["seed_of_block"]

_SIZE = 624
_MIX = np.uint32(0x9908B0DF)  # what the twist adds where its low bit is set
_INITIAL, _BY_KEY, _BY_INDEX = 1812433253, 1664525, 1566083941
_CHECKED = range(8, 40)  # words by which a block is told from one that no seeding leaves
_STRETCH = MIDDLE - 1  # words that can be undone at once


def seed_of_block(
    generator: Generator, words: tuple[int, ...], *, back: int = 1000 * _SIZE
) -> tuple[int, int] | None:
    """Return the seed behind a state, and how many words it had made before.

    Parameters
    ----------
    generator
        One of the definitions of MT19937.
    words
        The 624 words of the state at position 0; the low 31 bits of the first do not matter.
    back
        Words before the state that may have been made. O(back).

    Returns
    -------
    tuple or None
        ``(seed, steps)``: the state `steps` after that canonical seed's. None where no seed leads
        there.
    """
    history = _words_before(generator, np.array(words[:_SIZE], dtype=np.uint32), back)
    for start in _candidate_blocks(generator, history):
        block = history[start : start + _SIZE]
        for seed in _seeds(generator, block):
            if _leads_to(generator, seed, block):
                return seed, len(history) - _SIZE - start
    return None


def _words_before(
    generator: Generator, block: NDArray[np.uint32], back: int
) -> NDArray[np.uint32]:
    """Return the words before a block and those of the block, in order.

    The very first is known in part, as is the block's; that one is completed from those before.
    """
    words = np.empty(back + _SIZE, dtype=np.uint32)
    words[back:] = block
    old_php = generator.step is MT19937_PHP_521.step
    # Word k shows in what its twist added to the one MIDDLE on, and in what word k - 1's did.
    own = np.uint32(0x80000001 if old_php else 0x80000000)
    for end in range(back + 1, 0, -_STRETCH):
        start = max(0, end - _STRETCH)
        joined = _untwisted(words, start, end, old_php=old_php)
        before = _untwisted(words, max(0, start - 1), end - 1, old_php=old_php)
        before = before if start > 0 else np.concatenate([np.zeros(1, np.uint32), before])
        kept = words[start:end].copy() if end == back + 1 else joined
        words[start:end] = (joined & own) | (before & ~own)
        _ = kept
    return words
