"""The readable reference: a stream's draws one by one, in plain Python over numpy scalars."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.generators.start import AtState, state_of_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seedfleet.generators.definition import Bounding, Generator, Stream
    from seedfleet.generators.start import Start

__all__ = ["at_positions", "draws", "words"]


def words(generator: Generator, start: Start) -> Iterator[int]:
    """Yield the output words of `generator` from `start` on, without end.

    Parameters
    ----------
    start
        A state, or any integer as the seed: it is taken modulo 2**64 as the languages do.
    """
    return (int(word) for word in _raw_words(generator, start))


def _raw_words(generator: Generator, start: Start) -> Iterator[Any]:
    """Yield them as the definition gives them, uint32 or uint64."""
    if isinstance(start, AtState):
        state = state_of_words(generator, start.words)
    else:
        with np.errstate(over="ignore"):
            state = generator.seed_state(np.uint64(start % 2**64))
    while True:
        with np.errstate(over="ignore"):
            state = generator.step(state)
            word = generator.output(state)
        yield word


def draws(stream: Stream, start: Start, modulus: int) -> Iterator[int]:
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
    source = _raw_words(stream.generator, start)
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


def at_positions(stream: Stream, start: Start, modulus: int, positions: Sequence[int]) -> list[int]:
    """Return the draws at increasing `positions` of the stream. O(last position)."""
    wanted = set(positions)
    reached = islice(draws(stream, start, modulus), max(positions) + 1)
    return [value for position, value in enumerate(reached) if position in wanted]
