"""Which kernel walks, and what it is given."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.generators import Residue
from seedfleet.generators.compiled import build_kernel
from seedfleet.sieve._walk import walk_factory
from seedfleet.sieve._walk_sift import CHUNK, MAX_LEVELS, walk_sift_factory
from seedfleet.sieve.residues import ResidueTests, has_residue

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from seedfleet.generators import Generator, Stream
    from seedfleet.sieve.rows import Walk

__all__ = ["walk_fill"]

_BUSY = 0.25  # share of seeds that the coarse sieve lets through, above which it is not worth it


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
    words = _state_words(stream.generator)
    if words is not None and _worth_sifting(stream, walk):
        return _sifting_fill(stream, walk, words, (question, base))
    kernel = _walk_kernel(stream)

    def fill(block: range, hits: tuple[Any, ...]) -> int:
        where = (np.uint64(block.start), block.stop - block.start)
        return int(kernel(where, question, base, hits))

    return fill


def _spans(walk: Walk) -> NDArray[np.int64]:
    """Return where the first draws, which must all match, can stand: shape (levels, 2)."""
    levels = np.arange(min(walk.legs[0].draws, MAX_LEVELS), dtype=np.int64)
    first, last = walk.starts[:, 0].min(), walk.starts[:, 1].max()
    return np.stack([first + levels * walk.least_gap, last + levels * walk.most_gap], axis=1)


def _worth_sifting(stream: Stream, walk: Walk) -> bool:
    leg, bounding = walk.legs[0], stream.bounding
    if leg.needed < leg.draws or bounding.layout(walk.modulus) != (walk.modulus, 1):
        return False
    if bounding.words != 1:
        return False
    first, last = _spans(walk)[0]
    moved = bounding.rejection(walk.modulus) * (last + 1)
    return bool((last - first + 1) / walk.modulus + moved <= _BUSY)


@cache
def _state_words(generator: Generator) -> tuple[np.dtype[Any], int] | None:
    """Return the type of a state's words and how many a tuple has; None for an array state."""
    with np.errstate(over="ignore"):
        state = generator.seed_state(np.uint64(1))
    if isinstance(state, tuple):
        return np.asarray(state[0]).dtype, len(state)
    return (state.dtype, 0) if isinstance(state, np.generic) else None


def _sifting_fill(
    stream: Stream, walk: Walk, of_state: tuple[np.dtype[Any], int], asked: tuple[Any, int]
) -> Callable[[range, tuple[Any, ...]], int]:
    question, base = asked
    dtype, words = of_state
    spans, constants = _spans(walk), _residue_constants(stream, walk)
    by_residue = constants is not None
    if constants is None:
        constants = (np.int64(walk.modulus), walk.values[:MAX_LEVELS].astype(np.int64))
    kernel = _sift_kernel(stream, words, by_residue=by_residue)

    def fill(block: range, hits: tuple[Any, ...]) -> int:
        where = (np.uint64(block.start), block.stop - block.start)
        states = np.empty((max(words, 1), CHUNK), dtype)
        return int(kernel(where, question, base, (spans, constants, states), hits))

    return fill


def _residue_constants(stream: Stream, walk: Walk) -> tuple[Any, ...] | None:
    """Return the constants of tests without division, where draws are remainders of 32 bits."""
    shape = stream.bounding.shape(walk.modulus)
    generator = stream.generator
    if not isinstance(shape, Residue) or generator.output_bits > 32:
        return None
    words = 2 ** (generator.output_bits - shape.dropped_bits)
    tests = ResidueTests.of(walk.values[:MAX_LEVELS], shape.modulus, words=words)
    dropped = np.uint32(shape.dropped_bits)
    radix = np.int64(walk.modulus)
    return radix, tests.residues, tests.limits, tests.inverse, tests.rotation, dropped


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


@cache
def _sift_kernel(stream: Stream, words: int, *, by_residue: bool) -> Callable[..., Any]:
    generator, bounding = stream.generator, stream.bounding
    return build_kernel(
        walk_sift_factory(words, by_residue=by_residue),
        generator.seed_state,
        generator.step,
        generator.output,
        bounding.value,
        bounding.rejects,
        has_residue,
    )
