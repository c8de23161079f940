""".NET's System.Random with a seed: Knuth's subtractive generator as .NET has it.

State
    55 numbers of 31 bits and the position of the next one; ``x_i = x_(i-55) - x_(i-34)``
    modulo 2**31 - 1. Knuth's second lag is 24; .NET starts its second index at 21, not at 31.
Seeding
    ``|seed|``, where the least int counts as 2**31 - 1. The numbers come from 161803398 - |seed| by
    subtraction in steps of 21, then are mixed four times, in 32-bit arithmetic that wraps.
Compatibility guarantee
    None by contract ("the implementation is not guaranteed to remain the same"), but .NET 6 and
    later keep it for seeded instances.
Source
    Knuth, The Art of Computer Programming 2, 2nd edition, section 3.6, program A; the second index
    is the subject of dotnet/runtime issue 23198.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import int32, int64, uint32, uint64

from seedfleet.generators.algebra import EarlyWords
from seedfleet.generators.boundings import DIVIDE_31
from seedfleet.generators.compiled import jitable
from seedfleet.generators.definition import Generator, Preset, Stream

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DOTNET", "PRESETS"]

_SIZE = 55
_SECOND = 21
_MIXED = _SECOND + 10
_START = 161803398
_LARGEST = uint32(2**31 - 1)
_ROUNDS = 4
_EARLY = 1024
_LANES = 128  # 55 numbers of so many stay in the first-level cache


def _magnitude(seed: Any) -> Any:
    """Return ``|seed|`` of a 32-bit signed seed, as int64 in ``[0, 2**31)``."""
    unsigned = int64(uint32(seed))
    magnitude = unsigned if unsigned < int64(2**31) else int64(2**32) - unsigned
    return min(magnitude, int64(_LARGEST))


def _wrapped(number: Any, other: Any) -> Any:
    """Return the difference in 32 bits, as uint32; loops over 64-bit ones would be slow."""
    return uint32(uint32(number) - uint32(other))


def _lifted(wrapped: Any) -> Any:
    """Return a wrapped difference as int32, with 2**31 - 1 added where it is below 0."""
    return int32(uint32(wrapped + _LARGEST) if wrapped > _LARGEST else wrapped)


def _seed_state(seed: Any) -> Any:
    state = np.zeros(_SIZE + 1, dtype=int32)  # the last element is the position
    last = int32(int64(_START) - _magnitude(seed))
    state[_SIZE - 1] = last
    current = int32(1)
    for index in range(1, _SIZE):
        place = _SECOND * index % _SIZE - 1
        state[place] = current
        last, current = current, _lifted(_wrapped(last, current))
    for _round in range(_ROUNDS):
        for place in range(_SIZE):
            other = state[(place + _MIXED) % _SIZE]
            state[place] = _lifted(_wrapped(state[place], other))
    return state


def _subtracted(number: Any, other: Any) -> Any:
    """Return the next number of the sequence from the two that it is made of."""
    wrapped = _wrapped(number, other)
    # .NET turns 2**31 - 1 into 2**31 - 2 before it lifts what is below 0.
    return _lifted(uint32(wrapped - uint32(1)) if wrapped == _LARGEST else wrapped)


def _step(state: Any) -> Any:
    position = int(state[_SIZE])
    state[position] = _subtracted(state[position], state[(position + _SECOND) % _SIZE])
    state[_SIZE] = (position + 1) % _SIZE
    return state


def _output(state: Any) -> Any:
    # A difference of -2**31, lifted, is -1, which .NET's product rounds to draw 0.
    return uint32(max(state[(int(state[_SIZE]) + _SIZE - 1) % _SIZE], int32(0)))


def _doubles(seed: int) -> tuple[int, ...]:
    if seed == _LARGEST:
        return -seed, -seed - 1
    return (-seed,) if seed else ()


def _early_factory(  # noqa: C901 - its inner functions are counted in
    digest: str,
    magnitude: Callable[..., Any],
    wrapped: Callable[..., Any],
    lifted: Callable[..., Any],
    subtracted: Callable[..., Any],
) -> Callable[..., Any]:
    """Return ``fill`` of `EarlyWords`: 55 numbers of many seeds, row by row."""
    lanes = uint64(_LANES)

    # Each loop takes two rows at a distance that the compiler knows: it does not ask then whether
    # they overlap, which it would not vectorise.

    @jitable
    def initial(first: Any, chain: Any, rows: Any) -> None:
        for lane in range(lanes):
            chain[lane] = int32(int64(_START) - magnitude(first + lane))
            chain[lanes + lane] = int32(1)
        for index in range(2, _SIZE):
            at = uint64(index) * lanes
            for lane in range(lanes):
                pair = chain[at - uint64(2) * lanes + lane], chain[at - lanes + lane]
                chain[at + lane] = lifted(wrapped(pair[0], pair[1]))
        for index in range(_SIZE):
            at, place = uint64(index) * lanes, uint64((_SECOND * index - 1) % _SIZE) * lanes
            for lane in range(lanes):
                rows[place + lane] = chain[at + lane]

    @jitable
    def mixed(rows: Any) -> None:
        for place in range(_SIZE - _MIXED):
            at = uint64(place) * lanes
            for lane in range(lanes):
                other = rows[at + uint64(_MIXED) * lanes + lane]
                rows[at + lane] = lifted(wrapped(rows[at + lane], other))
        for place in range(_SIZE - _MIXED, _SIZE):
            at = uint64(place) * lanes
            for lane in range(lanes):
                other = rows[at - uint64(_SIZE - _MIXED) * lanes + lane]
                rows[at + lane] = lifted(wrapped(rows[at + lane], other))

    @jitable
    def advance(turn: Any, rows: Any) -> Any:
        """Renew a number, and return where it stands."""
        place = turn % _SIZE
        at = uint64(place) * lanes
        if place < _SIZE - _SECOND:
            for lane in range(lanes):
                other = rows[at + uint64(_SECOND) * lanes + lane]
                rows[at + lane] = subtracted(rows[at + lane], other)
        else:
            for lane in range(lanes):
                other = rows[at - uint64(_SIZE - _SECOND) * lanes + lane]
                rows[at + lane] = subtracted(rows[at + lane], other)
        return at

    def fill(first: Any, positions: Any, words: Any) -> None:
        _ = digest
        chain, rows = np.empty(_SIZE * _LANES, int32), np.empty(_SIZE * _LANES, int32)
        for base in range(0, words.shape[1], _LANES):
            initial(first + uint64(base), chain, rows)
            for _round in range(_ROUNDS):
                mixed(rows)
            reached = 0
            for place in range(len(positions)):
                at = uint64(0)
                while reached < positions[place] + 1:
                    at = advance(reached, rows)
                    reached += 1
                for lane in range(min(_LANES, words.shape[1] - base)):
                    words[place, base + lane] = uint32(max(rows[at + uint64(lane)], int32(0)))

    return fill


DOTNET = Generator(
    name="System.Random",
    seeds=range(2**31),
    seed_modulus=2**32,
    seed_bits=32,
    seed_state=_seed_state,
    step=_step,
    output=_output,
    output_bits=31,
    doubles=_doubles,
    early=EarlyWords(_EARLY, _early_factory, (_magnitude, _wrapped, _lifted, _subtracted)),
)

PRESETS = (
    Preset(
        "dotnet_next",
        ".NET System.Random.Next(m)",
        ".NET Framework, .NET Core, .NET 5 and later, Mono 4.0 and later, with a seed",
        Stream(DOTNET, DIVIDE_31),
        "var r = new System.Random({seed}); r.Next({m})",
        "csharp",
    ),
)
