"""Which kernel walks, and what it is given."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.generators.compiled import build_kernel
from seedfleet.sieve._walk import walk_factory

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedfleet.generators import Stream
    from seedfleet.sieve.rows import Walk

__all__ = ["walk_fill"]


def walk_fill(stream: Stream, walk: Walk) -> Callable[[range, tuple[Any, ...]], int]:
    """Return the function that fills the arrays for hits from a block of seeds.

    Raises
    ------
    ValueError
        The bounding lacks the modulus.
    """
    layout = stream.bounding.layout(walk.modulus)
    if layout is None:
        raise ValueError(f"{stream.bounding.name} has no modulus {walk.modulus}")
    base = int(walk.starts.min())
    legs = np.array([(leg.draws, leg.needed) for leg in walk.legs], dtype=np.int64)
    gaps = (walk.least_gap, walk.most_gap)
    question = (walk.starts - base, walk.values.astype(np.int64), legs, gaps, layout)
    kernel = _walk_kernel(stream)

    def fill(block: range, hits: tuple[Any, ...]) -> int:
        where = (np.uint64(block.start), block.stop - block.start)
        return int(kernel(where, question, base, hits))

    return fill


@cache
def _walk_kernel(stream: Stream) -> Callable[..., Any]:
    generator, bounding = stream.generator, stream.bounding
    return build_kernel(
        walk_factory(bounding.words),
        generator.seed_state,
        generator.step,
        generator.output,
        bounding.value,
        bounding.rejects,
    )
