"""States of a power-of-two generator under every path of gaps, compiled.

Word ``k`` of a window shows ``x_k`` in ``[0, span_k]``, where the high part of its state is
``residue_k + cofactor * x_k`` and the top bits of its low part are ``lane_k``. For a tuple of gaps
between the first few draws, and a low part whose lanes fit, the high parts obey

    x_k = A_k x_0 + offset_k  modulo 2**high_bits,

so that the vectors x are the points of a shifted lattice within a box. The lattice is one for each
tuple; its basis is reduced (Lenstra, Lenstra and Lovasz, Mathematische Annalen 261, 1982), and the
points are enumerated by the Gram-Schmidt coefficients that the box and the ball around it allow
(Fincke and Pohst, Mathematics of Computation 44, 1985). Bounds are floats with a margin, and each
point is tested in integers, so that none is lost and none is false. A point is a state, which then
has to show the other draws of the window along some path of gaps.

All integers are int64: products wrap, which is harmless modulo 2**62 and below. Numbers of a tuple
of gaps lie in the rows of two arrays, since arrays in tuples would be counted at every call.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy import int64

from seedfleet.generators.compiled import build_kernel, jitable

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Layout", "gaps_kernel"]

_MARGIN = 1e-6  # by which float bounds are widened, in units of a basis vector
_LOVASZ = 0.99
_FAR = 2.0**62
# Rows of `reals`, then the Gram-Schmidt coefficients, then the Gram-Schmidt vectors.
_CENTRE, _REACH, _LEFT, _MIDDLE, _NORM, _SHARES = range(6)
# Rows of `whole`, then the basis, then partial sums of its multiples, the point itself first.
_OFFSET, _FACTOR, _LAST, _MULTIPLIER, _INCREMENT, _BASIS = range(6)


class Layout(NamedTuple):
    """What the words of a window show, and how far apart its draws may be.

    Attributes
    ----------
    stride, parts
        Words of a draw, and how many of them, from the first, show something.
    mask
        Of the state's bits.
    low_bits, lane_shift, low_mask
        The low part of a state, and the bits of it below its lane.
    inverse, high_mask
        Of the cofactor modulo 2**high_bits, and ``2**high_bits - 1``.
    cofactor
        Step between the high parts that show the same.
    least, most
        Gaps.
    depth, draws
        Draws of the lattice, and of the window.
    """

    stride: int
    parts: int
    mask: int
    low_bits: int
    lane_shift: int
    low_mask: int
    inverse: int
    high_mask: int
    cofactor: int
    least: int
    most: int
    depth: int
    draws: int


@jitable
def _fitting(lows: Any, steps: Any, lanes: Any, layout: Any, jumps: Any, kept: Any) -> int:
    """Write the low parts that show `lanes` so many steps on; return how many."""
    count = 0
    for low in lows:
        kept[count] = low
        holds = True
        for part in range(len(lanes)):
            word = low * jumps[0, steps + part] + jumps[1, steps + part]
            holds &= (word & layout.low_mask) >> layout.lane_shift == lanes[part]
        count += holds
    return count


@jitable
def _orthogonalised(row: Any, whole: Any, reals: Any) -> None:
    """Fill in the Gram-Schmidt coefficients, vector and squared length of one row of the basis."""
    size = whole.shape[1]
    vector = _SHARES + size + row
    for at in range(size):
        reals[vector, at] = whole[_BASIS + row, at]
    for other in range(row):
        product = 0.0
        for at in range(size):
            product += whole[_BASIS + row, at] * reals[_SHARES + size + other, at]
        share = product / reals[_NORM, other]
        reals[_SHARES + row, other] = share
        for at in range(size):
            reals[vector, at] -= share * reals[_SHARES + size + other, at]
    norm = 0.0
    for at in range(size):
        norm += reals[vector, at] * reals[vector, at]
    reals[_NORM, row] = norm


@jitable
def _size_reduced(row: Any, whole: Any, reals: Any) -> None:
    """Take multiples of the rows before from `row` until no coefficient exceeds a half."""
    changed = True
    while changed:
        changed = False
        _orthogonalised(row, whole, reals)
        for other in range(row - 1, -1, -1):
            share = reals[_SHARES + row, other]
            if abs(share) <= 0.51:
                continue
            changed = True
            factor = np.rint(share)
            for at in range(whole.shape[1]):
                whole[_BASIS + row, at] -= int64(factor) * whole[_BASIS + other, at]
            for at in range(other):
                reals[_SHARES + row, at] -= factor * reals[_SHARES + other, at]


@jitable
def _reduce(whole: Any, reals: Any) -> None:
    """Reduce the basis in place, and leave its Gram-Schmidt data in `reals`."""
    size = whole.shape[1]
    _orthogonalised(0, whole, reals)
    row = 1
    while row < size:
        _size_reduced(row, whole, reals)
        share = reals[_SHARES + row, row - 1]
        if reals[_NORM, row] >= (_LOVASZ - share * share) * reals[_NORM, row - 1]:
            row += 1
            continue
        upper, lower = _BASIS + row - 1, _BASIS + row
        for at in range(size):
            whole[lower, at], whole[upper, at] = whole[upper, at], whole[lower, at]
        _orthogonalised(row - 1, whole, reals)
        row = max(row - 1, 1)


@jitable
def _set_up(positions: Any, layout: Any, shown: Any, jumps: Any, whole: Any, reals: Any) -> None:
    """Prepare the lattice of a tuple of gaps, and how far points lie from the box's centre."""
    size = whole.shape[1]
    whole[_BASIS : _BASIS + size] = 0
    for at in range(size):
        steps = positions[at // layout.parts] * layout.stride + at % layout.parts
        whole[_MULTIPLIER, at], whole[_INCREMENT, at] = jumps[0, steps], jumps[1, steps]
        whole[_BASIS, at] = jumps[0, steps] & layout.high_mask
        if at > 0:
            whole[_BASIS + at, at] = layout.high_mask + 1
    _reduce(whole, reals)
    ball = 0.0
    for row in range(size):
        reach = 0.0
        for at in range(size):
            reach += shown[2, at] / 2 * abs(reals[_SHARES + size + row, at])
        reals[_REACH, row] = reach / reals[_NORM, row] + _MARGIN
        ball += (shown[2, row] / 2) ** 2
    reals[_LEFT, size] = ball * (1 + _MARGIN)


@jitable
def _place_box(low: Any, layout: Any, shown: Any, whole: Any, reals: Any) -> None:
    """Shift the box to where a low part puts it, and fill in the coefficients of its centre."""
    size = whole.shape[1]
    for at in range(size):
        multiplier = whole[_MULTIPLIER, at]
        carried = ((multiplier * low + whole[_INCREMENT, at]) & layout.mask) >> layout.low_bits
        shift = (multiplier * shown[1, 0] + carried - shown[1, at]) * layout.inverse
        whole[_OFFSET, at] = shift & layout.high_mask
    for row in range(size):
        product = 0.0
        for at in range(size):
            middle = shown[2, at] / 2 - whole[_OFFSET, at]
            product += middle * reals[_SHARES + size + row, at]
        reals[_CENTRE, row] = product / reals[_NORM, row]


@jitable
def _bound(row: Any, whole: Any, reals: Any) -> None:
    """Set the factors that basis vector `row` may have, given those of the later ones."""
    middle = reals[_CENTRE, row]
    for later in range(row + 1, whole.shape[1]):
        middle -= whole[_FACTOR, later] * reals[_SHARES + later, row]
    ball = np.sqrt(max(0.0, reals[_LEFT, row + 1]) / reals[_NORM, row]) + _MARGIN
    half = min(reals[_REACH, row], ball)
    reals[_MIDDLE, row] = middle
    whole[_FACTOR, row] = int64(np.ceil(middle - half))
    whole[_LAST, row] = int64(np.floor(middle + half))


@jitable
def _clip(shown: Any, whole: Any) -> None:
    """Set the factors that the first basis vector may have: where its line is in the box."""
    size = whole.shape[1]
    least, most = -_FAR, _FAR
    for at in range(size):
        start = float(whole[_BASIS + size + 1, at] + whole[_OFFSET, at])
        step = float(whole[_BASIS, at])
        if step == 0:
            if start < 0 or start > shown[2, at]:
                most = -_FAR
            continue
        one, other = -start / step, (shown[2, at] - start) / step
        least, most = max(least, min(one, other)), min(most, max(one, other))
        if least > most + _MARGIN:
            break
    whole[_FACTOR, 0] = int64(np.ceil(least - _MARGIN))
    whole[_LAST, 0] = int64(np.floor(most + _MARGIN))


@jitable
def _next_point(row: Any, shown: Any, whole: Any, reals: Any) -> int:
    """Go on to the next point near the box; return 0, or -1 at the end.

    `row` is where to go on: the last row at first, 0 after a point.
    """
    size = whole.shape[1]
    sums = _BASIS + size
    while row < size:
        if whole[_FACTOR, row] > whole[_LAST, row]:
            row += 1
            if row < size:
                whole[_FACTOR, row] += 1
            continue
        factor = whole[_FACTOR, row]
        for at in range(size):
            whole[sums + row, at] = whole[sums + row + 1, at] + factor * whole[_BASIS + row, at]
        if row == 0:
            whole[_FACTOR, 0] += 1
            return 0
        apart = factor - reals[_MIDDLE, row]
        reals[_LEFT, row] = reals[_LEFT, row + 1] - apart * apart * reals[_NORM, row]
        row -= 1
        if row > 0:
            _bound(row, whole, reals)
        else:
            _clip(shown, whole)
    return -1


@jitable
def _in_box(whole: Any, shown: Any) -> Any:
    size = whole.shape[1]
    for at in range(size):
        place = whole[_BASIS + size, at] + whole[_OFFSET, at]
        if place < 0 or place > shown[2, at]:
            return False
    return True


@jitable
def _shows(state: Any, word: Any, layout: Any, shown: Any, jumps: Any) -> Any:
    """Tell whether the words of a draw, the first of which is `word`, start at a state."""
    for part in range(layout.parts):
        if part > 0:
            state = (state * jumps[0, 1] + jumps[1, 1]) & layout.mask
        if (state & layout.low_mask) >> layout.lane_shift != shown[0, word + part]:
            return False
        high = (state >> layout.low_bits) - shown[1, word + part]
        if (high * layout.inverse) & layout.high_mask > shown[2, word + part]:
            return False
    return True


@jitable
def _walks_on(state: Any, layout: Any, shown: Any, jumps: Any, places: Any) -> Any:
    """Tell whether a path from the state at the lattice's last draw gives all draws after it.

    `places` has two rows for positions and two for the states there, in turns.
    """
    multiplier, increment = jumps[0, layout.stride], jumps[1, layout.stride]
    steps = layout.least * layout.stride
    now, count = 0, 1
    places[0, 0], places[2, 0] = 0, state
    for draw in range(layout.depth, layout.draws):
        then, found, examined, current = 1 - now, 0, int64(-1), int64(0)
        for index in range(count):
            start = places[now, index] + layout.least
            if start > examined:
                current = (places[2 + now, index] * jumps[0, steps] + jumps[1, steps]) & layout.mask
            else:
                start = examined + 1
                current = (current * multiplier + increment) & layout.mask
            examined = places[now, index] + layout.most
            for position in range(start, examined + 1):
                if position > start:
                    current = (current * multiplier + increment) & layout.mask
                if _shows(current, draw * layout.parts, layout, shown, jumps):
                    places[then, found], places[2 + then, found] = position, current
                    found += 1
        now, count = then, found
        if count == 0:
            return False
    return True


def _gaps_factory(digest: str) -> Callable[..., Any]:  # noqa: C901 - its inner functions are counted in
    """Return ``kernel(lows, firsts, problem, hits) -> count``.

    `lows` are the low parts that show draw 0 and, the first of the two gaps on, draw 1; `firsts`
    the gaps before draws 1 and 2. A problem is ``(layout, shown, jumps)``. States at draw 0 are
    written to `hits`, once for each tuple of gaps, and counted on beyond its length.
    """

    @jitable
    def solve_tuple(
        positions: Any, lows: Any, problem: Any, rooms: Any, hits: Any, found: Any
    ) -> Any:
        layout, shown, jumps = problem
        whole, reals, places = rooms
        size = whole.shape[1]
        _set_up(positions, layout, shown, jumps, whole, reals)
        end = positions[layout.depth - 1] * layout.stride
        for low in lows:
            _place_box(low, layout, shown, whole, reals)
            _bound(size - 1, whole, reals)
            row = _next_point(size - 1, shown, whole, reals)
            while row == 0:
                if _in_box(whole, shown):
                    place = whole[_BASIS + size, 0] + whole[_OFFSET, 0]
                    state = (shown[1, 0] + layout.cofactor * place) << layout.low_bits | low
                    last = (state * jumps[0, end] + jumps[1, end]) & layout.mask
                    if _walks_on(last, layout, shown, jumps, places):
                        if found < len(hits):
                            hits[found] = state
                        found += 1
                row = _next_point(0, shown, whole, reals)
        return found

    def kernel(lows: Any, firsts: Any, problem: Any, hits: Any) -> int:
        _ = digest
        layout, shown, jumps = problem
        depth, parts = layout.depth, layout.parts
        size = depth * parts
        band = (layout.draws - depth + 1) * (layout.most - layout.least + 1)
        rooms = (
            np.zeros((_BASIS + 2 * size + 1, size), np.int64),
            np.zeros((_SHARES + 2 * size, size + 1)),
            np.empty((4, band), np.int64),
        )
        lists = np.empty((depth, len(lows)), np.int64)
        counts, positions = np.zeros(depth, np.int64), np.zeros(depth, np.int64)
        chosen, last = np.zeros(depth, np.int64), np.full(depth, layout.most)
        lists[1], counts[1], positions[1] = lows, len(lows), firsts[0]
        chosen[1] = last[1] = firsts[1]
        level, found = 1, 0
        while level > 0:
            if chosen[level] > last[level]:
                level -= 1
                continue
            before = lists[level, : counts[level]]
            positions[level + 1] = positions[level] + chosen[level]
            chosen[level] += 1
            level += 1
            steps, lanes = positions[level] * layout.stride, shown[0, level * parts :][:parts]
            counts[level] = _fitting(before, steps, lanes, layout, jumps, lists[level])
            if level < depth - 1 and counts[level] > 0:
                chosen[level] = layout.least
                continue
            if counts[level] > 0:
                fitting = lists[level, : counts[level]]
                found = solve_tuple(positions, fitting, problem, rooms, hits, found)
            level -= 1
        return found

    return kernel


@cache
def gaps_kernel() -> Callable[..., Any]:
    """Return the compiled search below one pair of first gaps."""
    return build_kernel(_gaps_factory)
