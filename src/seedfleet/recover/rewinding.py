"""Streams begun some draws earlier or later: earlier only where a generator can be run back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seedfleet.generators import AtState, compiled
from seedfleet.generators.canonical import seed_of_state
from seedfleet.generators.start import start_words

if TYPE_CHECKING:
    from seedfleet.generators import Start, Stream

__all__ = ["rewound", "walked"]


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
