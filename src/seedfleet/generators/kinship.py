"""Which calls and which seeds give the same draws."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from math import lcm
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.generators import reference
from seedfleet.generators.catalogue import streams
from seedfleet.generators.reproduction import seed_of
from seedfleet.generators.start import AtState, start_words, state_of_words, state_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seedfleet.generators.definition import Generator, Stream
    from seedfleet.generators.start import Start

__all__ = ["Kin", "Pace", "SeedClass", "kindred", "power_text", "seed_class"]

_FIRST_DRAWS = 24
_MOST_LISTED = 8
_LEAST_POWER = 16


@dataclass(frozen=True)
class SeedClass:
    """The seeds of one stream.

    Attributes
    ----------
    rule
        Which they are, in words; None where there is but one.
    others
        They themselves beside the canonical one, as the runtime takes them; empty where they are
        more than a list is good for.
    """

    rule: str | None
    others: tuple[int, ...]


def seed_class(generator: Generator, seed: int) -> SeedClass:
    """Return every seed that gives the stream of a canonical `seed`."""
    alike = range(seed, 2**generator.seed_bits, generator.seed_modulus)[1:]
    doubles = () if generator.doubles is None else generator.doubles(seed)
    if len(alike) >= _MOST_LISTED:
        rule = f"every seed that is {seed} modulo {power_text(generator.seed_modulus)}"
        return SeedClass(rule, doubles)
    others = (*alike, *doubles)
    return SeedClass(f"{len(others) + 1} seeds give this stream" if others else None, others)


def power_text(number: int) -> str:
    """Write a large number as the power of two that it is or stands beside, else in full."""
    for beside, name in ((0, ""), (1, " - 1")):
        exponent = (number + beside).bit_length() - 1
        if exponent >= _LEAST_POWER and number + beside == 1 << exponent:
            return f"2^{exponent}{name}"
    return f"{number:,d}"


@dataclass(frozen=True)
class Pace:
    """Which outputs of a stream are draws, where they lie equally far apart.

    Attributes
    ----------
    offset
        Outputs dropped once, at the start.
    skip
        Outputs dropped before each draw.
    """

    offset: int
    skip: int


@dataclass(frozen=True)
class Kin:
    """Another stream that may draw what a stream draws.

    Attributes
    ----------
    stream, start
        Generator and bounding, and where it begins.
    pace
        Of the draws among its own calls; None where none was given.
    """

    stream: Stream
    start: Start
    pace: Pace | None


def kindred(stream: Stream, start: Start, modulus: int, pace: Pace | None) -> Iterator[Kin]:
    """Yield the other streams of the catalogue that may draw as this one does.

    They are tried from the same seed and from the same state. Calls that take another number of
    words have a pace of their own, at which each draw begins with the same word as this stream's;
    there is none where the draws lie no whole number of such calls apart. What is yielded agrees on
    some draws that begin with the same words; whether it does on all is for the caller to see.

    Parameters
    ----------
    modulus
        One that the stream's bounding has.
    pace
        Of the draws; None where it varies, so that calls have to take as many words.
    """
    own = _words_taken(stream, modulus)
    for other in streams():
        if other == stream or other.bounding.layout(modulus) is None:
            continue
        theirs = _words_taken(other, modulus)
        ahead, their_pace = (0, pace) if theirs == own else _converted(pace, own, theirs)
        moved = _moved(stream.generator, start, ahead)
        if moved is None:
            continue
        every = lcm(own, theirs)
        first = _first_draws(stream, moved, modulus, every // own)
        for begun in _same_starts(stream.generator, moved, other.generator):
            if _first_draws(other, begun, modulus, every // theirs) == first:
                yield Kin(other, begun, their_pace)
                break


def _words_taken(stream: Stream, modulus: int) -> int:
    """Return how many words a draw takes, apart from those that are thrown away."""
    _, parts = stream.bounding.layout(modulus) or (0, 0)
    return parts * stream.bounding.words


def _converted(pace: Pace | None, own: int, theirs: int) -> tuple[int | None, Pace | None]:
    """Return how many words later calls of another length begin, and their pace.

    They begin earlier where that number is below 0; nowhere where it is None.
    """
    if pace is None or own * (pace.skip + 1) % theirs:
        return None, None
    skip = own * (pace.skip + 1) // theirs - 1
    before = own * (pace.offset + pace.skip) - theirs * skip
    if before < 0:
        return before, Pace(0, skip)
    return before % theirs, Pace(before // theirs, skip)


def _moved(generator: Generator, start: Start, words: int | None) -> Start | None:
    """Return the start so many words after another one; None where no way leads there."""
    if words is None or words == 0:
        return start if words == 0 else None
    before = start_words(generator, start)
    if generator.lcg is not None:
        return AtState((generator.lcg.advance(before[0], words),))
    if words < 0:
        return None
    stepped = state_of_words(generator, before)
    with np.errstate(over="ignore"):
        for _ in range(words):
            stepped = generator.step(stepped)
    return AtState(state_words(stepped))


def _first_draws(stream: Stream, start: Start, modulus: int, every: int) -> list[int]:
    """Return some draws, one of so many calls."""
    draws = reference.draws(stream, start, modulus)
    return list(islice(draws, 0, _FIRST_DRAWS * every, every))


def _same_starts(generator: Generator, start: Start, other: Generator) -> Iterator[Start]:
    """Yield what could be the same start for another generator."""
    if not isinstance(start, AtState):
        if start < 2**other.seed_bits:
            yield start
        start = AtState(start_words(generator, start))
    if _has_state(other, start):
        seed = seed_of(other, start)
        yield start if seed is None else seed


def _has_state(generator: Generator, start: AtState) -> bool:
    """Tell whether the words are a state of this generator."""
    try:
        state = state_of_words(generator, start.words)
    except (OverflowError, ValueError):
        return False
    return state_words(state) == start.words
