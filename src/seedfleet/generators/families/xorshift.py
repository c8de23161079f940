"""Xorshift generators: Marsaglia's with 32 and 128 bits, and the 64-bit one with a multiplication.

State
    xorshift32: one word; xorshift64: one word of 64 bits; both show their state. xorshift128: four
    words, of which the newest is shown. Only 0 leads to 0. All other states of xorshift32 and of
    xorshift128 lie on one cycle each. xorshift64 feeds the product of xorshift64* back into the
    state, which makes it a permutation of unknown cycles that is not linear: it has no jump.
Seeding
    The seed is the state of xorshift32 and xorshift64, and the first word of xorshift128 beside
    Marsaglia's 362436069, 521288629 and 88675123. Seed 0 of the first two gives the constant
    stream 0 and is left out.
Source
    Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8(14), 2003, pages 4 and 5; Vigna,
    ACM Transactions on Mathematical Software 42(4), 2016 (the multiplier).
"""

from __future__ import annotations

from typing import Any

from numpy import uint32, uint64

from seedfleet.generators.algebra import LinearState
from seedfleet.generators.boundings import MODULO
from seedfleet.generators.definition import Generator, Preset, Stream
from seedfleet.generators.linear_jump import linear_jump

__all__ = ["PRESETS", "XORSHIFT32", "XORSHIFT64", "XORSHIFT128"]


def _seed_32(seed: Any) -> Any:
    return uint32(seed)


def _step_32(state: Any) -> Any:
    state = uint32(state ^ (state << uint32(13)))
    state = uint32(state ^ (state >> uint32(17)))
    return uint32(state ^ (state << uint32(5)))


def _jump_32(state: Any, steps: int) -> Any:
    (jumped,) = _JUMP_32((state,), steps)
    return jumped


def _seed_64(seed: Any) -> Any:
    return uint64(seed)


def _step_64(state: Any) -> Any:
    state = state ^ (state >> uint64(12))
    state = state ^ (state << uint64(25))
    state = state ^ (state >> uint64(27))
    return uint64(state * uint64(0x2545F4914F6CDD1D))


def _state(state: Any) -> Any:
    return state


def _seed_128(seed: Any) -> Any:
    return uint32(seed), uint32(362436069), uint32(521288629), uint32(88675123)


def _step_128(state: Any) -> Any:
    x, y, z, w = state
    mixed = uint32(x ^ (x << uint32(11)))
    mixed = uint32(mixed ^ (mixed >> uint32(8)))
    return y, z, w, uint32(w ^ (w >> uint32(19)) ^ mixed)


def _newest(state: Any) -> Any:
    return state[3]


def _seed_of_32(state: tuple[int, ...]) -> int | None:
    return state[0] or None


def _seed_of_128(state: tuple[int, ...]) -> int | None:
    fixed = tuple(int(word) for word in _seed_128(0)[1:])
    return state[0] if state[1:] == fixed else None


_JUMP_32 = linear_jump(lambda state: (_step_32(state[0]),), uint32, 1)

XORSHIFT32 = Generator(
    name="xorshift32",
    seeds=range(1, 2**32),
    seed_modulus=2**32,
    seed_bits=32,
    seed_state=_seed_32,
    step=_step_32,
    output=_state,
    jump=_jump_32,
    degenerate_seeds=(0,),
    linear=LinearState(words=1, seed_of_state=_seed_of_32),
)
XORSHIFT64 = Generator(
    name="xorshift64",
    seeds=range(1, 2**64),
    seed_modulus=2**64,
    seed_bits=64,
    seed_state=_seed_64,
    step=_step_64,
    output=_state,
    output_bits=64,
    degenerate_seeds=(0,),
)
XORSHIFT128 = Generator(
    name="xorshift128",
    seeds=range(2**32),
    seed_modulus=2**32,
    seed_bits=32,
    seed_state=_seed_128,
    step=_step_128,
    output=_newest,
    jump=linear_jump(_step_128, uint32, 4),
    linear=LinearState(words=4, seed_of_state=_seed_of_128),
)

PRESETS = (
    Preset(
        "xorshift32",
        "xorshift32 % m",
        "classic table",
        Stream(XORSHIFT32, MODULO),
        "uint32_t s = {seed}; (s ^= s << 13, s ^= s >> 17, s ^= s << 5) % {m}",
        "c",
    ),
    Preset(
        "xorshift64",
        "xorshift64 % m",
        "classic table",
        Stream(XORSHIFT64, MODULO),
        "uint64_t s = {seed}u; "
        "(s ^= s >> 12, s ^= s << 25, s ^= s >> 27, s *= 0x2545F4914F6CDD1D) % {m}",
        "c",
    ),
    Preset(
        "xorshift128",
        "xorshift128 % m",
        "classic table",
        Stream(XORSHIFT128, MODULO),
        "uint32_t x = {seed}, y = 362436069, z = 521288629, w = 88675123, t; "
        "(t = x ^ x << 11, x = y, y = z, z = w, w ^= w >> 19 ^ t ^ t >> 8) % {m}",
        "c",
    ),
)
