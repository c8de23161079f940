"""Scan kernel for thresholds: the matches of every row are counted over lanes, in one pass.

The words are passed once, and each is shown to every row that looks at it. A row is given up when
no lane can reach its matches any more, the lanes when all rows are. Lanes that met a rejected word
are decided from their seed on, draw by draw.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import uint8, uint16, uint64

from seedfleet.generators.compiled import jitable

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedfleet.sieve._lanes import Kind, Lanes

__all__ = ["MAX_DRAWS", "count_scan_factory"]

MAX_DRAWS = 2**16 - 1  # what a count holds
_PACE = 16  # draws between two looks at what can still be reached


def count_scan_factory(kind: Kind) -> Callable[..., Any]:
    """Return the factory of a kernel; both take what `exact_scan_factory`'s take."""

    def factory(
        digest: str,
        make_lanes: Callable[..., Any],
        make_decider: Callable[..., Any],
        *functions: Callable[..., Any],
    ) -> Callable[..., Any]:
        lanes, decide = make_lanes(kind, *functions), make_decider(kind, *functions)
        count, finish, width = _counting(lanes), _finishing(decide), lanes.width

        def kernel(block: Any, tests: Any, asked: Any, bounds: Any, states: Any, hits: Any) -> int:
            _ = digest
            first_seed, seeds = block
            n_rows, legs = len(bounds[2]), asked[4]
            matches = np.zeros(len(legs), dtype=np.int32)
            room = (
                np.zeros(width, dtype=uint8),
                np.zeros((n_rows, len(legs), width), dtype=uint16),
                np.zeros((n_rows if bounds[1] > 1 else 1, width), dtype=uint16),
                np.zeros((n_rows, 2), dtype=np.int64),
            )
            found = 0
            for base in range(0, seeds, width):
                start = first_seed + uint64(base)
                alive = count(start, tests, legs, bounds, states, room)
                for lane in range(min(width, seeds - base)):
                    if alive > 0 or room[0][lane] != 0:
                        written = (hits[0], hits[1], hits[2], found, matches)
                        seed = start + uint64(lane)
                        found = finish(seed, lane, asked, bounds, room, written)
            return found

        return kernel

    return factory


@jitable
def _reachable(counts: Any, leg: Any, legs: Any, left: Any) -> Any:
    """Tell whether a lane that passed the earlier legs can still pass this one."""
    best = np.int32(-1)
    for lane in range(counts.shape[1]):
        passed = leg == 0 or counts[0, lane] >= legs[0, 1]
        best = max(best, np.int32(counts[leg, lane]) if passed else np.int32(-1))
    return best >= 0 and best + left >= legs[leg, 1]


@jitable
def _drawn(row: Any, legs: Any, counts: Any, progress: Any) -> int:
    """Note one more draw of `row`; return 1 where it is given up, else 0."""
    leg = progress[row, 0]
    draws, needed = legs[leg, 0], legs[leg, 1]
    progress[row, 1] += 1
    seen = progress[row, 1]
    over = seen - (draws - needed)
    if seen < draws and not (over > 0 and over % _PACE == 1):
        return 0
    if not _reachable(counts[row], leg, legs, draws - seen):
        progress[row, 0] = -1
        return 1
    if seen == draws and leg + 1 < len(legs):
        progress[row, 0] = leg + 1
        progress[row, 1] = 0
    return 0


def _tallying(lanes: Lanes) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the loops that add what lanes show to counts: draws of one part, and of several."""
    width, hit = lanes.width, lanes.hit

    @jitable
    def tally(states: Any, place: Any, wanted: Any, shared: Any, counts: Any) -> None:
        for lane in range(width):
            held = hit(states, place, lane, wanted, shared)
            counts[lane] += uint16(1) if held else uint16(0)

    @jitable
    def tally_part(states: Any, place: Any, wanted: Any, shared: Any, held: Any, turn: Any) -> None:
        hits, counts = held
        begun, ended = uint16(turn[0]), uint16(turn[1])
        for lane in range(width):
            is_hit = hit(states, place, lane, wanted, shared)
            hits[lane] = uint16(hits[lane] | begun) if is_hit else uint16(0)
            counts[lane] += uint16(hits[lane] & ended)

    return tally, tally_part


def _counting(lanes: Lanes) -> Callable[..., Any]:
    """Return ``count(start, tests, legs, bounds, states, room)``: the rows some lane may hold."""
    seed, move = lanes.seed, lanes.move
    tally, tally_part = _tallying(lanes)

    @jitable
    def count(start: Any, tests: Any, legs: Any, bounds: Any, states: Any, room: Any) -> int:
        (words, first, second, rows, low, high, part, possible), shared, _ = tests
        radix, parts, _ = bounds
        forced, counts, hits, progress = room
        forced[:] = uint8(0)
        counts[:] = uint16(0)
        hits[:] = uint16(0)
        progress[:] = 0  # by rows: the leg, or -1; draws seen in it
        alive, before = len(counts), -1
        seed(states, start)
        for event in range(len(words)):
            place = (start, words[event], first[event], second[event])
            move(states, before, place, radix, forced)
            before = words[event]
            row = rows[event]
            leg = progress[row, 0]
            if leg < 0:
                continue
            wanted, last = (low[event], high[event]), part[event] == parts - 1
            if parts > 1:
                if not possible[event]:
                    hits[row] = uint16(0)
                turn = (part[event] == 0 and possible[event], last)
                held = hits[row], counts[row, leg]
                tally_part(states, place, wanted, shared, held, turn)
            elif possible[event]:
                tally(states, place, wanted, shared, counts[row, leg])
            if last:
                alive -= _drawn(row, legs, counts, progress)
                if alive == 0:
                    return 0
        return alive

    made: Callable[..., Any] = count
    return made


@jitable
def _passes(lane: Any, row: Any, legs: Any, counts: Any, matches: Any) -> bool:
    for leg in range(len(legs)):
        matches[leg] = counts[row, leg, lane]
        if matches[leg] < legs[leg, 1]:
            return False
    return True


def _finishing(decide: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``finish(seed, lane, asked, bounds, room, hits)``: the number of hits then."""

    @jitable
    def finish(seed: Any, lane: Any, asked: Any, bounds: Any, room: Any, hits: Any) -> Any:
        seeds, hit_rows, hit_counts, found, matches = hits
        forced, counts, _, progress = room
        for row in range(len(counts)):
            if forced[lane] != 0:
                held = decide(seed, row, asked, bounds, matches)
            else:
                held = progress[row, 0] >= 0
                held = held and _passes(lane, row, asked[4], counts, matches)
            if held:
                if found < len(seeds):
                    seeds[found] = seed
                    hit_rows[found] = bounds[2][row]
                    for leg in range(len(matches)):  # whole arrays cost seconds to compile
                        hit_counts[found, leg] = matches[leg]
                found += 1
        return found

    made: Callable[..., Any] = finish
    return made
