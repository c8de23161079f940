"""Scans and walks by the readable reference: one seed after the other, path by path."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from seedfleet.generators import reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seedfleet.generators import Stream
    from seedfleet.sieve.rows import Leg, Rows, Walk

__all__ = ["scanned", "walked"]

_Pair = tuple[int, ...]


def scanned(stream: Stream, rows: Rows, seeds: range) -> list[_Pair]:
    """Return ``(seed, row, matches of each leg)`` of every pair that holds, in order."""
    last = int(rows.positions.max())
    found = []
    for seed in seeds:
        draws = _draws(stream, seed, rows.modulus, last + 1)
        for row, (positions, values) in enumerate(zip(rows.positions, rows.values, strict=True)):
            hits = [draws[at] == value for at, value in zip(positions, values, strict=True)]
            matches = [sum(hits[leg]) for leg in _slices(rows.legs)]
            if all(k >= leg.needed for k, leg in zip(matches, rows.legs, strict=True)):
                found.append((seed, row, *matches))
    return found


def walked(stream: Stream, walk: Walk, seeds: range) -> list[_Pair]:
    """Return the same for every pair that has a path. O(paths that differ in end or matches)."""
    last = int(walk.starts.max()) + (len(walk.values) - 1) * walk.most_gap
    found = []
    for seed in seeds:
        draws = _draws(stream, seed, walk.modulus, last + 1)
        for row, (first, end) in enumerate(walk.starts.tolist()):
            matches = _best(draws, walk, range(first, end + 1))
            if matches is not None:
                found.append((seed, row, *matches))
    return found


def _draws(stream: Stream, seed: int, modulus: int, count: int) -> list[int]:
    return list(islice(reference.draws(stream, seed, modulus), count))


def _slices(legs: Sequence[Leg]) -> Iterator[slice]:
    at = 0
    for leg in legs:
        yield slice(at, at + leg.draws)
        at += leg.draws


def _best(draws: list[int], walk: Walk, starts: range) -> list[int] | None:
    """Follow every path; ends are ``(position, matches in this leg)``."""
    best = []
    ends: set[tuple[int, int]] = set()
    for number, (leg, part) in enumerate(zip(walk.legs, _slices(walk.legs), strict=True)):
        for index, value in enumerate(walk.values[part].tolist()):
            places = (
                {(at, 0) for at in starts}
                if number == index == 0
                else {
                    (at + gap, count if index else 0)
                    for at, count in ends
                    for gap in range(walk.least_gap, walk.most_gap + 1)
                }
            )
            ends = {(at, count + (draws[at] == value)) for at, count in places}
        ends = {(at, count) for at, count in ends if count >= leg.needed}
        if not ends:
            return None
        best.append(max(count for _, count in ends))
    return best
