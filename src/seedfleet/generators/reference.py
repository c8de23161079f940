"""The readable reference: a stream's draws one by one, in plain Python over numpy scalars."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seedfleet.generators.definition import Generator, Stream

__all__ = ["at_positions", "draws", "words"]


def words(generator: Generator, seed: int) -> Iterator[int]:
    """Yield the output words of `generator` from `seed` on, without end.

    Parameters
    ----------
    seed
        Any integer; it is taken modulo 2**64 as the languages do.
    """
    with np.errstate(over="ignore"):
        state = generator.seed_state(np.uint64(seed % 2**64))
    while True:
        with np.errstate(over="ignore"):
            state = generator.step(state)
            word = generator.output(state)
        yield int(word)


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
    source = words(stream.generator, seed)
    while True:
        value = 0
        for _ in range(parts):
            part = -1
            while part < 0:
                part = int(stream.bounding.accept(np.uint32(next(source)), np.int64(radix)))
            value = value * radix + part
        yield value


def at_positions(stream: Stream, seed: int, modulus: int, positions: Sequence[int]) -> list[int]:
    """Return the draws at increasing `positions` of the stream. O(last position)."""
    wanted = set(positions)
    reached = islice(draws(stream, seed, modulus), max(positions) + 1)
    return [value for position, value in enumerate(reached) if position in wanted]
