"""Tests of seeds whose draws lie on a page: one kernel for all streams, compiled once on a machine.

A page has a line for each seed, with its draws from the first on. Only what fills it knows the
stream, and is compiled for each in a fraction of the time that a scan is.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import int32, int64, uint64

from seedfleet.generators.compiled import build_kernel, draw_maker

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedfleet.generators import Stream

__all__ = ["page_kernel", "rows_kernel", "walk_kernel"]

_NEVER = int32(-(2**30))  # matches of a place that no path comes to


@cache
def page_kernel(stream: Stream) -> Callable[..., Any]:
    """Return ``fill(first, radix, parts, page)``: each line the draws of the next seed."""
    generator, bounding = stream.generator, stream.bounding
    return build_kernel(
        _page_factory(bounding.words),
        generator.seed_state,
        generator.step,
        generator.output,
        bounding.value,
        bounding.rejects,
    )


def _page_factory(words: int) -> Callable[..., Any]:
    def factory(
        digest: str, seed_state: Callable[..., Any], *functions: Callable[..., Any]
    ) -> Callable[..., Any]:
        step, output, value, rejects = functions
        draw = draw_maker(step, output, value, rejects, words=words)

        def fill(first: Any, radix: Any, parts: Any, page: Any) -> None:
            _ = digest
            for lane in range(len(page)):
                state = seed_state(first + uint64(lane))
                for position in range(page.shape[1]):
                    state, drawn = draw(state, radix, parts)
                    page[lane, position] = drawn

        return fill

    return factory


@cache
def rows_kernel() -> Callable[..., Any]:
    """Return ``test(page, first, rows, found, hits)``: how many pairs are found by now.

    ``rows`` is ``(positions, values, legs)``.
    """

    def factory(digest: str, count_row: Callable[..., Any]) -> Callable[..., Any]:
        def test(page: Any, first: Any, rows: Any, found: Any, hits: Any) -> Any:
            _ = digest
            positions, values, legs = rows
            matches = np.empty(len(legs), int32)
            for lane in range(len(page)):
                for row in range(len(positions)):
                    if count_row(page[lane], positions[row], values[row], legs, matches):
                        if found < len(hits[0]):
                            hits[0][found] = first + uint64(lane)
                            hits[1][found] = row
                            for leg in range(len(legs)):
                                hits[2][found, leg] = matches[leg]
                        found += 1
            return found

        return test

    return build_kernel(factory, _count_row)


def _count_row(line: Any, positions: Any, values: Any, legs: Any, matches: Any) -> bool:
    """Count the matches of each leg; ends with the miss that decides."""
    at = 0
    for leg in range(len(legs)):
        misses = legs[leg, 0] - legs[leg, 1]
        matches[leg] = 0
        for index in range(at, at + legs[leg, 0]):
            if line[positions[index]] == values[index]:
                matches[leg] += 1
            else:
                misses -= 1
                if misses < 0:
                    return False
        at += legs[leg, 0]
    return True


@cache
def walk_kernel() -> Callable[..., Any]:
    """Return ``test(page, first, walk, found, hits)``: how many pairs are found by now.

    ``walk`` is ``(starts, values, legs, least gap, most gap)``.
    """

    def factory(digest: str, walk_row: Callable[..., Any]) -> Callable[..., Any]:
        def test(page: Any, first: Any, walk: Any, found: Any, hits: Any) -> Any:
            _ = digest
            starts, values, legs, least, most = walk
            widest = int64(0)
            for row in range(len(starts)):
                widest = max(widest, starts[row, 1] - starts[row, 0])
            bands = np.empty((2, widest + len(values) * (most - least) + 1), int32)
            matches = np.empty(len(legs), int32)
            for lane in range(len(page)):
                for row in range(len(starts)):
                    ends = (starts[row, 0], starts[row, 1])
                    if walk_row(page[lane], ends, (values, legs, least, most), bands, matches):
                        if found < len(hits[0]):
                            hits[0][found] = first + uint64(lane)
                            hits[1][found] = row
                            for leg in range(len(legs)):
                                hits[2][found, leg] = matches[leg]
                        found += 1
            return found

        return test

    return build_kernel(factory, _walk_row)


def _walk_row(line: Any, ends: Any, walk: Any, bands: Any, matches: Any) -> bool:
    """Follow all paths at once: for each place of a draw, the most matches of a path to it.

    A path that fails a leg ends there.
    """
    values, legs, least, most = walk
    base, size = ends[0], ends[1] - ends[0] + 1
    for at in range(size):
        bands[0, at] = 0
    now, index = 0, 0
    for leg in range(len(legs)):
        draws, needed = legs[leg, 0], legs[leg, 1]
        for done in range(draws):
            if index > 0:
                now = _spread(bands, now, size, most - least)
                base, size = base + least, size + most - least
            best = _matched(line[base : base + size], values[index], bands[now, :size])
            index += 1
            if best + (draws - 1 - done) < needed:
                return False
        matches[leg] = best
        _begin_anew(bands[now, :size], needed)
    return True


def _spread(bands: Any, now: int, size: int, more: int) -> int:
    """Let each place of the next draw take the most of the places it may be reached from.

    Returns which of the bands holds it. By doubling: O(size log more).
    """
    for at in range(size, size + more):
        bands[now, at] = _NEVER
    whole, width = size + more, 1
    while width <= more:
        shift = min(width, more + 1 - width)
        _most_of_pairs(bands[now, :whole], shift, bands[1 - now, :whole])
        now, width = 1 - now, width + shift
    return now


def _most_of_pairs(band: Any, shift: int, out: Any) -> None:
    """Write the greater of each entry and the one `shift` before it."""
    for at in range(shift):
        out[at] = band[at]
    behind, ahead, target = band[: len(band) - shift], band[shift:], out[shift:]
    for at in range(len(ahead)):
        target[at] = max(ahead[at], behind[at])


def _matched(seen: Any, draw: Any, band: Any) -> Any:
    """Add what matches; returns the most."""
    best = _NEVER
    for at in range(len(band)):
        band[at] += int32(seen[at] == draw)
        best = max(best, band[at])
    return best


def _begin_anew(band: Any, needed: Any) -> None:
    """Leave those paths that have what a leg needs, and count from 0 again."""
    for at in range(len(band)):
        band[at] = int32(0) if band[at] >= needed else _NEVER
