"""The xoshiro256 engine: the classic xoshiro256++, and xoshiro256** as Lua 5.4 seeds it.

State
    Four words of 64 bits, period 2**256 - 1. A word is scrambled out of the state before a step, so
    that states here run one step behind: `step` comes first, and the seed's own state gives the
    first word.
Seeding
    xoshiro256pp: the seed beside three fixed words. Lua: ``math.randomseed(n)`` sets the words n,
    0xFF, 0, 0 and throws 16 outputs away; n is a signed 64-bit integer.
Compatibility guarantee
    Lua's manual promises no algorithm beyond its 5.4 releases; the draws here are those of 5.4.
Source
    Blackman and Vigna, "Scrambled Linear Pseudorandom Number Generators", ACM Transactions on
    Mathematical Software 47(4), 2021; for the seeding, lmathlib.c of Lua 5.4.
"""

from __future__ import annotations

from typing import Any

from numpy import uint64

from seedfleet.generators.boundings import MASK, MODULO
from seedfleet.generators.definition import Generator, Preset, Stream
from seedfleet.generators.linear_jump import linear_jump
from seedfleet.generators.stepped_words import stepped_words

__all__ = ["LUA_RANDOM", "PRESETS", "XOSHIRO256PP"]

_DISCARDED = 16


def _rotated(word: Any, bits: int) -> Any:
    return (word << uint64(bits)) | (word >> uint64(64 - bits))


def _step(state: Any) -> Any:
    s0, s1, s2, s3 = state
    mixed_2, mixed_3 = s2 ^ s0, s3 ^ s1
    return s0 ^ mixed_3, s1 ^ mixed_2, mixed_2 ^ (s1 << uint64(17)), _rotated(mixed_3, 45)


def _step_back(state: Any) -> Any:
    """Undo one step."""
    s0, s1, s2, s3 = state
    mixed_3 = _rotated(s3, 19)
    before_0 = s0 ^ mixed_3
    folded = s1 ^ s2  # before_1 ^ (before_1 << 17)
    before_1 = folded ^ (folded << uint64(17)) ^ (folded << uint64(34)) ^ (folded << uint64(51))
    return before_0, before_1, s1 ^ before_0 ^ before_1, mixed_3 ^ before_1


def _seed_plus_plus(seed: Any) -> Any:
    fixed = uint64(0x9E3779B97F4A7C15), uint64(0x6A09E667F3BCC908), uint64(0xBB67AE8584CAA73B)
    return _step_back((uint64(seed), fixed[0], fixed[1], fixed[2]))


def _plus_plus(state: Any) -> Any:
    return _rotated(state[0] + state[3], 23) + state[0]


def _start_lua(seed: Any) -> Any:
    return uint64(seed), uint64(0xFF), uint64(0), uint64(0)


def _seed_lua(seed: Any) -> Any:
    state = _start_lua(seed)
    for _ in range(_DISCARDED - 1):  # the last is the step that comes before the first word
        state = _step(state)
    return state


def _turns_lua(position: Any) -> Any:
    return position + _DISCARDED


def _star_star(state: Any) -> Any:
    return _rotated(state[1] * uint64(5), 7) * uint64(9)


def _shown(state: Any, _position: Any) -> Any:
    return _star_star(state)


_JUMP = linear_jump(_step, uint64, 4)

XOSHIRO256PP = Generator(
    name="xoshiro256pp",
    seeds=range(2**64),
    seed_modulus=2**64,
    seed_bits=64,
    seed_state=_seed_plus_plus,
    step=_step,
    output=_plus_plus,
    output_bits=64,
    jump=_JUMP,
)
LUA_RANDOM = Generator(
    name="Lua 5.4 random",
    seeds=range(2**64),
    seed_modulus=2**64,
    seed_bits=64,
    seed_state=_seed_lua,
    step=_step,
    output=_star_star,
    output_bits=64,
    jump=_JUMP,
    early=stepped_words(_start_lua, _step, _turns_lua, _shown, registers=4),
)

PRESETS = (
    Preset(
        "xoshiro256pp",
        "xoshiro256pp % m",
        "classic table",
        Stream(XOSHIRO256PP, MODULO),
        "uint64_t a = {seed}u, b = 0x9E3779B97F4A7C15, c = 0x6A09E667F3BCC908, "
        "d = 0xBB67AE8584CAA73B, r, t; (r = a + d, r = (r << 23 | r >> 41) + a, t = b << 17, "
        "c ^= a, d ^= b, b ^= c, a ^= d, c ^= t, d = d << 45 | d >> 19, r) % {m}",
        "c",
    ),
    Preset(
        "lua_random",
        "Lua math.random(0, m-1)",
        "Lua 5.4",
        Stream(LUA_RANDOM, MASK),
        "math.randomseed({signed}); math.random(0, {last})",
        "lua",
    ),
)
