"""Linear congruential generators modulo the prime 2**31 - 1: MINSTD, old and new, and lcg32.

State
    One number below ``2**31 - 1``, which is also the output word. The MINSTD generators are
    ``state -> a * state`` with a = 16807 or 48271, and all states but 0 lie on one cycle. The
    classic lcg32 is ``state -> 1103515245 * state + 12345``; it leaves 1934915413 where it is.
Seeding
    The seed modulo 2**31 - 1. For MINSTD 0 becomes 1. For lcg32, whose state is the seed itself,
    that changes nothing: its first step takes the remainder anyway.
Compatibility guarantee
    ISO C++11 [rand.predef]: from seed 1, the 10000th output of std::minstd_rand is 399268537, that
    of std::minstd_rand0 1043618065.
Source
    Park and Miller, Communications of the ACM 31(10), 1988, pages 1192-1201 (16807); Park, Miller
    and Stockmeyer, ibid. 36(7), 1993, pages 105-110 (48271).
"""

from __future__ import annotations

from typing import Any

from numpy import uint32, uint64

from seedfleet.generators.algebra import Leap
from seedfleet.generators.boundings import MODULO
from seedfleet.generators.definition import Generator, Preset, Stream
from seedfleet.generators.linear_jump import affine_power

__all__ = ["LCG32", "MINSTD", "MINSTD0", "PRESETS"]

_PRIME = uint64(2**31 - 1)
_BITS = uint64(31)


def _fold(number: Any) -> Any:
    """Return a smaller number that is the same modulo the prime."""
    # 2**31 = 1 modulo 2**31 - 1, so the high part is simply added.
    return (number & _PRIME) + (number >> _BITS)


def _folded(number: Any) -> Any:
    """Return a number below 2**62 modulo the prime; a multiple of it gives 0 or the prime."""
    return _fold(_fold(number))


def _remainder(number: Any) -> Any:
    """Return a number below 2**64 modulo the prime."""
    folded = _folded(_fold(number))
    return uint64(0) if folded == _PRIME else folded


def _seed_minstd(seed: Any) -> Any:
    state = _remainder(uint64(seed))
    return uint32(uint64(1) if state == uint64(0) else state)


def _step_minstd(state: Any) -> Any:
    return uint32(_folded(uint64(state) * uint64(48271)))  # never a multiple of the prime


def _step_minstd0(state: Any) -> Any:
    return uint32(_folded(uint64(state) * uint64(16807)))


def _leap_minstd(state: Any, multiplier: Any, _increment: Any) -> Any:
    return uint32(_folded(uint64(state) * multiplier))


def _seed_lcg32(seed: Any) -> Any:
    return uint32(_remainder(uint64(seed)))


def _leap_lcg32(state: Any, multiplier: Any, increment: Any) -> Any:
    return uint32(_remainder(uint64(state) * multiplier + increment))


def _step_lcg32(state: Any) -> Any:
    return _leap_lcg32(state, uint64(1103515245), uint64(12345))


def _output(state: Any) -> Any:
    return state


def _doubles_minstd(seed: int) -> tuple[int, ...]:
    return (0, 2**31 - 1, 2**32 - 2) if seed == 1 else ()


MINSTD = Generator(
    name="minstd",
    seeds=range(1, 2**31 - 1),
    seed_modulus=2**31 - 1,
    seed_bits=32,
    seed_state=_seed_minstd,
    step=_step_minstd,
    output=_output,
    output_bits=31,
    leap=Leap(lambda steps: affine_power(48271, 0, 2**31 - 1, steps), _leap_minstd),
    doubles=_doubles_minstd,
)
MINSTD0 = Generator(
    name="minstd_rand0",
    seeds=range(1, 2**31 - 1),
    seed_modulus=2**31 - 1,
    seed_bits=32,
    seed_state=_seed_minstd,
    step=_step_minstd0,
    output=_output,
    output_bits=31,
    leap=Leap(lambda steps: affine_power(16807, 0, 2**31 - 1, steps), _leap_minstd),
    doubles=_doubles_minstd,
)
LCG32 = Generator(
    name="lcg32",
    seeds=range(2**31 - 1),
    seed_modulus=2**31 - 1,
    seed_bits=32,
    seed_state=_seed_lcg32,
    step=_step_lcg32,
    output=_output,
    output_bits=31,
    leap=Leap(lambda steps: affine_power(1103515245, 12345, 2**31 - 1, steps), _leap_lcg32),
    degenerate_seeds=(1934915413,),
)

_MINSTD = Stream(MINSTD, MODULO)

PRESETS = (
    Preset(
        "minstd",
        "minstd % m",
        "classic table",
        _MINSTD,
        "uint64_t s = {seed}; (s = 48271 * s % 2147483647) % {m}",
        "c",
    ),
    Preset(
        "cpp_minstd_rand",
        "std::minstd_rand % m",
        "C++11 and later",
        _MINSTD,
        "std::minstd_rand r({seed}u); r() % {m}",
        "c++",
    ),
    Preset(
        "cpp_minstd_rand0",
        "std::minstd_rand0 % m",
        "C++11 and later",
        Stream(MINSTD0, MODULO),
        "std::minstd_rand0 r({seed}u); r() % {m}",
        "c++",
    ),
    Preset(
        "lcg32",
        "lcg32 % m",
        "classic table",
        Stream(LCG32, MODULO),
        "uint64_t s = {seed}; (s = (1103515245 * s + 12345) % 2147483647) % {m}",
        "c",
    ),
)
