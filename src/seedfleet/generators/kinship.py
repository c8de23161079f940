"""Which calls and which seeds give one and the same stream."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.generators import reference
from seedfleet.generators.catalogue import streams
from seedfleet.generators.reproduction import seed_of
from seedfleet.generators.start import AtState, state_of_words, state_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seedfleet.generators.definition import Generator, Stream
    from seedfleet.generators.start import Start

__all__ = ["SeedClass", "kindred", "power_text", "seed_class"]

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


def kindred(stream: Stream, start: Start, modulus: int) -> Iterator[tuple[Stream, Start]]:
    """Yield the other streams of the catalogue that begin as this one does.

    They are tried from the same seed and from the same state. A stream that is yielded agrees on
    its first draws; whether it goes on to do so is for the caller to see.

    Parameters
    ----------
    modulus
        One that the stream's bounding has.
    """
    first = _first_draws(stream, start, modulus)
    for other in streams():
        if other == stream or other.bounding.layout(modulus) is None:
            continue
        for begun in _same_starts(stream.generator, start, other.generator):
            if _first_draws(other, begun, modulus) == first:
                yield other, begun
                break


def _first_draws(stream: Stream, start: Start, modulus: int) -> list[int]:
    return list(islice(reference.draws(stream, start, modulus), _FIRST_DRAWS))


def _same_starts(generator: Generator, start: Start, other: Generator) -> Iterator[Start]:
    """Yield what could be the same start for another generator."""
    if not isinstance(start, AtState):
        if start < 2**other.seed_bits:
            yield start
        with np.errstate(over="ignore"):
            start = AtState(state_words(generator.seed_state(np.uint64(start))))
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
