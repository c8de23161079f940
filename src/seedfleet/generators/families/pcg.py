"""PCG, a linear congruential state behind an output permutation: the classic pcg32, numpy's PCG64.

State
    pcg32: 64 bits, ``state -> 6364136223846793005 * state + 1442695040888963407``; a word is XSH-RR
    of the state before a step, so that states here run one step behind. PCG64: a 128-bit state and
    its own odd increment, each as a high and a low word, ``state -> M * state + increment`` modulo
    2**128; an output is XSL-RR of the new state. numpy's integers below 2**32 take 32 bits, the low
    half of an output first, so its states also tell which half was shown.
Seeding
    pcg32: the seed is the state. numpy: four words of SeedSequence(seed) give initial state and
    increment, as in PCG's own srandom.
Compatibility guarantee
    As for `numpy_seeding`. `default_rng` has always meant PCG64, which is not promised either.
Source
    O'Neill, "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms for Random
    Number Generation", Harvey Mudd College, HMC-CS-2014-0905, 2014.
"""

from __future__ import annotations

from typing import Any

from numpy import uint32, uint64

from seedfleet.generators.boundings import LEMIRE, MODULO
from seedfleet.generators.definition import Generator, Leap, Preset, Stream
from seedfleet.generators.families.numpy_seeding import (
    FIRST_WORDS,
    LATER_WORDS,
    seed_pool,
    two_words,
)
from seedfleet.generators.families.words64 import half, high_product
from seedfleet.generators.linear_jump import affine_power

__all__ = ["NUMPY_PCG64", "PCG32", "PRESETS"]

_MULTIPLIER_32 = uint64(6364136223846793005)
_INVERSE_32 = uint64(pow(6364136223846793005, -1, 2**64))
_INCREMENT_32 = uint64(1442695040888963407)
_MULTIPLIER_64 = 0x2360ED051FC65DA44385DF649FCCF645
_HIGH_MULTIPLIER = uint64(_MULTIPLIER_64 >> 64)
_LOW_MULTIPLIER = uint64(_MULTIPLIER_64 % 2**64)


def _seed_32(seed: Any) -> Any:
    return (uint64(seed) - _INCREMENT_32) * _INVERSE_32


def _step_32(state: Any) -> Any:
    return state * _MULTIPLIER_32 + _INCREMENT_32


def _leap_32(state: Any, multiplier: Any, increment: Any) -> Any:
    return state * multiplier + increment


def _output_32(state: Any) -> Any:
    word = uint32((((state >> uint64(18)) ^ state) >> uint64(27)) & uint64(0xFFFFFFFF))
    right = uint32(state >> uint64(59))
    left = (uint32(32) - right) & uint32(31)
    return uint32((word >> right) | uint32(word << left))


def _sum_128(high: Any, low: Any, other_high: Any, other_low: Any) -> Any:
    total = low + other_low
    carry = uint64(1) if total < low else uint64(0)
    return high + other_high + carry, total


def _step_128(high: Any, low: Any, increment_high: Any, increment_low: Any) -> Any:
    product_high = (
        high_product(low, _LOW_MULTIPLIER) + high * _LOW_MULTIPLIER + low * _HIGH_MULTIPLIER
    )
    return _sum_128(product_high, low * _LOW_MULTIPLIER, increment_high, increment_low)


def _seed_numpy(seed: Any) -> Any:
    pool = seed_pool(uint64(seed))
    high, low = two_words(pool, FIRST_WORDS)
    stream_high, stream_low = two_words(pool, LATER_WORDS)
    increment_high = (stream_high << uint64(1)) | (stream_low >> uint64(63))
    increment_low = (stream_low << uint64(1)) | uint64(1)
    # srandom steps from 0, which gives the increment, adds the initial state, and steps again.
    high, low = _sum_128(high, low, increment_high, increment_low)
    high, low = _step_128(high, low, increment_high, increment_low)
    return high, low, increment_high, increment_low, uint64(1)


def _step_numpy(state: Any) -> Any:
    high, low, increment_high, increment_low, shown = state
    next_high, next_low = _step_128(high, low, increment_high, increment_low)
    high = next_high if shown == uint64(1) else high
    low = next_low if shown == uint64(1) else low
    return high, low, increment_high, increment_low, shown ^ uint64(1)


def _output_numpy(state: Any) -> Any:
    high, low, _, _, shown = state
    folded, right = high ^ low, high >> uint64(58)
    left = (uint64(64) - right) & uint64(63)
    return half((folded >> right) | (folded << left), shown)


def _jump_numpy(state: Any, steps: int) -> Any:
    high, low, increment_high, increment_low, shown = map(int, state)
    outputs, shown = divmod(shown + steps, 2)
    increment = increment_high << 64 | increment_low
    multiplier, added = affine_power(_MULTIPLIER_64, increment, 2**128, outputs)
    whole = ((high << 64 | low) * multiplier + added) % 2**128
    return uint64(whole >> 64), uint64(whole % 2**64), state[2], state[3], uint64(shown)


PCG32 = Generator(
    name="pcg32",
    seeds=range(2**64),
    seed_modulus=2**64,
    seed_bits=64,
    seed_state=_seed_32,
    step=_step_32,
    output=_output_32,
    leap=Leap(
        lambda steps: affine_power(int(_MULTIPLIER_32), int(_INCREMENT_32), 2**64, steps),
        _leap_32,
    ),
)
NUMPY_PCG64 = Generator(
    name="numpy PCG64",
    seeds=range(2**64),
    seed_modulus=2**64,
    seed_bits=64,
    seed_state=_seed_numpy,
    step=_step_numpy,
    output=_output_numpy,
    jump=_jump_numpy,
)

PRESETS = (
    Preset(
        "pcg32",
        "pcg32 % m",
        "classic table",
        Stream(PCG32, MODULO),
        "s = {seed}; pcg32(&s) % {m}",
    ),
    Preset(
        "numpy_default_rng",
        "numpy default_rng(seed).integers(0, m)",
        "numpy 1.17 and later",
        Stream(NUMPY_PCG64, LEMIRE),
        "r = np.random.default_rng({seed}); r.integers(0, {m})",
    ),
)
