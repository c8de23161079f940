"""A seed of MT19937 is read off a state any number of words behind it."""

from functools import cache

import numpy as np
import pytest

from seedfleet.generators import Generator
from seedfleet.generators.families.mt19937 import (
    MT19937,
    MT19937_BY_ARRAY,
    MT19937_PHP_520,
    MT19937_PHP_521,
)
from seedfleet.recover.linear.mt_seeds import _with_words_before as with_words_before
from seedfleet.recover.linear.mt_seeds import seed_of_block
from seedfleet.recover.linear.states import seed_before

_SIZE = 624


@cache
def turned_states(generator: Generator, seed: int) -> dict[int, tuple[int, ...]]:
    """Return states at position 0, by the words made before, with what no twist uses flipped."""
    states = {}
    dead = np.uint32(0x7FFFFFFE if generator is MT19937_PHP_521 else 0x7FFFFFFF)
    with np.errstate(over="ignore"):
        state = generator.seed_state(np.uint64(seed))
        for steps in range(1300):
            if steps in {0, 1, 396, 397, 623, 624, 1299}:
                position = int(state[_SIZE])
                words = np.roll(state[:_SIZE], -position)
                words[0] ^= dead
                states[steps] = tuple(words.tolist())
            state = generator.step(state)
    return states


@pytest.mark.slow
@pytest.mark.parametrize(
    ("generator", "seed"),
    [
        (MT19937, 0),
        (MT19937, 2**32 - 1),
        (MT19937_PHP_521, 5489),
        (MT19937_PHP_520, 12345),  # odd: the even one below it gives the same
        (MT19937_BY_ARRAY, 0),
        (MT19937_BY_ARRAY, 2**32 - 1),
        (MT19937_BY_ARRAY, 2**32),
        (MT19937_BY_ARRAY, 2**64 - 1),
    ],
)
def test_seed_and_steps(generator: Generator, seed: int) -> None:
    for steps, words in turned_states(generator, seed).items():
        assert seed_of_block(generator, words, back=1500) == (seed, steps)


def test_no_further_back_than_asked() -> None:
    words = turned_states(MT19937, 7)[624]
    assert seed_of_block(MT19937, words, back=624) == (7, 624)
    assert seed_of_block(MT19937, words, back=623) is None


@pytest.mark.slow
@pytest.mark.parametrize("generator", [MT19937, MT19937_BY_ARRAY, MT19937_PHP_521, MT19937_PHP_520])
def test_no_seed_behind_a_changed_word(generator: Generator) -> None:
    words = list(turned_states(generator, 77)[1])
    words[300] ^= 1 << 5
    assert seed_of_block(generator, tuple(words), back=1500) is None


@pytest.mark.slow
@pytest.mark.parametrize("generator", [MT19937, MT19937_BY_ARRAY, MT19937_PHP_521, MT19937_PHP_520])
def test_a_seed_that_is_set_after_the_state(generator: Generator) -> None:
    """As where a first draw is taken for one behind its skip that came before it."""
    block = np.array(turned_states(generator, 12345)[0], dtype=np.uint32)
    before = tuple(with_words_before(generator, block, 5)[:_SIZE].tolist())
    assert seed_before(generator, before, ahead=5) == (12345, -5)
    assert seed_before(generator, before, ahead=700) == (12345, -5)
    assert seed_before(generator, before, ahead=4) is None
