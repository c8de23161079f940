"""Matches of many seeds at constant skips, counted over parts of the draws in one pass of a stream.

Nothing of the size seeds x draws is kept. The kernel is the draws of a generator's definition, with
its leap over skipped words where it has one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import uint64

from seedfleet.generators.compiled import at_positions, build_kernel, draw_maker, jitable
from seedfleet.generators.definition import never
from seedfleet.sieve._lanes import no_leap
from seedfleet.sieve.rows import constant_skip_positions

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from seedfleet.generators import AtState, Stream

__all__ = ["Counted", "Paces", "count_of_seeds", "count_of_state"]

_TURN = 0x9E3779B97F4A7C15  # 2**64 over the golden ratio, odd


@dataclass(frozen=True, eq=False)
class Paces:
    """Where the draws of each seed stand: int64 arrays, shape (n,).

    Attributes
    ----------
    offset, skip
        Of the alignment.
    origin, end
        The first draw that the stream explains, and the one after the last.
    """

    offset: NDArray[np.int64]
    skip: NDArray[np.int64]
    origin: NDArray[np.int64]
    end: NDArray[np.int64]

    def part(self, chosen: slice | NDArray[np.int64]) -> Paces:
        """Return those of some seeds."""
        return Paces(self.offset[chosen], self.skip[chosen], self.origin[chosen], self.end[chosen])


@dataclass(frozen=True, eq=False)
class Counted:
    """What a pass counted.

    Attributes
    ----------
    matches
        int32 array, shape (n, n_marks): matches among the draws before each mark.
    digests
        uint64 array, shape (n,): equal where the values are, on all draws that the stream explains
        and those that come; by chance once in 2**64 pairs.
    coming
        int64 array, shape (n, kept): the first values after the last draw.
    """

    matches: NDArray[np.int32]
    digests: NDArray[np.uint64]
    coming: NDArray[np.int64]


def count_of_seeds(
    stream: Stream,
    seeds: NDArray[np.uint64],
    paces: Paces,
    known: tuple[NDArray[np.int64], int],
    marks: tuple[NDArray[np.int64], int],
    *,
    kept: int = 0,
) -> Counted:
    """Count the matches of many seeds of one stream.

    Parameters
    ----------
    seeds
        uint64 array, shape (n,).
    paces
        Of each.
    known
        The draws, int64 array, and their modulus.
    marks
        Where counts are kept, int64 array, ascending, the last not beyond the draws; and how many
        coming draws go into the digest of a stream that has not ended.
    kept
        Coming values that are kept, at most that many.

    Returns
    -------
    Counted
        O(n x positions), without the interpreter's lock; O(n x draws) where the generator leaps.
    """
    draws, modulus = known
    at, ahead = marks
    layout = stream.bounding.layout(modulus)
    if layout is None:
        raise ValueError(f"{stream.bounding.name} has no modulus {modulus}")
    count = len(seeds)
    counted = Counted(
        np.zeros((count, len(at)), np.int32),
        np.zeros(count, np.uint64),
        np.zeros((count, kept), np.int64),
    )
    if count:
        leaps = _leaps(stream, paces, stream.bounding.words * layout[1])
        _counting_kernel(stream)(
            (seeds, paces.offset, paces.skip, paces.origin, paces.end, leaps),
            (draws, layout[0], layout[1]),
            (at, ahead),
            (counted.matches, counted.digests, counted.coming),
        )
    return counted


def count_of_state(
    stream: Stream,
    start: AtState,
    paces: Paces,
    known: tuple[NDArray[np.int64], int],
    marks: tuple[NDArray[np.int64], int],
    *,
    kept: int = 0,
) -> Counted:
    """Count those of one stream that begins in a state, in the same way; `paces` has one entry."""
    draws, modulus = known
    origin, end = int(paces.origin[0]), int(paces.end[0])
    ahead = marks[1] if end == len(draws) else 0
    positions = constant_skip_positions(
        end - origin + ahead, int(paces.skip[0]), offset=int(paces.offset[0])
    )
    values, _ = at_positions(stream, start, modulus, positions)
    matched = np.zeros(len(draws) + 1, np.int32)
    matched[origin + 1 : end + 1] = values[: end - origin] == draws[origin:end]
    return Counted(
        np.cumsum(matched, dtype=np.int32)[np.newaxis, marks[0]],
        np.array([digest_of(values)], np.uint64),
        values[np.newaxis, end - origin : end - origin + kept],
    )


def digest_of(values: NDArray[np.int64]) -> int:
    """Return the digest of some values, as the kernel makes it."""
    digest = 0
    for value in values.tolist():
        digest = ((digest ^ value) * _TURN) % 2**64
        digest ^= digest >> 32
    return digest


def _leaps(stream: Stream, paces: Paces, words: int) -> NDArray[np.uint64]:
    """Return the coefficients of the leaps to the first draw and from draw to draw: (n, 4)."""
    leaps = np.zeros((len(paces.skip), 4), np.uint64)
    leap = stream.generator.leap
    if leap is None or not _leaping(stream):
        return leaps
    for column, passed in ((0, paces.offset + paces.skip), (2, paces.skip)):
        distinct, places = np.unique(passed, return_inverse=True)
        pairs = [leap.coefficients(count * words) for count in distinct.tolist()]
        leaps[:, column : column + 2] = np.array(pairs, np.uint64)[places]
    return leaps


def _leaping(stream: Stream) -> bool:
    return stream.generator.leap is not None and stream.bounding.rejects is never


@cache
def _counting_kernel(stream: Stream) -> Callable[..., Any]:
    generator, bounding = stream.generator, stream.bounding
    leap = generator.leap.apply if _leaping(stream) and generator.leap else no_leap
    return build_kernel(
        _counting_factory(bounding.words, leaping=_leaping(stream)),
        generator.seed_state,
        leap,
        generator.step,
        generator.output,
        bounding.value,
        bounding.rejects,
    )


def _counting_factory(  # noqa: C901 - its inner functions are counted in
    words: int, *, leaping: bool
) -> Callable[..., Any]:
    def factory(  # noqa: C901 - its inner functions are counted in
        digest: str, seed_state: Callable[..., Any], leap: Callable[..., Any], *defined: Any
    ) -> Callable[..., Any]:
        draw = draw_maker(*defined, words=words)
        turn, shift = uint64(_TURN), uint64(32)

        @jitable
        def pass_over(state: Any, count: Any, coefficients: Any, radix: Any, parts: Any) -> Any:
            if leaping:
                return leap(state, coefficients[0], coefficients[1])
            for _ in range(count):
                state, _drawn = draw(state, radix, parts)
            return state

        @jitable
        def go_on(state: Any, pace: Any, known: Any, seen: Any, indexes: Any, coming: Any) -> Any:
            skip, between, end = pace
            draws, radix, parts = known
            found = 0
            for index in range(indexes[0], indexes[1]):
                state, drawn = draw(state, radix, parts)
                if index < end and drawn == draws[index]:
                    found += 1
                if end <= index < end + len(coming):
                    coming[index - end] = drawn
                seen = (seen ^ uint64(drawn)) * turn
                seen ^= seen >> shift
                if skip > 0:
                    state = pass_over(state, skip, between, radix, parts)
            return state, seen, found

        def kernel(many: Any, known: Any, marks: Any, counted: Any) -> None:
            _ = digest
            seeds, offsets, skips, origins, ends, leaps = many
            draws, radix, parts = known
            for row in range(len(seeds)):
                skip, index, end = skips[row], origins[row], ends[row]
                first, between = (leaps[row, 0], leaps[row, 1]), (leaps[row, 2], leaps[row, 3])
                state = pass_over(seed_state(seeds[row]), offsets[row] + skip, first, radix, parts)
                found, seen = 0, uint64(0)
                for mark in range(len(marks[0]) + 1):
                    stop = end + marks[1] * (end == len(draws))
                    if mark < len(marks[0]):
                        stop = min(marks[0][mark], end)
                    state, seen, more = go_on(
                        state, (skip, between, end), known, seen, (index, stop), counted[2][row]
                    )
                    index, found = max(index, stop), found + more
                    if mark < len(marks[0]):
                        counted[0][row, mark] = found
                counted[1][row] = seen

        return kernel

    return factory
