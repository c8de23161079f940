"""What draws show of linear generators: bits of their words, each a linear equation over GF(2).

A remainder modulo ``m = 2**b * odd`` shows b low bits of the word. A bounding that never falls as
the word grows shows the leading bits that all words of the value share: 8.04 of a word for each
draw modulo 1000.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.generators import Monotone, Residue
from seedfleet.generators.first_word import first_word
from seedfleet.generators.shapes import FieldResidue
from seedfleet.sieve.residues import odd_part

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from seedfleet.generators import Bounding, Generator, LinearState, Stream

__all__ = ["Equations", "LinearFamily", "linear_families", "shown_bits"]


@dataclass(frozen=True, eq=False)
class Equations:
    """Bits that draws show, one equation each, in the order of the draws.

    Attributes
    ----------
    draws
        int64 array, shape (n,): the draw.
    bits
        int64 array, shape (n,): the bit of its first word, 0 the lowest.
    right
        uint8 array, shape (n,): its value.
    """

    draws: NDArray[np.int64]
    bits: NDArray[np.int64]
    right: NDArray[np.uint8]

    def __len__(self) -> int:
        """How many bits are shown."""
        return len(self.draws)

    def end(self, start: int, wanted: int) -> int | None:
        """Return the end of the shortest run of draws from `start` on that shows `wanted` bits."""
        last = int(np.searchsorted(self.draws, start)) + wanted - 1
        return int(self.draws[last]) + 1 if last < len(self) else None

    def within(self, window: range) -> Equations:
        """Return those of a run of draws, which are counted from its start."""
        first, end = np.searchsorted(self.draws, (window.start, window.stop))
        draws = self.draws[first:end] - window.start
        return Equations(draws, self.bits[first:end], self.right[first:end])

    def first(self, count: int) -> Equations:
        """Return the first so many."""
        return Equations(self.draws[:count], self.bits[:count], self.right[:count])


def shown_bits(
    bounding: Bounding, bits: int, radix: int, values: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Return which bits of the first word of a draw its value shows, and what they are.

    Parameters
    ----------
    bits
        Width of a word, at most 64.
    values
        int64 array, shape (n,), in ``[0, radix)``.

    Returns
    -------
    masks, words : NDArray
        uint64 arrays, shape (n,); bits outside the mask are 0.
    """
    distinct, places = np.unique(values, return_inverse=True)
    shape = bounding.shape(radix)
    shown = [_shown(shape, bounding, bits, radix, value) for value in distinct.tolist()]
    masks, words = np.array(shown, dtype=np.uint64).reshape(-1, 2).T
    return masks[places], words[places]


def _shown(
    shape: Residue | FieldResidue | Monotone | None,
    bounding: Bounding,
    bits: int,
    radix: int,
    value: int,
) -> tuple[int, int]:
    match shape:
        case Residue(dropped, modulus):
            width = min(odd_part(modulus)[0], bits - dropped)
            mask = (1 << width) - 1
            return mask << dropped, (value & mask) << dropped
        case FieldResidue(first_bit, field_bits, modulus):
            mask = (1 << min(odd_part(modulus)[0], field_bits)) - 1
            return mask << first_bit, (value & mask) << first_bit
        case Monotone():
            lowest = first_word(_of_first_word(bounding, 2**bits - 1), bits, radix, value)
            last = first_word(_of_first_word(bounding, 0), bits, radix, value + 1) - 1
            if lowest > last:
                return 0, 0  # no word has the value
            mask = 2**bits - (1 << (lowest ^ last).bit_length())
            return mask, lowest & mask
        case None:
            return 0, 0


@cache
def _of_first_word(bounding: Bounding, second: int) -> Bounding:
    """Fix the second word of a bounding that takes two."""
    if bounding.words == 1:
        return bounding

    def value(first: np.unsignedinteger, radix: np.int64) -> np.int64:
        fixed: np.int64 = bounding.value(first, type(first)(second), radix)
        return fixed

    return replace(bounding, value=value, words=1)


@dataclass(frozen=True, eq=False)
class LinearFamily:
    """Streams that show the same bits of the same states.

    Attributes
    ----------
    streams
        The streams; they differ in how a seed becomes a state, and in what they hide.
    modulus
        Draws lie in ``[0, modulus)``.
    """

    streams: tuple[Stream, ...]
    modulus: int

    @property
    def generator(self) -> Generator:
        """One generator of the family; all have the same steps and words."""
        return self.streams[0].generator

    @property
    def linear(self) -> LinearState:
        """The algebra that they share."""
        linear = self.generator.linear
        if linear is None:
            raise ValueError(f"{self.generator.name} is not linear")
        return linear

    @property
    def words(self) -> int:
        """Output words of a draw."""
        return self.streams[0].bounding.words

    @property
    def rejection(self) -> float:
        """Largest share of words that one of the streams rejects."""
        return max(stream.bounding.rejection(self.modulus) for stream in self.streams)

    def equations(self, values: NDArray[np.int64]) -> Equations:
        """Return what draws show of their words. O(n * bits)."""
        stream = self.streams[0]
        width = stream.generator.output_bits
        masks, words = shown_bits(stream.bounding, width, self.modulus, values)
        every = np.arange(width, dtype=np.uint64)
        draws, bits = np.nonzero(masks[:, np.newaxis] >> every & np.uint64(1))
        right = words[draws] >> bits.astype(np.uint64) & np.uint64(1)
        return Equations(draws, bits, right.astype(np.uint8))


def linear_families(
    streams: Iterable[Stream], modulus: int, values: NDArray[np.int64]
) -> tuple[LinearFamily, ...]:
    """Group the streams whose words are linear and whose draws show bits of them.

    Parameters
    ----------
    values
        int64 array, the draws that are looked at: families show the same bits for all of these.
    """
    families: dict[tuple[object, ...], LinearFamily] = {}
    distinct = np.unique(values)
    for stream in streams:
        generator, bounding = stream.generator, stream.bounding
        if generator.linear is None or bounding.layout(modulus) != (modulus, 1):
            continue
        if generator.linear.carryless is not None:
            continue  # its sums are `carries`' affair
        masks, words = shown_bits(bounding, generator.output_bits, modulus, distinct)
        if not masks.any():
            continue
        algebra = (generator.step, generator.output, bounding.words)
        key = (*algebra, masks.tobytes(), words.tobytes())
        family = families.get(key, LinearFamily((), modulus))
        families[key] = replace(family, streams=(*family.streams, stream))
    return tuple(families.values())
