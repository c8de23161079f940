"""Seeds that give one stream, and the one that stands for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from seedfleet.generators.definition import Generator

__all__ = ["canonical_seed"]


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
    state = _state(generator, seed)
    likely = (
        seed % generator.seed_modulus,
        2**generator.seed_bits - seed,  # where |seed| counts
        generator.seeds.start,  # where 0 becomes another
        generator.seeds.stop - 1,  # where |seed| is cut to the largest
        seed % 2 ** (generator.seed_bits - 1),  # where the top bit does not count
    )
    same = (twin for twin in likely if twin in generator.seeds)
    return next((twin for twin in same if _state(generator, twin) == state), None)


def _state(generator: Generator, seed: int) -> list[object]:
    with np.errstate(over="ignore"):
        return np.asarray(generator.seed_state(np.uint64(seed))).reshape(-1).tolist()
