"""The lane split: a power-of-two generator's whole state space from residues, in milliseconds.

``out mod 2**b`` depends on the low state bits alone. For draws modulo ``m = 2**b * odd`` the low
words are therefore decided first, by b bits a draw, and then the high words, by the odd part.
Low words are kept to 32 bits: where b is larger than they have room for, the rest of it is left to
the high words.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from math import log2
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.generators import Residue
from seedfleet.recover.congruential._lane_kernel import high_kernel, low_kernel
from seedfleet.recover.congruential.lattice import (
    Boxes,
    kept_share,
    lattice_size,
    points_in_boxes,
    reduced,
)
from seedfleet.sieve.residues import ResidueTests, odd_part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from seedfleet.generators import PowerOfTwoLcg, Stream
    from seedfleet.recover.congruential.jumps import Observations
    from seedfleet.recover.congruential.lattice import Lattice

__all__ = [
    "LaneFamily",
    "found_share",
    "lane_families",
    "lattice_of",
    "solve",
    "takes_lattice",
]

_FILTER_BITS = 9  # bits that the vectorised tests of a stage should filter by
_ROOM = 4096
_FEW_STATES = 2**24  # up to which all are tried, in hundredths of a second
_DEAREST = 3  # the radix whose lattice takes seconds for each skip: a scan of seeds is cheaper
_SCANNED_SEEDS = 2**32
_CLEAR_BITS = 4  # by which observations over-determine a high word before a lattice is walked
_LOW_WORD_BITS = 32  # as wide as the kernels' words


@dataclass(frozen=True)
class LaneFamily:
    """Streams that show the same residues of the same states.

    Attributes
    ----------
    lcg
        The generator's algebra.
    radix, parts
        A draw is `parts` residues modulo `radix`, most significant first.
    dropped_bits
        Low bits of the output word that are dropped before the residue is taken.
    streams
        The streams; they differ in how a seed becomes a state, and in what they reject.
    """

    lcg: PowerOfTwoLcg
    radix: int
    parts: int
    dropped_bits: int
    streams: tuple[Stream, ...]

    @property
    def modulus(self) -> int:
        """Of a draw."""
        return int(self.radix**self.parts)

    @property
    def lane_bits(self) -> int:
        """The b of ``radix = 2**b * odd``, or as many of them as states have and low words hold."""
        room = min(_LOW_WORD_BITS, self.lcg.modulus_bits)
        return min(odd_part(self.radix)[0], room - self.lcg.output_shift - self.dropped_bits)

    @property
    def cofactor(self) -> int:
        """What the lanes leave of the radix, for the high words."""
        return self.radix >> self.lane_bits

    @property
    def low_bits(self) -> int:
        """State bits that decide the lanes."""
        return self.lcg.output_shift + self.dropped_bits + self.lane_bits

    @property
    def rejection(self) -> float:
        """Largest share of words that one of the streams rejects."""
        return max(stream.bounding.rejection(self.radix) for stream in self.streams)

    @property
    def high_bits(self) -> int:
        """State bits above them."""
        return self.lcg.modulus_bits - self.low_bits

    @property
    def high_candidates(self) -> int:
        """High words that agree with the first residue, at most."""
        return -(-(1 << self.high_bits) // self.cofactor)

    def residues(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Split draws, shape (n,), into their residues, shape (n * parts,)."""
        powers = self.radix ** np.arange(self.parts - 1, -1, -1, dtype=np.int64)
        return (values[:, np.newaxis] // powers % self.radix).reshape(-1)


def lane_families(streams: Iterable[Stream], modulus: int) -> tuple[LaneFamily, ...]:
    """Group the streams to which the lane split applies at this modulus."""
    families: dict[tuple[int, ...], LaneFamily] = {}
    for stream in streams:
        lcg, layout = stream.generator.lcg, stream.bounding.layout(modulus)
        if lcg is None or layout is None:
            continue
        radix, parts = layout
        shape = stream.bounding.shape(radix)
        twos, odd = odd_part(radix)
        if not isinstance(shape, Residue) or shape.modulus != radix:
            continue
        dropped = shape.dropped_bits
        if radix == _DEAREST and stream.generator.seed_count <= _SCANNED_SEEDS:
            continue
        if odd == 1:
            lcg = _cut(lcg, lcg.output_shift + dropped + twos)
        algebra = (lcg.multiplier, lcg.increment, lcg.modulus_bits, lcg.output_shift)
        key = (*algebra, radix, parts, dropped)
        family = families.get(key, LaneFamily(lcg, radix, parts, dropped, ()))
        families[key] = replace(family, streams=(*family.streams, stream))
    return tuple(families.values())


def _cut(lcg: PowerOfTwoLcg, bits: int) -> PowerOfTwoLcg:
    """Leave out the state bits that residues modulo a power of two never show."""
    return replace(lcg, modulus_bits=min(bits, lcg.modulus_bits))


def solve(
    family: LaneFamily,
    observations: Observations,
    residues: NDArray[np.int64],
    *,
    low_words: NDArray[np.uint64] | None = None,
    high_candidates: int | None = None,
    stop: Callable[[], bool] | None = None,
) -> list[int]:
    """Return the states at the first observed word that give all `residues`.

    Parameters
    ----------
    residues
        int64 array, shape (n_words,), as long as the observations.
    low_words
        uint64 array: only these are tried, whatever their lanes, for controls; default all.
    high_candidates
        Only the first so many high words are tried, for controls; default all.
    stop
        Tells whether to end early with what there is.

    Raises
    ------
    ValueError
        There are fewer than two residues.

    Notes
    -----
    O(2**(output_shift + dropped_bits)) for the first stage; for each low word that is left,
    O(family.high_candidates) where that is little, else a walk in a lattice, which may miss a state
    (`found_share`). Outputs that the bounding rejected inside the run are not allowed for: a run
    that has one is missed (`LaneFamily.rejection` a word).
    """
    if len(residues) < 2:
        raise ValueError(f"{len(residues)} residues filter nothing, at least 2 are needed")
    if low_words is None:
        low_words = _low_words(family, observations, residues)
    if len(low_words) == 0 or (stop is not None and stop()):
        return []
    if np.any(residues >> family.lane_bits >= 1 << family.high_bits):
        return []  # larger than any word
    if high_candidates is None and takes_lattice(family, len(residues), len(low_words)):
        lattice = lattice_of(family, observations)
        return points_in_boxes(lattice, _boxes(family, observations, residues), low_words)[0]
    return _enumerate(
        family, observations, residues, low_words=low_words, most=high_candidates, stop=stop
    )


def _low_words(
    family: LaneFamily, observations: Observations, residues: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """Return the low words whose lanes are those of all residues; all of them without lanes."""
    lane_bits, low_bits = family.lane_bits, family.low_bits
    if lane_bits == 0:
        return np.arange(1 << low_bits, dtype=np.uint64)
    lanes = (residues & (2**lane_bits - 1)).astype(np.uint32)
    tests = min(len(residues) - 1, -(-_FILTER_BITS // lane_bits))
    multipliers = observations.multipliers.astype(np.uint32)
    increments = observations.increments.astype(np.uint32)
    shape = (low_bits, lane_bits, tests)
    return _collect(partial(low_kernel(), multipliers, increments, lanes, shape)).astype(np.uint64)


def takes_lattice(family: LaneFamily, words: int, low_words: int) -> bool:
    """Tell whether high words are found by a lattice, and not by trying all."""
    cofactor = family.cofactor
    few = family.high_candidates * low_words <= _FEW_STATES
    clear = words * log2(cofactor) >= family.high_bits + _CLEAR_BITS
    return clear and not few and cofactor % 2 == 1


def lattice_of(family: LaneFamily, observations: Observations) -> Lattice:
    """Return the lattice of the high words at these observations."""
    words = len(observations.multipliers)
    size = lattice_size(family.high_bits, log2(family.cofactor), words)
    return reduced(observations.multipliers[:size].tobytes(), family.high_bits)


def _boxes(family: LaneFamily, observations: Observations, residues: NDArray[np.int64]) -> Boxes:
    wanted = residues >> family.lane_bits
    return Boxes(
        observations.multipliers,
        observations.increments,
        wanted.astype(np.uint64),
        ((2**family.high_bits - 1 - wanted) // family.cofactor + 1).astype(np.uint64),
        modulus_bits=family.lcg.modulus_bits,
        low_bits=family.low_bits,
        factor=family.cofactor,
    )


def found_share(
    family: LaneFamily, observations: Observations, low_words: int | None = None
) -> float:
    """Return the share of states that `solve` finds: less than 1 where a lattice has to cut.

    Parameters
    ----------
    low_words
        How many are tried; default all where there are no lanes, one where there are.
    """
    if low_words is None:
        low_words = 1 if family.lane_bits else 1 << family.low_bits
    if not takes_lattice(family, len(observations.multipliers), low_words):
        return 1.0
    width = 2.0**family.high_bits / family.cofactor
    return kept_share(lattice_of(family, observations), width, low_words)


def _enumerate(
    family: LaneFamily,
    observations: Observations,
    residues: NDArray[np.int64],
    *,
    low_words: NDArray[np.uint64],
    most: int | None,
    stop: Callable[[], bool] | None,
) -> list[int]:
    """Try all high words, or the first `most` of those that give the first residue."""
    low_bits, high_bits, cofactor = family.low_bits, family.high_bits, family.cofactor
    multipliers, increments = observations.multipliers, observations.increments
    wanted = residues >> family.lane_bits
    residue_tests = ResidueTests.of(wanted, cofactor, words=2**high_bits)
    constants = (
        residue_tests.residues,
        residue_tests.limits,
        residue_tests.inverse,
        residue_tests.rotation,
    )
    candidates = -(-(2**high_bits - int(wanted[0])) // cofactor)
    candidates = candidates if most is None else min(candidates, most)
    filters = _FILTER_BITS / log2(max(2, cofactor))
    tests = min(len(residues) - 1, max(1, round(filters)))
    span = (int(wanted[0]), candidates, cofactor, np.uint32(2**high_bits - 1), tests)
    states: list[int] = []
    mask = np.uint64(family.lcg.modulus - 1)
    for low in low_words:
        if stop is not None and stop():
            break
        carried = ((multipliers * low + increments) & mask) >> np.uint64(low_bits)
        arguments = (multipliers.astype(np.uint32), carried.astype(np.uint32), constants, span)
        highs = _collect(partial(high_kernel(), *arguments))
        states.extend(int(high) << low_bits | int(low) for high in highs)
    return states


def _collect(fill: Callable[[NDArray[np.uint32]], int]) -> NDArray[np.uint32]:
    """Call `fill` with room for its hits, again with more where it reports more."""
    room = np.empty(_ROOM, dtype=np.uint32)
    while (found := fill(room)) > len(room):
        room = np.empty(found, dtype=np.uint32)
    return room[:found]
