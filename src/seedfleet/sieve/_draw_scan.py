"""Scan kernel for any stream: one seed after the other, draw by draw, as far as it takes.

It asks nothing of the generator or the bounding, so it is what the faster kernels are held to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.generators.compiled import draw_maker, jitable

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["draw_scan_factory"]


def draw_scan_factory(words: int) -> Callable[..., Any]:  # noqa: C901, PLR0915 - inner ones count
    """Return the factory of a kernel for boundings that take so many words for a part.

    The kernel takes the block ``(first seed, seeds)``, the schedule ``(positions, rows, values)``
    of all draws looked at in order of position, the legs as an (n_legs, 2) array of draws and
    needed matches, ``(n_rows, radix, parts)``, and the arrays for hits: seeds, rows, matches. It
    counts on beyond their length without writing.
    """

    def factory(  # noqa: C901
        digest: str,
        seed_state: Callable[..., Any],
        step: Callable[..., Any],
        output: Callable[..., Any],
        value: Callable[..., Any],
        rejects: Callable[..., Any],
    ) -> Callable[..., Any]:
        draw = draw_maker(step, output, value, rejects, words=words)

        @jitable
        def count(seed: Any, schedule: Any, legs: Any, bounds: Any, tally: Any) -> int:
            """Fill `tally` (rows, legs + 3): matches, then leg, draws left in it, misses left."""
            positions, rows, values = schedule
            n_rows, radix, parts = bounds
            n_legs = len(legs)
            for row in range(n_rows):
                tally[row, :n_legs] = 0
                tally[row, n_legs] = 0
                tally[row, n_legs + 1] = legs[0, 0]
                tally[row, n_legs + 2] = legs[0, 0] - legs[0, 1]
            state = seed_state(seed)
            reached, drawn, alive = np.int64(-1), np.int64(0), n_rows
            for event in range(len(positions)):
                row = rows[event]
                leg = tally[row, n_legs]
                if leg < 0:
                    continue
                while reached < positions[event]:
                    state, drawn = draw(state, radix, parts)
                    reached += 1
                if drawn == values[event]:
                    tally[row, leg] += 1
                else:
                    tally[row, n_legs + 2] -= 1
                    if tally[row, n_legs + 2] < 0:
                        tally[row, n_legs] = -1
                        alive -= 1
                        if alive == 0:
                            return 0
                tally[row, n_legs + 1] -= 1
                if tally[row, n_legs + 1] == 0 and tally[row, n_legs] >= 0 and leg + 1 < n_legs:
                    tally[row, n_legs] = leg + 1
                    tally[row, n_legs + 1] = legs[leg + 1, 0]
                    tally[row, n_legs + 2] = legs[leg + 1, 0] - legs[leg + 1, 1]
            return int(alive)

        def kernel(block: Any, schedule: Any, legs: Any, bounds: Any, hits: Any) -> int:
            _ = digest
            first, seeds = block
            hit_seeds, hit_rows, hit_matches = hits
            n_rows, n_legs = bounds[0], len(legs)
            tally = np.empty((n_rows, n_legs + 3), dtype=np.int64)
            found = 0
            for index in range(seeds):
                seed = first + np.uint64(index)
                if count(seed, schedule, legs, bounds, tally) == 0:
                    continue
                for row in range(n_rows):
                    if tally[row, n_legs] < 0:
                        continue
                    if found < len(hit_seeds):
                        hit_seeds[found] = seed
                        hit_rows[found] = row
                        for leg in range(n_legs):
                            hit_matches[found, leg] = tally[row, leg]
                    found += 1
            return found

        return kernel

    return factory
