"""Seeds that give one stream, the one that stands for them, and the one behind a state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedfleet.generators.start import start_words

if TYPE_CHECKING:
    from seedfleet.generators.definition import Generator
    from seedfleet.generators.start import AtState

__all__ = ["canonical_seed", "distance_from_0", "seed_of_state"]


def canonical_seed(generator: Generator, seed: int) -> int | None:
    """Return the canonical seed with the stream of `seed`, where it is found.

    Parameters
    ----------
    seed
        In ``[0, 2**64)``; a canonical one is returned as it is. None where the ways in which known
        generators give one stream to two seeds lead to none. O(1) states.
    """
    if seed in generator.seeds:
        return seed
    state = start_words(generator, seed)
    likely = (
        seed % generator.seed_modulus,
        2**generator.seed_bits - seed,  # where |seed| counts
        generator.seeds.start,  # where 0 becomes another
        generator.seeds.stop - 1,  # where |seed| is cut to the largest
        seed % 2 ** (generator.seed_bits - 1),  # where the top bit does not count
    )
    same = (twin for twin in likely if twin in generator.seeds)
    return next((twin for twin in same if start_words(generator, twin) == state), None)


def distance_from_0(generator: Generator, seed: int) -> int:
    """Return how large a seed is; one just below the modulus stands for a negative number."""
    return min(seed, generator.seed_modulus - seed)


def seed_of_state(generator: Generator, state: AtState) -> int | None:
    """Return the canonical seed that sets a generator into a state, where it is known at sight.

    That is where the generator's algebra gives it, and where a seed is its own state. None for
    other states, though a seed may lead to them. O(1) states.
    """
    word = state.words[0]
    seed = word if generator.lcg is None else generator.lcg.seed_of_state(word)
    if seed is None or seed not in generator.seeds:
        return None
    return seed if start_words(generator, seed) == state.words else None
