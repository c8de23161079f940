"""Scan kernel for thresholds: the matches of every row are counted over lanes, in one pass.

The words are passed once, and each is shown to every row that looks at it. A row is given up when
no lane can reach its matches any more, the lanes when all rows are. Lanes that met a rejected word
are decided from their seed on, draw by draw.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import uint16, uint32, uint64

from seedfleet.generators.compiled import jitable

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedfleet.sieve._lanes import Kind

__all__ = ["MAX_DRAWS", "count_scan_factory"]

MAX_DRAWS = 2**16 - 1  # what a count holds
_PACE = 16  # draws between two looks at what can still be reached


def count_scan_factory(kind: Kind) -> Callable[..., Any]:  # noqa: C901, PLR0915 - inner ones count
    """Return the factory of a kernel; both take what `exact_scan_factory`'s take."""

    def factory(  # noqa: C901, PLR0915
        digest: str,
        make_lanes: Callable[..., Any],
        make_decider: Callable[..., Any],
        *functions: Callable[..., Any],
    ) -> Callable[..., Any]:
        lanes, decide = make_lanes(kind, *functions), make_decider(kind, *functions)
        width, seed_lanes, move = lanes.width, lanes.seed, lanes.move
        view, hit = lanes.view, lanes.hit

        @jitable
        def tally(seen: Any, wanted: Any, shared: Any, counts: Any) -> None:
            for lane in range(width):
                counts[lane] += uint16(1) if hit(seen, lane, wanted, shared) else uint16(0)

        @jitable
        def keep(seen: Any, wanted: Any, shared: Any, hits: Any, fresh: Any) -> None:
            begun = uint16(1) if fresh else uint16(0)
            for lane in range(width):
                held = hit(seen, lane, wanted, shared)
                hits[lane] = uint16(hits[lane] | begun) if held else uint16(0)

        @jitable
        def reachable(counts: Any, leg: Any, legs: Any, left: Any) -> Any:
            """Tell whether a lane that passed the earlier legs can still pass this one."""
            best = np.int32(-1)
            here = counts[leg]
            if leg == 0:
                for lane in range(width):
                    best = max(best, np.int32(here[lane]))
            else:
                needed, before = legs[0, 1], counts[0]
                for lane in range(width):
                    if before[lane] >= needed:
                        best = max(best, np.int32(here[lane]))
            return best >= 0 and best + left >= legs[leg, 1]

        @jitable
        def add(hits: Any, counts: Any) -> None:
            for lane in range(width):
                counts[lane] += hits[lane]

        @jitable
        def count(  # noqa: C901, PLR0912
            start: Any, tests: Any, legs: Any, bounds: Any, states: Any, room: Any
        ) -> int:
            """Return how many rows some lane may hold."""
            (steps, first, second, rows, low, high, part, possible), shared, _ = tests
            radix, parts, _ = bounds
            here, forced, counts, hits, progress = room
            here[0] = -1
            forced[:] = uint32(0)
            counts[:] = uint16(0)
            hits[:] = uint16(0)
            progress[:] = 0  # by rows: the leg, or -1; draws seen in it
            alive = len(counts)
            seed_lanes(states, here, start)
            for event in range(len(steps)):
                if steps[event] > 0:
                    gap = (steps[event], first[event], second[event])
                    move(states, here, gap, radix, forced)
                row = rows[event]
                leg = progress[row, 0]
                if leg < 0:
                    continue
                wanted = (low[event], high[event])
                if parts == 1:
                    if possible[event]:
                        tally(view(states, here), wanted, shared, counts[row, leg])
                else:
                    keep(view(states, here), wanted, shared, hits[row], part[event] == 0)
                    if not possible[event]:
                        hits[row] = uint16(0)
                    if part[event] == parts - 1:
                        add(hits[row], counts[row, leg])
                if part[event] < parts - 1:
                    continue
                progress[row, 1] += 1
                draws, needed = legs[leg, 0], legs[leg, 1]
                seen = progress[row, 1]
                over = seen - (draws - needed)
                if seen == draws or (over > 0 and over % _PACE == 1):
                    if not reachable(counts[row], leg, legs, draws - seen):
                        progress[row, 0] = -1
                        alive -= 1
                        if alive == 0:
                            return 0
                    elif seen == draws and leg + 1 < len(legs):
                        progress[row, 0] = leg + 1
                        progress[row, 1] = 0
            return alive

        @jitable
        def passes(lane: Any, row: Any, legs: Any, counts: Any, matches: Any) -> bool:
            for leg in range(len(legs)):
                matches[leg] = counts[row, leg, lane]
                if matches[leg] < legs[leg, 1]:
                    return False
            return True

        @jitable
        def finish(seed: Any, lane: Any, asked: Any, bounds: Any, room: Any, hits: Any) -> Any:
            seeds, hit_rows, hit_counts, found, matches = hits
            _, forced, counts, _, progress = room
            for row in range(len(counts)):
                if forced[lane] != 0:
                    held = decide(seed, row, asked, bounds, matches)
                else:
                    held = progress[row, 0] >= 0
                    held = held and passes(lane, row, asked[4], counts, matches)
                if held:
                    if found < len(seeds):
                        seeds[found] = seed
                        hit_rows[found] = bounds[2][row]
                        hit_counts[found] = matches
                    found += 1
            return found

        def kernel(block: Any, tests: Any, asked: Any, bounds: Any, states: Any, hits: Any) -> int:
            _ = digest
            first_seed, seeds = block
            n_rows, legs = len(bounds[2]), asked[4]
            matches = np.zeros(len(legs), dtype=np.int32)
            room = (
                np.zeros(1, dtype=np.int64),
                np.zeros(width, dtype=uint32),
                np.zeros((n_rows, len(legs), width), dtype=uint16),
                np.zeros((n_rows if bounds[1] > 1 else 1, width), dtype=uint16),
                np.zeros((n_rows, 2), dtype=np.int64),
            )
            found = 0
            for base in range(0, seeds, width):
                start = first_seed + uint64(base)
                alive = count(start, tests, legs, bounds, states, room)
                for lane in range(min(width, seeds - base)):
                    if alive > 0 or room[1][lane] != 0:
                        written = (hits[0], hits[1], hits[2], found, matches)
                        seed = start + uint64(lane)
                        found = finish(seed, lane, asked, bounds, room, written)
            return found

        return kernel

    return factory
