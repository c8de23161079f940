"""The decision on one seed and one row, draw by draw: what the lanes' flags are confirmed by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.generators.compiled import draw_maker, jitable

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedfleet.sieve._lanes import Kind

__all__ = ["row_decider"]


def row_decider(  # noqa: C901 - its inner functions are counted in
    kind: Kind, *functions: Callable[..., Any]
) -> Callable[..., Any]:
    """Return ``decide(seed, row, asked, bounds, matches)``, which fills `matches` by legs.

    ``asked`` is ``(positions, values, first, second, legs)`` with the coefficients of the leap from
    the seed to each draw's first word, ``bounds`` begins with ``(radix, parts)``. It stops at the
    miss that decides.
    """
    seed_state, step, output, value, rejects, leap = functions[:6]
    words, leaping = kind.words, kind.leaping
    draw = draw_maker(step, output, value, rejects, words=words)

    @jitable
    def digit_of_one(state: Any, radix: Any) -> Any:
        return state, value(output(state), radix)

    @jitable
    def digit_of_two(state: Any, radix: Any) -> Any:
        first = output(state)
        state = step(state)
        return state, value(first, output(state), radix)

    digit_at = digit_of_one if words == 1 else digit_of_two

    @jitable
    def shown(state: Any, radix: Any, parts: Any) -> Any:
        """Return the draw whose first word the state shows, when no word of it is rejected."""
        state, drawn = digit_at(state, radix)
        for _part in range(1, parts):
            state, digit = digit_at(step(state), radix)
            drawn = drawn * radix + digit
        return drawn

    @jitable
    def decide(seed: Any, row: Any, asked: Any, bounds: Any, matches: Any) -> bool:
        positions, values, first, second, legs = asked
        radix, parts = bounds[0], bounds[1]
        state = seed_state(seed)
        reached, drawn, at = np.int64(-1), np.int64(0), 0
        for leg in range(len(legs)):
            misses = legs[leg, 0] - legs[leg, 1]
            matches[leg] = 0
            for index in range(at, at + legs[leg, 0]):
                if leaping:
                    state = leap(seed_state(seed), first[row, index], second[row, index])
                    drawn = shown(state, radix, parts)
                while not leaping and reached < positions[row, index]:
                    state, drawn = draw(state, radix, parts)
                    reached += 1
                if drawn == values[row, index]:
                    matches[leg] += 1
                else:
                    misses -= 1
                    if misses < 0:
                        return False
            at += legs[leg, 0]
        return True

    made: Callable[..., Any] = decide
    return made
