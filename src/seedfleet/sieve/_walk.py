"""Walk kernel for any stream: every path of gaps at once, one seed after the other.

A leg that needs every draw keeps the positions that some path reaches, in ascending order: the
next draw may stand where it is seen within the gaps behind one of them. A leg that allows misses
keeps, for every position of a band, the fewest misses over the paths that end there; the next draw
takes the least of each window of gaps and adds its own miss. What has more misses than are allowed
is cut off the band's ends. Two rows of the band are held, whatever the number of draws.

The stream is drawn as far as the paths come and no further. Positions in here count from the first
position that any row may start at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import int32, int64

from seedfleet.generators.compiled import draw_maker, jitable

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["new_room", "report", "seed_walker", "walk_factory"]

_FAR = int32(2**30)  # more misses than any leg has draws


@jitable
def _enlarged(array: Any, size: Any) -> Any:
    """Return `array`, or a longer one with its contents where it has no `size` entries."""
    if size <= len(array):
        return array
    longer = np.empty(max(size, 2 * len(array)), array.dtype)
    longer[: len(array)] = array
    return longer


@jitable
def _seen_next(places: Any, seen: Any, draw: Any, gaps: Any, found: Any) -> int:
    """Write to `found` where `draw` is seen within the gaps behind a place; return how many."""
    least, most = gaps
    count = 0
    examined = int64(-1)
    for place in places:
        for position in range(max(place + least, examined + 1), place + most + 1):
            if seen[position] == draw:
                found[count] = position
                count += 1
        examined = place + most
    return count


@jitable
def _least_of_pairs(row: Any, shift: Any, out: Any) -> None:
    """Write the lesser of each entry of `row` and the one `shift` after it."""
    shifted = row[shift:]  # an index at + shift, which might be negative, would not vectorise
    for at in range(len(shifted)):
        out[at] = min(row[at], shifted[at])


@jitable
def _least_of_windows(row: Any, window: Any, one: Any, other: Any) -> Any:
    """Return the least of every `window` entries of `row`, in one of two arrays as long as it.

    The windows double in length: O(len(row) log(window)), in loops that vectorise.
    """
    length = len(row)
    one[:length] = row
    width = 1
    while width < window:
        shift = min(width, window - width)
        _least_of_pairs(one[:length], shift, other)
        one, other = other, one
        length -= shift
        width += shift
    return one


@jitable
def _add_misses(row: Any, seen: Any, draw: Any, out: Any) -> None:
    """Write `row` with a miss more wherever another value than `draw` is seen."""
    for at in range(len(seen)):
        out[at] = row[at] + int32(seen[at] != draw)


@jitable
def _live_part(row: Any, allowed: Any) -> Any:
    """Return where the entries of at most `allowed` begin and end; equal where there are none."""
    begin, end = 0, len(row)
    while end > 0 and row[end - 1] > allowed:
        end -= 1
    while begin < end and row[begin] > allowed:
        begin += 1
    return begin, end


@jitable
def _lay_out(places: Any, margin: Any, row: Any) -> Any:
    """Fill `row` with no misses at the places, from the first on, and margins without a path."""
    length = places[-1] - places[0] + 1
    row[: length + 2 * margin] = _FAR
    for place in places:
        row[margin + place - places[0]] = 0
    return int64(length)


@jitable
def _collect(row: Any, allowed: Any, low: Any, places: Any) -> int:
    """Write the positions with at most `allowed` misses; return how many."""
    count = 0
    for at in range(len(row)):
        if row[at] <= allowed:
            places[count] = low + at
            count += 1
    return count


@jitable
def new_room() -> Any:
    """Return the arrays that a kernel works in: two of places, three rows of misses."""
    places, found = np.empty(64, np.int64), np.empty(64, np.int64)
    return places, found, np.empty(64, int32), np.empty(64, int32), np.empty(64, int32)


@jitable
def report(seed: Any, matches: Any, hits: Any, found: Any) -> Any:
    """Write the rows that `seed` holds; return how many hits there are then."""
    hit_seeds, hit_rows, hit_matches = hits
    for row in range(len(matches)):
        if matches[row, 0] < 0:
            continue
        if found < len(hit_seeds):
            hit_seeds[found] = seed
            hit_rows[found] = row
            hit_matches[found] = matches[row]
        found += 1
    return int64(found)


def _drawer(draw: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that draws a stream on, up to and including a position."""

    @jitable
    def drawn_to(stream: Any, last: Any, layout: Any) -> Any:
        state, seen, known = stream
        radix, parts = layout
        if last < known:
            return stream
        seen = _enlarged(seen, last + 1)
        for at in range(known, last + 1):
            state, seen[at] = draw(state, radix, parts)
        return state, seen, int64(last + 1)

    return drawn_to


