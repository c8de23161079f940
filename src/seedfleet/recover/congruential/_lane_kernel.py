"""The two stages of the lane split, compiled.

A state is split into ``low_bits`` low and ``high_bits`` high bits. The low part evolves by itself,
and its top lane bits are the draws modulo the 2-part of the radix: stage one keeps the low words
whose lane gives all of them. Given a low word, the high part evolves by itself as well, and the
draws modulo the odd part decide it: stage two keeps the high words that give all of them. Both
stages fill a chunk of flags with the first few tests, as vector instructions, and finish the few
hits one by one.

Jumps are absolute: observation k sees ``multipliers[k] * state + increments[k]`` of the state at
observation 0, modulo 2**modulus_bits; wrap-around of the 64-bit product is harmless below that.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import uint32

from seedfleet.generators.compiled import build_kernel, jitable
from seedfleet.sieve.residues import has_residue

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["high_kernel", "low_kernel"]

_CHUNK = 4096


def _low_factory(digest: str) -> Callable[..., Any]:  # noqa: C901 - its inner functions are counted in
    """Return ``kernel(multipliers, increments, lanes, shape, room) -> hits``.

    All but `room` are as long as the observations; `shape` is ``(low bits, lane bits, tests to be
    vectorised)``. Low words at observation 0 that give every lane are written to `room`, and
    counted on beyond its length.
    """

    @jitable
    def lane_of(word: Any, multiplier: Any, increment: Any, mask: Any, shift: Any) -> Any:
        return uint32((uint32(uint32(multiplier * word) + increment) & mask) >> shift)

    @jitable
    def flag_chunk(start: Any, jumps: Any, lanes: Any, layout: Any, flags: Any) -> None:
        multipliers, increments = jumps
        mask, shift, tests = layout
        for test in range(1, tests + 1):
            multiplier, increment, lane = multipliers[test], increments[test], lanes[test]
            for i in range(_CHUNK):
                word = uint32(start + uint32(i))
                holds = lane_of(word, multiplier, increment, mask, shift) == lane
                flags[i] = holds & (flags[i] | (test == 1))

    @jitable
    def holds_all(word: Any, jumps: Any, lanes: Any, layout: Any) -> bool:
        multipliers, increments = jumps
        mask, shift, tests = layout
        for k in range(tests + 1, len(lanes)):
            if lane_of(word, multipliers[k], increments[k], mask, shift) != lanes[k]:
                return False
        return True

    def kernel(multipliers: Any, increments: Any, lanes: Any, shape: Any, room: Any) -> int:
        _ = digest
        low_bits, lane_bits, tests = shape
        free_bits = low_bits - lane_bits  # observation 0 gives the lane itself
        layout = (uint32((1 << low_bits) - 1), uint32(free_bits), tests)
        jumps = (multipliers, increments)
        flags = np.zeros(_CHUNK, dtype=np.uint8)
        hits = 0
        for base in range(0, 1 << free_bits, _CHUNK):
            start = uint32((lanes[0] << uint32(free_bits)) + uint32(base))
            flag_chunk(start, jumps, lanes, layout, flags)
            for i in range(min(_CHUNK, (1 << free_bits) - base)):
                word = uint32(start + uint32(i))
                if flags[i] != 0 and holds_all(word, jumps, lanes, layout):
                    if hits < len(room):
                        room[hits] = word
                    hits += 1
        return hits

    return kernel


def _high_factory(digest: str, residue_holds: Callable[..., Any]) -> Callable[..., Any]:  # noqa: C901 - its inner functions are counted in
    """Return ``kernel(multipliers, carried, residue tests, span, room) -> hits``.

    `carried` is what the low word adds to the high part at each observation, `span` is ``(first
    candidate, candidates, step, mask of the high bits, tests to be vectorised)``. High words at
    observation 0 that give every residue are written to `room`, and counted on beyond its length.
    """

    @jitable
    def flag_chunk(start: Any, jumps: Any, tests: Any, span: Any, flags: Any) -> None:
        multipliers, carried = jumps
        residues, limits, inverse, rotation = tests
        stride, mask, vectorised = span
        for test in range(1, vectorised + 1):
            multiplier, carry = multipliers[test], carried[test]
            residue, limit = residues[test], limits[test]
            for i in range(_CHUNK):
                word = uint32(start + uint32(stride * uint32(i)))
                high = uint32(uint32(uint32(multiplier * word) + carry) & mask)
                holds = residue_holds(high, residue, inverse, rotation, limit)
                flags[i] = holds & (flags[i] | (test == 1))

    @jitable
    def holds_all(word: Any, jumps: Any, tests: Any, span: Any) -> bool:
        multipliers, carried = jumps
        residues, limits, inverse, rotation = tests
        _stride, mask, vectorised = span
        for k in range(vectorised + 1, len(multipliers)):
            high = uint32(uint32(uint32(multipliers[k] * word) + carried[k]) & mask)
            if not residue_holds(high, residues[k], inverse, rotation, limits[k]):
                return False
        return True

    def kernel(multipliers: Any, carried: Any, tests: Any, span: Any, room: Any) -> int:
        _ = digest
        first, candidates, step, mask, vectorised = span
        jumps, inner = (multipliers, carried), (uint32(step), mask, vectorised)
        flags = np.zeros(_CHUNK, dtype=np.uint8)
        hits = 0
        for base in range(0, candidates, _CHUNK):
            start = uint32(first + base * step)
            flag_chunk(start, jumps, tests, inner, flags)
            for i in range(min(_CHUNK, candidates - base)):
                word = uint32(start + uint32(uint32(step) * uint32(i)))
                if flags[i] != 0 and holds_all(word, jumps, tests, inner):
                    if hits < len(room):
                        room[hits] = word
                    hits += 1
        return hits

    return kernel


@cache
def low_kernel() -> Callable[..., Any]:
    """Return the compiled first stage."""
    return build_kernel(_low_factory)


@cache
def high_kernel() -> Callable[..., Any]:
    """Return the compiled second stage."""
    return build_kernel(_high_factory, has_residue)
