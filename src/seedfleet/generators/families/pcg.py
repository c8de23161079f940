"""PCG, a linear congruence behind an output permutation: the classic pcg32, numpy's PCG64(DXSM).

State
    pcg32: 64 bits, ``state -> 6364136223846793005 * state + 1442695040888963407``; a word is XSH-RR
    of the state before a step, so that states here run one step behind. PCG64: a 128-bit state and
    its own odd increment, each as a high and a low word, ``state -> M * state + increment`` modulo
    2**128; an output is XSL-RR of the new state. PCG64DXSM has a multiplier of 64 bits, and an
    output is DXSM of the state before a step, so that states here run one step behind. numpy's
    integers below 2**32 take 32 bits, the low half of an output first, so its states also tell
    which half was shown.
Seeding
    pcg32: the seed is the state. numpy: four words of SeedSequence(seed) give initial state and
    increment, as in PCG's own srandom.
Compatibility guarantee
    As for `numpy_seeding`. `default_rng` has always meant PCG64, which is not promised either.
Source
    O'Neill, "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms for Random
    Number Generation", Harvey Mudd College, HMC-CS-2014-0905, 2014; for DXSM, numpy's manual,
    "Upgrading PCG64 with PCG64DXSM".
"""

from __future__ import annotations

from functools import partial
from typing import Any

from numpy import uint32, uint64

from seedfleet.generators.algebra import Leap
from seedfleet.generators.boundings import LEMIRE, MODULO
from seedfleet.generators.definition import Generator, Preset, Stream
from seedfleet.generators.families.numpy_seeding import (
    FIRST_WORDS,
    LATER_WORDS,
    seed_pool,
    two_words,
)
from seedfleet.generators.families.words64 import half, high_product
from seedfleet.generators.linear_jump import affine_power
from seedfleet.generators.stepped_words import stepped_words

__all__ = ["NUMPY_PCG64", "NUMPY_PCG64DXSM", "PCG32", "PRESETS"]

_MULTIPLIER_32 = uint64(6364136223846793005)
_INVERSE_32 = uint64(pow(6364136223846793005, -1, 2**64))
_INCREMENT_32 = uint64(1442695040888963407)
_MULTIPLIER_64 = 0x2360ED051FC65DA44385DF649FCCF645
_HIGH_MULTIPLIER = uint64(_MULTIPLIER_64 >> 64)
_LOW_MULTIPLIER = uint64(_MULTIPLIER_64 % 2**64)
_MULTIPLIER_DXSM = uint64(0xDA942042E4DD58B5)
_QUOTIENT = _MULTIPLIER_64 * pow(int(_MULTIPLIER_DXSM), -1, 2**128) % 2**128
_HIGH_QUOTIENT = uint64(_QUOTIENT >> 64)
_LOW_QUOTIENT = uint64(_QUOTIENT % 2**64)


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


def _product_128(high: Any, low: Any, other_high: Any, other_low: Any) -> Any:
    return high_product(low, other_low) + high * other_low + low * other_high, low * other_low


def _following(state: Any, high_multiplier: Any, low_multiplier: Any) -> Any:
    """Return the 128 bits of the next step, as a high and a low word."""
    high, low = _product_128(state[0], state[1], high_multiplier, low_multiplier)
    return _sum_128(high, low, state[2], state[3])


def _by_halves(state: Any, following: Any) -> Any:
    """Show the high half of the state next, or the low half of the one that follows it."""
    high, low, high_increment, low_increment, shown = state
    used_up = shown == uint64(1)
    high = following[0] if used_up else high
    low = following[1] if used_up else low
    return high, low, high_increment, low_increment, shown ^ uint64(1)


def _srandom(seed: Any) -> Any:
    """Return PCG's srandom(state, stream) before its last step."""
    pool = seed_pool(uint64(seed))
    high, low = two_words(pool, FIRST_WORDS)
    high_stream, low_stream = two_words(pool, LATER_WORDS)
    high_increment = (high_stream << uint64(1)) | (low_stream >> uint64(63))
    low_increment = (low_stream << uint64(1)) | uint64(1)
    # It steps from 0, which gives the increment, and adds the initial state.
    high, low = _sum_128(high, low, high_increment, low_increment)
    return high, low, high_increment, low_increment, uint64(1)


def _seed_xsl(seed: Any) -> Any:
    state = _srandom(seed)
    high, low = _following(state, _HIGH_MULTIPLIER, _LOW_MULTIPLIER)
    return high, low, state[2], state[3], state[4]


