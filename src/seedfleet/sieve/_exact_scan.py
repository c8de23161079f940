"""Scan kernel for rows whose first leg needs every draw: flags over lanes, then the few hits.

Each row's first parts are tested over all lanes; a byte for each row and lane stays 1 while they
are as wanted. A lane that is left is looked at by itself: more draws in the way of its lanes, then
a decision from its seed on, draw by draw. One that met a rejected word is decided at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import uint8, uint64

from seedfleet.generators.compiled import jitable

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedfleet.sieve._lanes import Kind, Lanes

__all__ = ["MAX_ROWS", "exact_scan_factory"]

MAX_ROWS = 32  # the bytes of so many rows stay in the first-level cache
_BYTES = 8  # lanes looked through at once, as one number


def exact_scan_factory(kind: Kind) -> Callable[..., Any]:
    """Return the factory of a kernel for at most MAX_ROWS rows.

    The factory takes the makers of lanes and of decisions, then the functions ``seed_state, step,
    output, value, rejects, leap, test`` and what the lanes need besides. The kernel takes the block
    ``(first seed, seeds)``, the tests ``(events, shared, prefix)`` and what `row_decider` is asked,
    ``bounds = (radix, parts, row numbers)``, the lanes' scratch space, and the arrays for hits.
    """

    def factory(
        digest: str,
        make_lanes: Callable[..., Any],
        make_decider: Callable[..., Any],
        *functions: Callable[..., Any],
    ) -> Callable[..., Any]:
        lanes, decide = make_lanes(kind, *functions), make_decider(kind, *functions)
        worthwhile = _sifting(lanes)
        flag, finish, width = _flagging(lanes), _finishing(lanes, decide), lanes.width

        def kernel(block: Any, tests: Any, asked: Any, bounds: Any, states: Any, hits: Any) -> int:
            _ = digest
            first, count = block
            shared, (leaps, limits), radix = tests[1], tests[2], bounds[0]
            flags = np.empty((len(bounds[2]) + 1, width), uint8)  # the last row's: forced
            matches = np.zeros(len(asked[4]), dtype=np.int32)
            left = np.empty(width, uint8)
            eights, all_eights = left.view(uint64), flags.view(uint64)
            found = 0
            for base in range(0, count, width):
                start = first + uint64(base)
                flag(start, tests[0], tests[1], bounds[0], states, flags)
                gather(all_eights, eights)
                lane = next_left(eights, left, 0)
                while lane < min(width, count - base):
                    # Few arguments: to hand over an array costs as much as to test a draw.
                    if worthwhile(states, (start, lane), flags, leaps, limits, (shared, radix)):
                        rest = (states, flags, matches, hits, found)
                        found = finish(start, lane, tests, asked, bounds, rest)
                    lane = next_left(eights, left, lane + 1)
            return found

        return kernel

    return factory


def _flagging(lanes: Lanes) -> Callable[..., Any]:
    """Return ``flag(start, events, shared, radix, states, flags)``, which fills in the flags."""
    width, seed, move, hit = lanes.width, lanes.seed, lanes.move, lanes.hit

    @jitable
    def keep(states: Any, place: Any, wanted: Any, shared: Any, flags: Any) -> None:
        for lane in range(width):
            flags[lane] = flags[lane] if hit(states, place, lane, wanted, shared) else uint8(0)

    @jitable
    def flag(start: Any, events: Any, shared: Any, radix: Any, states: Any, flags: Any) -> None:
        words, first, second, rows, low, high = events
        forced = flags[len(flags) - 1]
        flags[:] = uint8(1)
        forced[:] = uint8(0)
        seed(states, start)
        before = -1
        for event in range(len(words)):
            place = (start, words[event], first[event], second[event])
            move(states, before, place, radix, forced)
            before = words[event]
            keep(states, place, (low[event], high[event]), shared, flags[rows[event]])

    made: Callable[..., Any] = flag
    return made


@jitable
def gather(flags: Any, left: Any) -> None:
    """Join the flags of all rows, lane by lane."""
    for at in range(len(left)):
        left[at] = uint64(0)
    for row in range(len(flags)):
        for at in range(len(left)):
            left[at] |= flags[row, at]


@jitable
def next_left(eights: Any, left: Any, lane: Any) -> int:
    """Return the first lane from `lane` on that is left, or their number."""
    while lane % _BYTES != 0:
        if left[lane] != 0:
            return int(lane)
        lane += 1
    at = lane // _BYTES
    while at < len(eights) and eights[at] == 0:
        at += 1
    lane = at * _BYTES
    while lane < len(left) and left[lane] == 0:
        lane += 1
    return int(lane)


def _sifting(lanes: Lanes) -> Callable[..., Any]:
    """Return the test of whether a lane holds a row as far as the lanes can tell."""
    confirm = lanes.confirm

    @jitable
    def worthwhile(
        states: Any, place: Any, flags: Any, leaps: Any, limits: Any, common: Any
    ) -> bool:
        start, lane = place
        for row in range(len(leaps)):
            if flags[row, lane] != 0 and confirm(
                states, start, lane, leaps[row], limits[row], common
            ):
                return True
        return bool(flags[len(leaps), lane] != 0)

    made: Callable[..., Any] = worthwhile
    return made


def _finishing(lanes: Lanes, decide: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``finish(start, lane, tests, asked, bounds, rest)``: the number of hits then."""
    confirm = lanes.confirm

    @jitable
    def finish(start: Any, lane: Any, tests: Any, asked: Any, bounds: Any, rest: Any) -> Any:
        states, flags, matches, hits, found = rest
        shared, (leaps, limits) = tests[1], tests[2]
        radix, _, numbers = bounds
        seeds, rows, counts = hits
        sure = flags[len(numbers), lane] == 0
        for row in range(len(numbers)):
            if sure and flags[row, lane] == 0:
                continue
            if sure and not confirm(states, start, lane, leaps[row], limits[row], (shared, radix)):
                continue
            if decide(start + uint64(lane), row, asked, bounds, matches):
                if found < len(seeds):
                    seeds[found] = start + uint64(lane)
                    rows[found] = numbers[row]
                    for leg in range(len(matches)):  # whole arrays cost seconds to compile
                        counts[found, leg] = matches[leg]
                found += 1
        return found

    made: Callable[..., Any] = finish
    return made
