"""Streams begun some draws earlier or later: earlier only where a generator can be run back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seedfleet.generators import AtState, compiled
from seedfleet.generators.canonical import seed_of_state
from seedfleet.generators.start import start_words
from seedfleet.recover.congruential.seeds_before import likeliest_seed

if TYPE_CHECKING:
    from seedfleet.generators import Start, Stream

__all__ = ["begun_after", "named", "rewound", "walked"]


def rewound(stream: Stream, start: Start, draws: int, modulus: int) -> Start | None:
    """Return the start so many draws earlier, or later where negative.

    A seed where one leads there at once. None where a stream cannot be run so. O(log(draws)).
    """
    lcg, layout = stream.generator.lcg, stream.bounding.layout(modulus)
    if lcg is None or layout is None:
        return None
    state = start_words(stream.generator, start)[0]
    earlier = lcg.advance(state, -draws * layout[1] * stream.bounding.words)
    seed = lcg.seed_of_state(earlier)
    return AtState((earlier,)) if seed is None else seed


def walked(stream: Stream, start: Start, draws: int, modulus: int) -> Start:
    """Return where a stream stands after so many draws, as a seed where one leads there."""
    if draws == 0:
        return start
    _, state = compiled.at_positions(stream, start, modulus, np.array([draws - 1]))
    seed = seed_of_state(stream.generator, state)
    return state if seed is None else seed


def begun_after(
    stream: Stream, start: Start, draws: int, *, skip: int, modulus: int
) -> tuple[Start, int] | None:
    """Return a start and an offset from which a stream goes on after so many draws.

    Parameters
    ----------
    draws
        Earlier than the start where negative.
    skip
        The constant skip that is still to come before the next draw.

    Returns
    -------
    tuple or None
        The likeliest seed and offset, from ``-skip`` on, where the generator's algebra names seeds;
        else the state at offset 0. None where the stream does not reach so far back, by itself or
        with an offset within the skip. O(log(draws) + skip); of other generators O(draws).
    """
    if draws >= 0:
        return named(stream, walked(stream, start, draws, modulus), skip=skip, modulus=modulus)
    there = rewound(stream, start, -draws, modulus)
    if there is not None:
        return named(stream, there, skip=skip, modulus=modulus)
    return (start, draws) if -skip <= draws else None


def named(stream: Stream, start: Start, *, skip: int, modulus: int) -> tuple[Start, int]:
    """Return a start as its likeliest seed and offset, as `begun_after` does without a draw."""
    lcg, layout = stream.generator.lcg, stream.bounding.layout(modulus)
    if lcg is None or layout is None:
        return start, 0
    state, words = start_words(stream.generator, start)[0], layout[1] * stream.bounding.words
    seed = likeliest_seed(stream.generator, state, words, range(-skip, 1), skip=skip)
    return (start, 0) if seed is None else (seed.seed, seed.outputs)
