"""Close vectors of one lattice for many targets, compiled.

For a low word, the high part of observation k of an unknown multiple ``u`` is
``multipliers[k] * u + target[k]`` modulo ``2**high_bits``, and must lie in ``[0, widths[k])``. The
points ``multipliers * u`` form a lattice that does not depend on the low word, so one reduced basis
serves all. The kernel walks the tree of Schnorr and Euchner from the last vector of the basis to
the first: a branch ends where the part of the distance that is fixed already is longer than a box
would leave it, and the multiples of the first vector are an intersection of intervals, so most
targets cost a few scalar products. What is left is tested exactly, at every observation.

Source: Schnorr and Euchner, Mathematical Programming 66 (1994), section 3.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import float64, int64, uint32, uint64

from seedfleet.generators.compiled import build_kernel

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["close_kernel", "near_kernel"]

_CHUNK = 2048
_SLACK = 1e-6  # of a coordinate: what floating point may leave of a whole number


def _target_of(low: Any, k: Any, jumps: Any, observed: Any) -> Any:
    """Return what the high part of observation k is for the multiple 0."""
    multipliers, increments, state_mask, low_bits = jumps
    wanted, _widths, inverse, high_mask = observed
    carried = ((multipliers[k] * low + increments[k]) & state_mask) >> low_bits
    return ((carried - wanted[k]) * inverse) & high_mask


def _holds(multiple: Any, low: Any, jumps: Any, observed: Any) -> bool:
    """Test a multiple exactly, at every observation."""
    multipliers, high_mask = jumps[0], observed[3]
    for k in range(len(multipliers)):
        shown = (multipliers[k] * multiple + _target_of(low, k, jumps, observed)) & high_mask
        if shown >= observed[1][k]:
            return False
    return True


def _multiples_inside(rest: Any, first: Any, observed: Any, centre: Any) -> Any:
    """Return which multiples of the first vector bring a point into the box."""
    least, most = -1e18, 1e18
    for k in range(len(first)):
        if first[k] != 0.0:
            # rest = centre - shown: after x steps the point shows centre - rest + x * first.
            below = (rest[k] - centre[k]) / first[k]
            above = (rest[k] - centre[k] + float64(observed[1][k]) - 1.0) / first[k]
            least, most = max(least, min(below, above)), min(most, max(below, above))
    return int64(np.ceil(least - _SLACK)), int64(np.floor(most + _SLACK))


def _enter(level: Any, rests: Any, tree: Any, dual: Any) -> None:
    """Begin at the multiple nearest to what is left; the others follow in zigzag."""
    wanted, chosen, stride = tree
    total = 0.0
    for k in range(dual.shape[1]):
        total += rests[level, k] * dual[level, k]
    wanted[level] = total
    chosen[level] = np.round(wanted[level])
    stride[level] = 1.0 if wanted[level] >= chosen[level] else -1.0


def _next_choice(level: Any, tree: Any) -> None:
    _wanted, chosen, stride = tree
    chosen[level] += stride[level]
    stride[level] = -stride[level] - (1.0 if stride[level] > 0.0 else -1.0)


def _record(rest: Any, low: Any, known: Any, found: Any, room: Any) -> Any:
    """Write down the points of the box on the line of the first vector."""
    jumps, observed, lattice = known
    basis, centre = lattice[0], lattice[4]
    least, most = _multiples_inside(rest, basis[0], observed, centre)
    for x in range(least, most + 1):
        shown = uint64(int64(np.round(centre[0] - rest[0] + x * basis[0, 0])))
        multiple = (shown - _target_of(low, 0, jumps, observed)) & observed[3]
        if _holds(multiple, low, jumps, observed):
            if found < room.shape[1]:
                room[0, found], room[1, found] = multiple, low
            found += 1
    return found


def _walk(low: Any, known: Any, scratch: Any, found: Any, room: Any) -> Any:
    """Walk the tree of one low word."""
    _jumps, _observed, (basis, dual, lengths, limits, _centre) = known
    rests, fixed, tree, most = scratch
    wanted, chosen, _stride = tree
    last = len(basis) - 1
    level, steps = last, 0
    _enter(level, rests, tree, dual)
    while level <= last and steps < most:
        steps += 1
        away = wanted[level] - chosen[level]
        distance = fixed[level + 1] + away * away * lengths[level]
        if distance > limits[level]:
            level += 1  # the multiples come in order of distance
            if level <= last:
                _next_choice(level, tree)
            continue
        fixed[level] = distance
        for k in range(len(basis)):
            rests[level - 1, k] = rests[level, k] - chosen[level] * basis[level, k]
        if level == 1:
            found = _record(rests[0], low, known, found, room)
            _next_choice(level, tree)
        else:
            level -= 1
            _enter(level, rests, tree, dual)
    return found, steps


def _close_factory(
    digest: str, target_of: Callable[..., Any], walk: Callable[..., Any]
) -> Callable[..., Any]:
    """Return ``kernel(low_words, jumps, observed, lattice, most, room) -> (hits, steps)``.

    ``jumps = (multipliers, increments, mask of the state, low bits)``; ``observed = (wanted,
    widths, inverse, mask of the high bits)``; ``lattice = (basis, dual, lengths, limits, centre)``,
    the dual being the orthogonalised basis over its squared lengths. The multiples ``u`` at
    observation 0 are written to ``room[0]`` beside their low words in ``room[1]``, and counted on
    beyond its length. A low word is given up after `most` steps of the tree.
    """

    def kernel(
        low_words: Any, jumps: Any, observed: Any, lattice: Any, most: Any, room: Any
    ) -> Any:
        _ = digest
        centre = lattice[4]
        size = len(centre)
        rests, fixed = np.zeros((size, size)), np.zeros(size + 1)
        tree = (np.zeros(size), np.zeros(size), np.zeros(size))
        scratch = (rests, fixed, tree, most)
        known = (jumps, observed, lattice)
        found, steps = 0, 0
        for low in low_words:
            for k in range(size):
                rests[size - 1, k] = centre[k] - float64(target_of(low, k, jumps, observed))
            found, taken = walk(low, known, scratch, found, room)
            steps += taken
        return found, steps

    return kernel


def _carry_chunk(low_words: Any, start: Any, k: Any, jumps: Any, carried: Any) -> None:
    """Fill in what low words carry into the high part of observation k."""
    multipliers, increments, state_mask, low_bits = jumps
    multiplier, increment = multipliers[k], increments[k]
    for i in range(len(carried)):
        state = (multiplier * uint64(low_words[start + i]) + increment) & state_mask
        carried[i] = uint32(state >> (low_bits & uint64(63)))


def _add_chunk(coefficient: Any, carried: Any, total: Any) -> None:
    for i in range(len(carried)):
        total[i] += uint32(coefficient * carried[i])


def _flag_chunk(total: Any, reach: Any, flags: Any) -> None:
    for i in range(len(total)):
        flags[i] &= total[i] <= reach


def _near_factory(
    digest: str,
    carry_chunk: Callable[..., Any],
    add_chunk: Callable[..., Any],
    flag_chunk: Callable[..., Any],
) -> Callable[..., Any]:
    """Return ``kernel(jumps, low_words, tests, room) -> hits``.

    `jumps` as above, cut to the coordinates of the lattice; ``tests = (rows, offsets, reaches)``,
    uint32: a low word passes where ``rows[j] @ carried + offsets[j]`` modulo 2**32 is at most
    ``reaches[j]`` for every j. The low words that pass are written to `room`, as long as they are.
    """

    def kernel(jumps: Any, low_words: Any, tests: Any, room: Any) -> int:
        _ = digest
        rows, offsets, reaches = tests
        hits = 0
        for start in range(0, len(low_words), _CHUNK):
            size = min(_CHUNK, len(low_words) - start)
            carried, flags = np.empty(size, dtype=uint32), np.ones(size, dtype=np.uint8)
            totals = np.empty((len(rows), size), dtype=uint32)
            for j in range(len(rows)):
                totals[j] = offsets[j]
            for k in range(rows.shape[1]):
                carry_chunk(low_words, start, k, jumps, carried)
                for j in range(len(rows)):
                    add_chunk(rows[j, k], carried, totals[j])
            for j in range(len(rows)):
                flag_chunk(totals[j], reaches[j], flags)
            for i in range(size):
                if flags[i] != 0:
                    room[hits] = low_words[start + i]
                    hits += 1
        return hits

    return kernel


@cache
def near_kernel() -> Callable[..., Any]:
    """Return the compiled tests by dual vectors."""
    return build_kernel(_near_factory, _carry_chunk, _add_chunk, _flag_chunk)


@cache
def close_kernel() -> Callable[..., Any]:
    """Return the compiled walk."""
    return build_kernel(_close_factory, _target_of, _walk)
