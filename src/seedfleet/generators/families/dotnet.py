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

from typing import Any

import numpy as np
from numpy import int32, int64, uint32

from seedfleet.generators.boundings import DIVIDE_31
from seedfleet.generators.definition import Generator, Preset, Stream

__all__ = ["DOTNET", "PRESETS"]

_SIZE = 55
_SECOND = 21
_START = 161803398
_LARGEST = 2**31 - 1
_ROUNDS = 4


def _magnitude(seed: Any) -> Any:
    """Return ``|seed|`` of a 32-bit signed seed, as int64 in ``[0, 2**31)``."""
    unsigned = int64(uint32(seed))
    magnitude = unsigned if unsigned < int64(2**31) else int64(2**32) - unsigned
    return min(magnitude, int64(_LARGEST))


def _lifted(difference: Any) -> Any:
    """Return a 32-bit difference, wrapped around, with 2**31 - 1 added where it is below 0."""
    wrapped = int64(int32(difference))
    return int32(wrapped + int64(_LARGEST) if wrapped < 0 else wrapped)


def _seed_state(seed: Any) -> Any:
    state = np.zeros(_SIZE + 1, dtype=int32)  # the last element is the position
    last = int64(_START) - _magnitude(seed)
    state[_SIZE - 1] = int32(last)
    current = int64(1)
    for index in range(1, _SIZE):
        place = _SECOND * index % _SIZE - 1
        state[place] = int32(current)
        following = int64(_lifted(last - current))
        last, current = current, following
    for _round in range(_ROUNDS):
        for place in range(_SIZE):
            other = int64(state[(place + _SECOND + 10) % _SIZE])
            state[place] = _lifted(int64(state[place]) - other)
    return state


def _step(state: Any) -> Any:
    position = int(state[_SIZE])
    other = int64(state[(position + _SECOND) % _SIZE])
    difference = int64(state[position]) - other
    # .NET turns 2**31 - 1 into 2**31 - 2 before it lifts what is below 0.
    state[position] = _lifted(difference - int64(1) if difference == _LARGEST else difference)
    state[_SIZE] = (position + 1) % _SIZE
    return state


def _output(state: Any) -> Any:
    # A difference of -2**31, lifted, is -1, which .NET's product rounds to draw 0.
    return uint32(max(state[(int(state[_SIZE]) + _SIZE - 1) % _SIZE], int32(0)))


def _doubles(seed: int) -> tuple[int, ...]:
    if seed == _LARGEST:
        return -seed, -seed - 1
    return (-seed,) if seed else ()


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
