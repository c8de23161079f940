"""Kernel of the state scan: 64 walkers along one orbit, one bit of a mask each.

At every step of the walkers there is a mask for each value that the windows ask for: the walkers
whose draw it is. A window under a constant skip is then an AND of masks at equal distances, for 64
states at once and wherever on the orbit they stand. Where few walkers give a window's first draw
(`_sparse`), all skips are tried from those steps; where most steps have one (`_dense`), whole
blocks of steps are combined, one skip after the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import int64, uint32, uint64

from seedfleet.generators.compiled import jitable

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["WALKERS", "orbit_factory"]

WALKERS = 64
_STRETCH = 8192  # steps between two looks at the masks
_UNCONDITIONAL = 4  # draws of a window that blocks of steps are always tested for
_BLOCK = 64  # masks that are combined at once: they stay in registers
RARE_RADIX = 80  # from here on, most steps have no walker at a window's first draw


def least_depth(radix: int) -> int:
    """Return how many draws a window has at least."""
    return 2 if radix >= RARE_RADIX else _UNCONDITIONAL


@jitable
def _residue(word: Any, radix: Any, reciprocal: Any) -> Any:
    """Return a 32-bit word modulo `radix`; the quotient by ``2**32 // radix`` lacks 1 at most."""
    quotient = uint32(uint64(word) * reciprocal >> uint64(32))
    rest = uint32(word - quotient * radix)
    return rest - radix if rest >= radix else rest


@jitable
def _mask_of(draws: Any, value: Any) -> Any:
    mask = uint64(0)
    for walker in range(WALKERS):
        mask |= uint64(draws[walker] == value) << uint64(walker)
    return mask


@jitable
def _row(masks: Any, begin: Any) -> Any:
    return masks[begin : begin + _BLOCK]


@jitable
def _dense(masks: Any, rows: Any, at: Any, gap: Any, meeting: Any) -> bool:
    """AND the masks of one window's draws over a block; tell whether anything is left."""
    first, second = _row(masks, rows[0] + at), _row(masks, rows[1] + at + gap)
    third, fourth = _row(masks, rows[2] + at + 2 * gap), _row(masks, rows[3] + at + 3 * gap)
    left = uint64(0)
    for step in range(_BLOCK):  # nothing is written, so that nothing can overlap
        left |= first[step] & second[step] & third[step] & fourth[step]
    if left == 0:
        return False
    for step in range(_BLOCK):
        meeting[step] = first[step] & second[step] & third[step] & fourth[step]
    for draw in range(_UNCONDITIONAL, len(rows)):
        row = _row(masks, rows[draw] + at + draw * gap)
        left = uint64(0)
        for step in range(_BLOCK):
            both = meeting[step] & row[step]
            meeting[step] = both
            left |= both
        if left == 0:
            return False
    return True


@jitable
def _note(mask: Any, place: Any, hits: Any, found: Any) -> Any:
    """Write down the walkers in `mask` with ``place = (step, window, skip)``; count them."""
    for walker in range(WALKERS):
        if mask >> uint64(walker) & uint64(1):
            if found < len(hits):
                hits[found, 0], hits[found, 1] = walker, place[0]
                hits[found, 2], hits[found, 3] = place[1], place[2]
            found += 1
    return found


@jitable
def _met(masks: Any, rows: Any, at: Any, gap: Any, mask: Any) -> Any:
    for draw in range(1, len(rows)):
        if mask == 0:
            break
        mask &= masks[rows[draw] + at + draw * gap]
    return mask


@jitable
def _sparse_block(masks: Any, rows: Any, place: Any, first_skip: Any, hits: Any, found: Any) -> Any:
    """Try _BLOCK skips from one step, ``place = (step, its masks, window, end of the skips)``."""
    step, at, window, stop = place
    mask, left = masks[rows[0] + at], uint64(0)
    second = _row(masks, rows[1] + at + first_skip + 1)
    for each in range(_BLOCK):
        left |= mask & second[each]
    if left:
        for skip in range(first_skip, min(first_skip + _BLOCK, stop)):
            if mask & second[skip - first_skip]:
                met = _met(masks, rows, at, skip + 1, mask)
                if met:
                    found = _note(met, (step, window, skip), hits, found)
    return found


def orbit_factory(  # noqa: C901 - its inner functions are counted in
    digest: str, step: Callable[..., Any], output: Callable[..., Any]
) -> Callable[..., Any]:
    """Return the kernel for a generator whose state is one word.

    It takes the walkers' states, which it moves, ``(steps, first skip, last skip, dropped bits,
    radix)``, the distinct values asked for, the index of each window's draws among them, and an
    array for hits: a walker, the step after which it gives a window's first draw, the window and
    the skip. It returns their number, also beyond the array's length.
    """

    @jitable
    def fill(states: Any, bounds: Any, values: Any, masks: Any, first: Any) -> None:
        draws = np.empty(WALKERS, uint32)
        dropped, radix = uint32(bounds[3]), uint32(bounds[4])
        reciprocal = uint64(2**32) // uint64(radix)
        width = len(masks) // len(values)
        for at in range(first, width):
            for walker in range(WALKERS):
                state = step(states[walker])
                states[walker] = state
                draws[walker] = _residue(uint32(output(state)) >> dropped, radix, reciprocal)
            for index in range(len(values)):
                masks[index * width + at] = _mask_of(draws, values[index])

    @jitable
    def dense(masks: Any, rows: Any, begin: Any, window: Any, bounds: Any, hits: Any) -> Any:
        found, meeting = int64(bounds[5]), np.empty(_BLOCK, uint64)
        steps = min(_STRETCH, bounds[0] - begin)
        for at in range(0, steps, _BLOCK):
            for skip in range(bounds[1], bounds[2] + 1):
                if _dense(masks, rows, at, skip + 1, meeting):
                    for each in range(min(_BLOCK, steps - at)):
                        place = (begin + at + each, window, skip)
                        found = _note(meeting[each], place, hits, found)
        return found

    @jitable
    def sparse(masks: Any, rows: Any, begin: Any, window: Any, bounds: Any, hits: Any) -> Any:
        found = int64(bounds[5])
        for at in range(min(_STRETCH, bounds[0] - begin)):
            if masks[rows[0] + at]:
                place = (begin + at, at, window, bounds[2] + 1)
                for skip in range(bounds[1], bounds[2] + 1, _BLOCK):
                    found = _sparse_block(masks, rows, place, skip, hits, found)
        return found

    def kernel(states: Any, bounds: Any, values: Any, windows: Any, hits: Any) -> Any:
        _ = digest
        steps, first_skip, last_skip, dropped, radix = bounds
        width = _STRETCH + (windows.shape[1] - 1) * (last_skip + 1) + 2 * _BLOCK
        masks = np.empty(len(values) * width, uint64)  # flat: a slice of it is known to be dense
        found, begin, kept = int64(0), int64(0), 0
        while begin < steps:
            fill(states, bounds, values, masks, kept)
            for window in range(len(windows)):
                asked = (steps, first_skip, last_skip, dropped, radix, found)
                rows = windows[window] * width
                if radix >= RARE_RADIX:
                    found = sparse(masks, rows, begin, window, asked, hits)
                else:
                    found = dense(masks, rows, begin, window, asked, hits)
            begin += _STRETCH
            kept = width - _STRETCH
            for index in range(len(values)):
                for at in range(index * width, index * width + kept):
                    masks[at] = masks[at + _STRETCH]
        return found

    return kernel
