"""The 48-bit linear congruential generator of drand48, java.util.Random and the classic java_lcg.

State
    48 bits; ``state -> 0x5DEECE66D * state + 11 mod 2**48``; the output word is
    ``state >> 16`` as 32 bits, of `DRAND48` the whole state. Full period 2**48: every state lies
    on one cycle.
Seeding
    `JAVA_LCG` takes the seed modulo 2**48 as the state. `JAVA_RANDOM` scrambles it first
    (``seed ^ 0x5DEECE66D``). `RAND48` and `DRAND48` are ``srand48(seed)``: 32 bits above the
    constant 0x330E. Perl's srand does the same, after it has cut its argument to 64 bits.
Compatibility guarantee
    `JAVA_RANDOM` is fixed by the Java SE API documentation of java.util.Random (all versions);
    `RAND48` and `DRAND48` by POSIX.1-2017, drand48. Perl has brought its own drand48 since 5.20
    (perl5200delta); before that its stream was the C library's.
"""

from __future__ import annotations

from typing import Any

from numpy import uint32, uint64

from seedfleet.generators.algebra import Leap, PowerOfTwoLcg
from seedfleet.generators.boundings import (
    FLOOR_26_27,
    FLOOR_48,
    JAVA_NEXT_INT,
    JAVA_NEXT_INT_DIGITS,
    MODULO,
    MODULO_31,
)
from seedfleet.generators.definition import Generator, Preset, Stream

__all__ = ["DRAND48", "JAVA_LCG", "JAVA_RANDOM", "PRESETS", "RAND48"]

_MULTIPLIER = uint64(0x5DEECE66D)
_INCREMENT = uint64(11)
_MASK = uint64(2**48 - 1)
_SRAND48_LOW = uint64(0x330E)


def _step(state: Any) -> Any:
    return (state * _MULTIPLIER + _INCREMENT) & _MASK


def _output(state: Any) -> Any:
    return uint32(state >> uint64(16))


def _whole(state: Any) -> Any:
    return state


def _seed_plain(seed: Any) -> Any:
    return uint64(seed) & _MASK


def _seed_scrambled(seed: Any) -> Any:
    return (uint64(seed) ^ _MULTIPLIER) & _MASK


def _seed_srand48(seed: Any) -> Any:
    return (uint64(seed) << uint64(16) | _SRAND48_LOW) & _MASK


def _leap(state: Any, multiplier: Any, increment: Any) -> Any:
    return (state * multiplier + increment) & _MASK


def _lcg(seed_of_state: Any, output_shift: int = 16) -> PowerOfTwoLcg:
    return PowerOfTwoLcg(0x5DEECE66D, 11, 48, output_shift, seed_of_state)


def _srand48_seed(state: int) -> int | None:
    return state >> 16 if state & 0xFFFF == 0x330E else None


_LEAP = Leap(_lcg(lambda state: state).jump, _leap)

JAVA_LCG = Generator(
    name="java_lcg",
    seeds=range(2**48),
    seed_modulus=2**48,
    seed_bits=64,
    seed_state=_seed_plain,
    step=_step,
    output=_output,
    lcg=_lcg(lambda state: state),
    leap=_LEAP,
)
JAVA_RANDOM = Generator(
    name="java.util.Random",
    seeds=range(2**48),
    seed_modulus=2**48,
    seed_bits=64,
    seed_state=_seed_scrambled,
    step=_step,
    output=_output,
    lcg=_lcg(lambda state: state ^ 0x5DEECE66D),
    leap=_LEAP,
)
RAND48 = Generator(
    name="rand48",
    seeds=range(2**32),
    seed_modulus=2**32,
    seed_bits=32,
    seed_state=_seed_srand48,
    step=_step,
    output=_output,
    lcg=_lcg(_srand48_seed),
    leap=_LEAP,
)
DRAND48 = Generator(
    name="drand48",
    seeds=range(2**32),
    seed_modulus=2**32,
    seed_bits=32,
    seed_state=_seed_srand48,
    step=_step,
    output=_whole,
    output_bits=48,
    lcg=_lcg(_srand48_seed, output_shift=0),
    leap=_LEAP,
)

_JAVA = Stream(JAVA_RANDOM, JAVA_NEXT_INT)
_JAVA_DIGITS = Stream(JAVA_RANDOM, JAVA_NEXT_INT_DIGITS)
_JAVA_DOUBLE = Stream(JAVA_RANDOM, FLOOR_26_27)
_LRAND48 = Stream(RAND48, MODULO_31)
_DRAND48 = Stream(DRAND48, FLOOR_48)


def _set_state(words: tuple[int, ...]) -> str:
    low, middle, high = (words[0] >> shift & 0xFFFF for shift in (0, 16, 32))
    return f"seed48((unsigned short[]) {{{low}, {middle}, {high}}})"


PRESETS = (
    Preset(
        "java_lcg",
        "java_lcg % m",
        "classic table",
        Stream(JAVA_LCG, MODULO),
        "uint64_t s = {seed}; "
        "(s = (0x5DEECE66D * s + 11) % (1ull << 48), s >> 16 & 0xFFFFFFFF) % {m}",
        "c",
    ),
    Preset(
        "java_next_int",
        "java.util.Random nextInt(m)",
        "every Java SE version",
        _JAVA,
        "r = new java.util.Random({seed}L); r.nextInt({m})",
        "java",
    ),
    Preset(
        "java_next_int_digits",
        "java.util.Random nextInt(10) digits",
        "every Java SE version",
        _JAVA_DIGITS,
        "r = new java.util.Random({seed}L); r.nextInt(10)",
        "java",
    ),
    Preset(
        "java_next_double",
        "java.util.Random nextDouble() * m",
        "every Java SE version",
        _JAVA_DOUBLE,
        "r = new java.util.Random({seed}L); (int) (r.nextDouble() * {m})",
        "java",
    ),
    Preset(
        "java_math_random",
        "Java Math.random() * m",
        "every Java SE version",
        _JAVA_DOUBLE,
        # Nobody can pass a seed to Math.random, whose own generator is such a Random.
        "r = new java.util.Random({seed}L); (int) (r.nextDouble() * {m})",
        "java",
    ),
    Preset(
        "c_lrand48",
        "C lrand48() % m",
        "POSIX.1-2017",
        _LRAND48,
        "srand48({seed}); lrand48() % {m}",
        "c",
        _set_state,
    ),
    Preset(
        "c_drand48",
        "C drand48() * m",
        "POSIX.1-2017",
        _DRAND48,
        "srand48({seed}); (int) (drand48() * {m})",
        "c",
        _set_state,
    ),
    Preset(
        "perl_rand",
        "Perl int(rand m)",
        "Perl 5.20 and later",
        _DRAND48,
        "srand({seed}); int(rand {m})",
        "perl",
    ),
)
