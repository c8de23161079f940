"""rand() of Microsoft's C runtime.

State
    The low 31 bits of a 32-bit number, whose top bit never reaches a word;
    ``state -> 214013 * state + 2531011 mod 2**31``; the output word is ``state >> 16``, 15 bits.
    Full period 2**31.
Seeding
    ``srand(seed)``: the seed is the state.
Compatibility guarantee
    None is given in writing. Words are published for C 6.0, Visual C++ 2012 and 2017.
Source
    OEIS A096558 (https://oeis.org/A096558) and A084275: the words after srand(0) and srand(1).
"""

from __future__ import annotations

from typing import Any

from numpy import uint32

from seedfleet.generators.algebra import Leap, PowerOfTwoLcg
from seedfleet.generators.boundings import MODULO
from seedfleet.generators.definition import Generator, Preset, Stream

__all__ = ["MSVC", "PRESETS"]

_MASK = uint32(2**31 - 1)


def _seed_state(seed: Any) -> Any:
    return uint32(seed) & _MASK


def _step(state: Any) -> Any:
    return uint32(uint32(state * uint32(214013)) + uint32(2531011)) & _MASK


def _output(state: Any) -> Any:
    return uint32(state >> uint32(16))


def _leap(state: Any, multiplier: Any, increment: Any) -> Any:
    return uint32(uint32(state * uint32(multiplier)) + uint32(increment)) & _MASK


_LCG = PowerOfTwoLcg(214013, 2531011, 31, 16, lambda state: state)

MSVC = Generator(
    name="msvc",
    seeds=range(2**31),
    seed_modulus=2**31,
    seed_bits=32,
    seed_state=_seed_state,
    step=_step,
    output=_output,
    output_bits=15,
    lcg=_LCG,
    leap=Leap(_LCG.jump, _leap),
)

PRESETS = (
    Preset(
        "msvc_rand",
        "Microsoft C rand() % m",
        "Visual C++ 6.0 and later",
        Stream(MSVC, MODULO),
        "srand({seed}); rand() % {m}",
        "c",
    ),
)
