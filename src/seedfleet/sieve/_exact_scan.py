"""Scan kernel for rows whose first leg needs every draw: flags over lanes, then the few hits.

Each row's first parts are tested over all lanes; what fails sets the row's bit. A lane that is left,
or that met a rejected word on the way, is decided from its seed on, draw by draw.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import uint32, uint64

from seedfleet.generators.compiled import jitable

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedfleet.sieve._lanes import Kind

__all__ = ["MAX_ROWS", "exact_scan_factory"]

MAX_ROWS = 32  # one bit each
_GROUP = 32  # lanes looked through at once


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
        width, confirm = lanes.width, lanes.confirm
        seed_lanes, move, view, hit = lanes.seed, lanes.move, lanes.view, lanes.hit

        @jitable
        def fail(seen: Any, wanted: Any, shared: Any, bit: Any, dead: Any) -> None:
            for lane in range(width):
                dead[lane] |= uint32(0) if hit(seen, lane, wanted, shared) else bit

        @jitable
        def flag(start: Any, tests: Any, radix: Any, states: Any, marks: Any) -> None:
            (steps, first, second, rows, low, high), shared, _ = tests
            here, dead, forced = marks
            here[0] = -1
            for lane in range(width):
                dead[lane] = uint32(0)
                forced[lane] = uint32(0)
            seed_lanes(states, here, start)
            for event in range(len(steps)):
                if steps[event] > 0:
                    gap = (steps[event], first[event], second[event])
                    move(states, here, gap, radix, forced)
                bit = uint32(uint32(1) << uint32(rows[event]))
                fail(view(states, here), (low[event], high[event]), shared, bit, dead)

        @jitable
        def any_left(group: Any, full: Any, marks: Any) -> bool:
            _, dead, forced = marks
            left = uint32(0)
            for lane in range(_GROUP):
                left |= (dead[group + lane] ^ full) | forced[group + lane]
            return left != 0

        @jitable
        def finish(start: Any, lane: Any, tests: Any, asked: Any, rest: Any) -> int:
            bounds, states, marks, hits, found = rest
            _, dead, forced = marks
            numbers, matches = bounds[2], bounds[3]
            seeds, rows, counts = hits
            seed = start + uint64(lane)
            for row in range(len(numbers)):
                if forced[lane] == 0:
                    if (dead[lane] >> uint32(row)) & uint32(1) != 0:
                        continue
                    if not confirm(states, lane, row, tests[2], tests[1]):
                        continue
                if decide(seed, row, asked, bounds, matches):
                    if found < len(seeds):
                        seeds[found] = seed
                        rows[found] = numbers[row]
                        counts[found] = matches
                    found += 1
            return found

        def kernel(block: Any, tests: Any, asked: Any, bounds: Any, states: Any, hits: Any) -> int:
            _ = digest
            first, count = block
            here = np.zeros(1, dtype=np.int64)
            marks = (here, np.zeros(width, dtype=uint32), np.zeros(width, dtype=uint32))
            matches = np.zeros(len(asked[4]), dtype=np.int32)
            within = (bounds[0], bounds[1], bounds[2], matches)
            full = uint32((uint64(1) << uint64(len(bounds[2]))) - uint64(1))
            found = 0
            for base in range(0, count, width):
                start = first + uint64(base)
                flag(start, tests, bounds[0], states, marks)
                for group in range(0, width, _GROUP):
                    if any_left(group, full, marks):
                        for lane in range(group, min(group + _GROUP, count - base)):
                            rest = (within, states, marks, hits, found)
                            found = finish(start, lane, tests, asked, rest)
            return found

        return kernel

    return factory
