"""The two stages of the lane split, compiled.

A state is split into ``low_bits`` low and ``high_bits`` high bits. The low part evolves by itself,
and its top lane bits are the draws modulo the 2-part of the radix: stage one keeps the low words
whose lane gives all of them. Given a low word, the high part evolves by itself as well, and the draws
modulo the odd part decide it: stage two keeps the high words that give all of them. Both stages fill
a chunk of flags with the first few tests, as vector instructions, and finish the few hits one by one.

Jumps are absolute: observation k sees ``multipliers[k] * state + increments[k]`` of the state at
observation 0, modulo 2**modulus_bits; 64-bit wrap-around is harmless below that.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import uint32, uint64

from seedfleet.generators.compiled import build_kernel
from seedfleet.sieve.residues import has_residue

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["high_kernel", "low_kernel"]

_CHUNK = 4096


def _low_factory(digest: str) -> Callable[..., Any]:
    def kernel(
        multipliers: Any, increments: Any, lanes: Any, low_bits: Any, vector_tests: Any, found: Any
    ) -> int:
        """Write the low words at observation 0 that give every lane; count on beyond the room."""
        _ = digest
        lane_bits = lanes[0]
        shift = uint32(low_bits - lane_bits)
        mask = uint32((1 << low_bits) - 1)
        first = uint32(lanes[1] << shift)
        flags = np.zeros(_CHUNK, dtype=np.uint8)
        hits = 0
        for base in range(0, 1 << shift, _CHUNK):
            size = min(_CHUNK, (1 << shift) - base)
            start = uint32(first + uint32(base))
            for test in range(1, vector_tests + 1):
                multiplier, increment = uint32(multipliers[test]), uint32(increments[test])
                lane = uint32(lanes[test + 1])
                for i in range(_CHUNK):
                    low = uint32(uint32(multiplier * uint32(start + uint32(i))) + increment) & mask
                    holds = uint32(low >> shift) == lane
                    flags[i] = holds & (flags[i] | (test == 1))
            for i in range(size):
                if flags[i] == 0:
                    continue
                word = uint32(start + uint32(i))
                holds = True
                for k in range(vector_tests + 1, len(multipliers)):
                    low = uint32(uint32(multipliers[k]) * word + uint32(increments[k])) & mask
                    if uint32(low >> shift) != lanes[k + 1]:
                        holds = False
                        break
                if holds:
                    if hits < len(found):
                        found[hits] = word
                    hits += 1
        return hits

    return kernel


def _high_factory(digest: str, residue_holds: Callable[..., Any]) -> Callable[..., Any]:
    def kernel(
        multipliers: Any, bases: Any, tests: Any, span: Any, vector_tests: Any, found: Any
    ) -> int:
        """Write the high words at observation 0 that give every residue; count on beyond the room.

        `bases` holds what the low word carries into the high part at each observation, `span` is
        ``(first candidate, candidates, step, high mask)``.
        """
        _ = digest
        residues, limits, inverse, rotation = tests
        first, count, step, mask = span
        flags = np.zeros(_CHUNK, dtype=np.uint8)
        hits = 0
        for base in range(0, count, _CHUNK):
            size = min(_CHUNK, count - base)
            start = uint32(first + base * step)
            stride = uint32(step)
            for test in range(1, vector_tests + 1):
                multiplier, carried = multipliers[test], bases[test]
                residue, limit = residues[test], limits[test]
                for i in range(_CHUNK):
                    word = uint32(start + uint32(stride * uint32(i)))
                    high = uint32(uint32(multiplier * word) + carried) & mask
                    holds = residue_holds(high, residue, inverse, rotation, limit)
                    flags[i] = holds & (flags[i] | (test == 1))
            for i in range(size):
                if flags[i] == 0:
                    continue
                word = uint32(start + uint32(stride * uint32(i)))
                holds = True
                for k in range(vector_tests + 1, len(multipliers)):
                    high = uint32(uint32(multipliers[k] * word) + bases[k]) & mask
                    if not residue_holds(high, residues[k], inverse, rotation, limits[k]):
                        holds = False
                        break
                if holds:
                    if hits < len(found):
                        found[hits] = word
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
