"""Where a stream starts: from a seed, or from a state that no seed need lead to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from seedfleet.generators.definition import Generator

__all__ = ["AtState", "Start", "start_words", "state_bits", "state_of_words", "state_words"]


@dataclass(frozen=True)
class AtState:
    """A stream from a state on, which the generator is in right before stream position 0.

    Attributes
    ----------
    words
        The state in the layout of the generator's definition, as Python integers: one for a scalar
        state, one for each member of a tuple, one for each element of an array (with whatever the
        definition keeps there beside the words, such as a position).
    """

    words: tuple[int, ...]


# A whole number is a seed, taken modulo 2**64 as the languages do.
Start = int | AtState


def state_of_words(generator: Generator, words: tuple[int, ...]) -> Any:
    """Return the state that these words are, of the types that the definition uses.

    Raises
    ------
    ValueError
        The generator's states have another number of words.
    """
    like = _a_state(generator)
    expected = len(state_words(like))
    if len(words) != expected:
        raise ValueError(f"a state of {generator.name} has {expected} words, not {len(words)}")
    if isinstance(like, np.ndarray):
        return np.array(words, dtype=like.dtype)
    if isinstance(like, tuple):
        return tuple(type(part)(word) for part, word in zip(like, words, strict=True))
    return type(like)(words[0])


def state_bits(generator: Generator) -> int:
    """Return log2 of the number of states that a stream may start from, rounded up."""
    if generator.lcg is not None:
        return generator.lcg.modulus_bits
    if generator.state_width is not None:
        return generator.state_width
    like = _a_state(generator)
    return sum(8 * part.itemsize for part in (like if isinstance(like, tuple) else np.ravel(like)))


def start_words(generator: Generator, start: Start) -> tuple[int, ...]:
    """Return the state right before stream position 0, as Python integers."""
    if isinstance(start, AtState):
        return start.words
    with np.errstate(over="ignore"):
        return state_words(generator.seed_state(np.uint64(start)))


@cache
def _a_state(generator: Generator) -> Any:
    with np.errstate(over="ignore"):
        return generator.seed_state(np.uint64(generator.seeds.start))


def state_words(state: Any) -> tuple[int, ...]:
    """Return a state as Python integers, the layout that `AtState` has."""
    if isinstance(state, np.ndarray):
        return tuple(state.tolist())
    if isinstance(state, tuple):
        return tuple(int(word) for word in state)
    return (int(state),)
