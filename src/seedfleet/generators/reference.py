"""The readable reference: a stream's draws one by one, in plain Python over numpy scalars."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seedfleet.generators.definition import Bounding, Generator, Stream

__all__ = ["at_positions", "draws", "words"]


def words(generator: Generator, seed: int) -> Iterator[int]:
    """Yield the output words of `generator` from `seed` on, without end.

    Parameters
    ----------
    seed
        Any integer; it is taken modulo 2**64 as the languages do.
    """
    return (int(word) for word in _raw_words(generator, seed))


def _raw_words(generator: Generator, seed: int) -> Iterator[Any]:
    """Yield them as the definition gives them, uint32 or uint64."""
    with np.errstate(over="ignore"):
        state = generator.seed_state(np.uint64(seed % 2**64))
    while True:
        with np.errstate(over="ignore"):
            state = generator.step(state)
            word = generator.output(state)
        yield word


def draws(stream: Stream, seed: int, modulus: int) -> Iterator[int]:
    """Yield ``y_0, y_1, ...``: the bounded values in ``[0, modulus)``, without end.

    Raises
    ------
    ValueError
        The bounding has no such modulus.
    """
    layout = stream.bounding.layout(modulus)
    if layout is None:
        raise ValueError(f"{stream.bounding.name} has no modulus {modulus}")
    radix, parts = layout
    source = _raw_words(stream.generator, seed)
    while True:
        value = 0
        for _ in range(parts):
            value = value * radix + _part(stream.bounding, source, np.int64(radix))
        yield value


def _part(bounding: Bounding, source: Iterator[Any], radix: np.int64) -> int:
    """Return one part of a draw from the next words."""
    with np.errstate(over="ignore"):
        taken = [next(source) for _ in range(bounding.words)]
        while bounding.words == 1 and bounding.rejects(taken[0], radix):
            taken = [next(source)]
        return int(bounding.value(*taken, radix))


def at_positions(stream: Stream, seed: int, modulus: int, positions: Sequence[int]) -> list[int]:
    """Return the draws at increasing `positions` of the stream. O(last position)."""
    wanted = set(positions)
    reached = islice(draws(stream, seed, modulus), max(positions) + 1)
    return [value for position, value in enumerate(reached) if position in wanted]