def _step_xsl(state: Any) -> Any:
    return _by_halves(state, _following(state, _HIGH_MULTIPLIER, _LOW_MULTIPLIER))


def _word_xsl(high: Any, low: Any) -> Any:
    folded, right = high ^ low, high >> uint64(58)
    left = (uint64(64) - right) & uint64(63)
    return (folded >> right) | (folded << left)


def _output_xsl(state: Any) -> Any:
    return half(_word_xsl(state[0], state[1]), state[4])


def _seed_dxsm(seed: Any) -> Any:
    # srandom's last step has PCG64's multiplier. One step of DXSM's own back from there, the
    # increment cancels out, and the quotient of the two multipliers is left.
    state = _srandom(seed)
    high, low = _product_128(state[0], state[1], _HIGH_QUOTIENT, _LOW_QUOTIENT)
    return high, low, state[2], state[3], state[4]


def _step_dxsm(state: Any) -> Any:
    return _by_halves(state, _following(state, uint64(0), _MULTIPLIER_DXSM))


def _word_dxsm(high: Any, low: Any) -> Any:
    mixed = (high ^ (high >> uint64(32))) * _MULTIPLIER_DXSM
    return (mixed ^ (mixed >> uint64(48))) * (low | uint64(1))


def _output_dxsm(state: Any) -> Any:
    return half(_word_dxsm(state[0], state[1]), state[4])


# The first words of many seeds: whole outputs, without which half was shown.


def _whole_seed_xsl(seed: Any) -> Any:
    return _seed_xsl(seed)[:4]


def _whole_step_xsl(state: Any) -> Any:
    high, low = _following(state, _HIGH_MULTIPLIER, _LOW_MULTIPLIER)
    return high, low, state[2], state[3]


def _shown_xsl(state: Any, position: Any) -> Any:
    return half(_word_xsl(state[0], state[1]), uint64(position % 2))


def _whole_seed_dxsm(seed: Any) -> Any:
    return _seed_dxsm(seed)[:4]


def _whole_step_dxsm(state: Any) -> Any:
    high, low = _following(state, uint64(0), _MULTIPLIER_DXSM)
    return high, low, state[2], state[3]


def _shown_dxsm(state: Any, position: Any) -> Any:
    return half(_word_dxsm(state[0], state[1]), uint64(position % 2))


def _turns(position: Any) -> Any:
    return position // 2 + 1


def _jump_halves(multiplier: int, state: Any, steps: int) -> Any:
    high, low, high_increment, low_increment, shown = map(int, state)
    outputs, shown = divmod(shown + steps, 2)
    increment = high_increment << 64 | low_increment
    factor, added = affine_power(multiplier, increment, 2**128, outputs)
    whole = ((high << 64 | low) * factor + added) % 2**128
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
    seed_state=_seed_xsl,
    step=_step_xsl,
    output=_output_xsl,
    jump=partial(_jump_halves, _MULTIPLIER_64),
    early=stepped_words(_whole_seed_xsl, _whole_step_xsl, _turns, _shown_xsl, registers=4),
)
NUMPY_PCG64DXSM = Generator(
    name="numpy PCG64DXSM",
    seeds=range(2**64),
    seed_modulus=2**64,
    seed_bits=64,
    seed_state=_seed_dxsm,
    step=_step_dxsm,
    output=_output_dxsm,
    jump=partial(_jump_halves, int(_MULTIPLIER_DXSM)),
    early=stepped_words(_whole_seed_dxsm, _whole_step_dxsm, _turns, _shown_dxsm, registers=4),
)

PRESETS = (
    Preset(
        "pcg32",
        "pcg32 % m",
        "classic table",
        Stream(PCG32, MODULO),
        "uint64_t s = {seed}u, o; uint32_t x, k; (o = s, "
        "s = o * 6364136223846793005u + 1442695040888963407u, "
        "x = (o >> 18 ^ o) >> 27, k = o >> 59, x >> k | x << (-k & 31)) % {m}",
        "c",
    ),
    Preset(
        "numpy_default_rng",
        "numpy default_rng(seed).integers(0, m)",
        "numpy 1.17 and later",
        Stream(NUMPY_PCG64, LEMIRE),
        "r = np.random.default_rng({seed}); r.integers(0, {m})",
        "numpy",
    ),
    Preset(
        "numpy_pcg64dxsm",
        "numpy Generator(PCG64DXSM(seed)).integers(0, m)",
        "numpy 1.21 and later",
        Stream(NUMPY_PCG64DXSM, LEMIRE),
        "r = np.random.Generator(np.random.PCG64DXSM({seed})); r.integers(0, {m})",
        "numpy",
    ),
)
