"""MINSTD with multiplier 48271: the classic minstd and C++'s std::minstd_rand.

State
    One number in ``[1, 2**31 - 2]``; ``state -> 48271 * state mod (2**31 - 1)``; the output word
    is the state. All states lie on one cycle.
Seeding
    The seed modulo 2**31 - 1; 0 becomes 1.
Compatibility guarantee
    ISO C++11 [rand.predef] fixes std::minstd_rand: the 10000th output from seed 1 is 399268537.
Source
    Park, Miller and Stockmeyer, Communications of the ACM 36(7), 1993, pages 105-110.
"""

from __future__ import annotations

from typing import Any

from numpy import uint32, uint64

from seedfleet.generators.boundings import MODULO
from seedfleet.generators.definition import Generator, Preset, Stream

__all__ = ["MINSTD", "PRESETS"]

_MULTIPLIER = uint64(48271)
_MODULUS = uint64(2**31 - 1)
_HALF = uint64(31)


def _seed_state(seed: Any) -> Any:
    state = uint64(seed) % _MODULUS
    return uint32(max(state, uint64(1)))


def _step(state: Any) -> Any:
    product = uint64(state) * _MULTIPLIER
    # 2**31 = 1 modulo 2**31 - 1, so the high part is simply added. One fold leaves at most
    # 2**31 - 1 + 48271; the product is never a multiple of the prime modulus, so neither is this.
    folded = (product & _MODULUS) + (product >> _HALF)
    return uint32((folded & _MODULUS) + (folded >> _HALF))


def _output(state: Any) -> Any:
    return state


MINSTD = Generator(
    name="minstd",
    seeds=range(1, 2**31 - 1),
    seed_modulus=2**31 - 1,
    seed_bits=32,
    seed_state=_seed_state,
    step=_step,
    output=_output,
    output_bits=31,
)

_MINSTD = Stream(MINSTD, MODULO)

PRESETS = (
    Preset(
        "minstd",
        "minstd % m",
        "classic table",
        _MINSTD,
        "s = {seed}; s = 48271 * s % 2147483647; s % {m}",
    ),
    Preset(
        "cpp_minstd_rand",
        "std::minstd_rand % m",
        "C++11 and later",
        _MINSTD,
        "std::minstd_rand r({seed}u); r() % {m}",
    ),
)