def _exact_leg(drawn_to: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that walks a leg in which every draw must match.

    It takes the stream, the number of places, the draws of the leg, the gaps before the first of
    them and before the others, the layout and the room. It returns the stream, how many places
    are left, which come first in the room, and the room.
    """

    @jitable
    def leg(stream: Any, count: Any, draws: Any, gaps: Any, layout: Any, room: Any) -> Any:
        places, found, row, one, other = room
        for index in range(len(draws)):
            gap = gaps[0] if index == 0 else gaps[1]
            low, high = places[0] + gap[0], places[count - 1] + gap[1]
            stream = drawn_to(stream, high, layout)
            found = _enlarged(found, min(count * (gap[1] - gap[0] + 1), high - low + 1))
            count = _seen_next(places[:count], stream[1], draws[index], gap, found)
            places, found = found, places
            if count == 0:
                break
        return stream, int64(count), (places, found, row, one, other)

    return leg


def _lenient_leg(drawn_to: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that walks a leg in which some draws may miss.

    It takes and returns what the exact one does, but ``(draws of the leg, misses allowed)`` for the
    draws, and it also returns the fewest misses. A row has margins of ``most - least`` entries, so
    that every window of gaps lies within it.
    """

    @jitable
    def leg(stream: Any, count: Any, asked: Any, gaps: Any, layout: Any, room: Any) -> Any:
        places, found, row, one, other = room
        draws, allowed = asked
        low, length, before = places[0], places[count - 1] - places[0] + 1, gaps[0][1] - gaps[0][0]
        margin = gaps[1][1] - gaps[1][0]
        row = _enlarged(row, length + 2 * max(before, margin))
        _lay_out(places[:count], before, row)
        begin = int64(0)
        for index in range(len(draws)):
            gap = gaps[0] if index == 0 else gaps[1]
            low += gap[0]
            length += gap[1] - gap[0]
            stream = drawn_to(stream, low + length - 1, layout)
            padded = row[begin : begin + length + gap[1] - gap[0]]
            one, other = _enlarged(one, len(padded)), _enlarged(other, len(padded))
            least = _least_of_windows(padded, gap[1] - gap[0] + 1, one, other)
            row = _enlarged(row, length + 2 * margin)
            row[:margin] = _FAR
            row[margin + length : length + 2 * margin] = _FAR
            kept = row[margin : margin + length]
            _add_misses(least, stream[1][low : low + length], draws[index], kept)
            begin, end = _live_part(kept, allowed)
            if begin == end:
                return stream, int64(0), int64(0), (places, found, row, one, other)
            low += begin
            length = end - begin
        kept = row[margin + begin : margin + begin + length]
        places = _enlarged(places, length)
        count = _collect(kept, allowed, low, places)
        return stream, count, int64(kept.min()), (places, found, row, one, other)

    return leg


def _walker(draw: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``walk_row(stream, question, row, room, matches) -> (stream, room)``, for a kernel.

    It walks one row of one seed. A stream is ``(state, draws seen from the first start on, their
    number)``; a question ``(starts, values, legs, gaps, layout)``. The matches of each leg are
    written to `matches`; where the row does not hold, its first entry is -1.
    """
    drawn_to = _drawer(draw)
    exact_leg, lenient_leg = _exact_leg(drawn_to), _lenient_leg(drawn_to)

    @jitable
    def walk_row(stream: Any, question: Any, row: Any, room: Any, matches: Any) -> Any:
        starts, values, legs, gaps, layout = question
        first, count = starts[row, 0], starts[row, 1] - starts[row, 0] + 1
        places = _enlarged(room[0], count)
        for at in range(count):
            places[at] = first + at
        room = (places, room[1], room[2], room[3], room[4])
        done = 0
        for leg in range(len(legs)):
            draws = values[done : done + legs[leg, 0]]
            done += legs[leg, 0]
            allowed = legs[leg, 0] - legs[leg, 1]
            before = (int64(0), int64(0)) if leg == 0 else gaps
            misses = int64(0)
            if allowed == 0:
                stream, count, room = exact_leg(stream, count, draws, (before, gaps), layout, room)
            else:
                stream, count, misses, room = lenient_leg(
                    stream, count, (draws, allowed), (before, gaps), layout, room
                )
            if count == 0:
                matches[0] = -1
                break
            matches[leg] = legs[leg, 0] - misses
        return stream, room

    return walk_row


def seed_walker(
    seed_state: Callable[..., Any],
    step: Callable[..., Any],
    output: Callable[..., Any],
    bound: tuple[Callable[..., Any], Callable[..., Any]],
    words: int,
) -> Callable[..., Any]:
    """Return ``walk_seed(seed, question, base, work) -> work`` for a kernel.

    `base` is the stream position from which the question counts, `work` is ``(draws seen, room,
    matches)``; the matches of each row are filled in as by `_walker`.
    """
    value, rejects = bound
    draw = draw_maker(step, output, value, rejects, words=words)
    walk_row = _walker(draw)

    @jitable
    def walk_seed(seed: Any, question: Any, base: Any, work: Any) -> Any:
        seen, room, matches = work
        radix, parts = question[4]
        state = seed_state(seed)
        for _skipped in range(base):
            state, _drawn = draw(state, radix, parts)
        stream = (state, seen, int64(0))
        for row in range(len(question[0])):
            stream, room = walk_row(stream, question, row, room, matches[row])
        return stream[1], room, matches

    return walk_seed


def walk_factory(words: int) -> Callable[..., Any]:
    """Return the factory of a kernel for boundings that take so many words for a part.

    The kernel takes the block ``(first seed, seeds)``, the question, the position from which it
    counts, and the arrays for hits: seeds, rows, matches. It counts on beyond their length without
    writing.
    """

    def factory(
        digest: str,
        seed_state: Callable[..., Any],
        step: Callable[..., Any],
        output: Callable[..., Any],
        value: Callable[..., Any],
        rejects: Callable[..., Any],
    ) -> Callable[..., Any]:
        walk_seed = seed_walker(seed_state, step, output, (value, rejects), words)

        def kernel(block: Any, question: Any, base: Any, hits: Any) -> Any:
            _ = digest
            first, seeds = block
            matches = np.empty((len(question[0]), len(question[2])), np.int32)
            work = (np.empty(64, np.int32), new_room(), matches)
            found = int64(0)
            for index in range(seeds):
                seed = first + np.uint64(index)
                work = walk_seed(seed, question, base, work)
                found = report(seed, matches, hits, found)
            return found

        return kernel

    return factory
