"""MT19937 seeded by init_genrand: the classic mt19937, std::mt19937 and PHP's mt_srand.

State
    624 words of 32 bits and the position of the next one; period 2**19937 - 1.
Seeding
    ``init_genrand``: ``x_0 = seed``, ``x_i = 1812433253 * (x_(i-1) ^ x_(i-1) >> 30) + i``.
Compatibility guarantee
    ISO C++11 [rand.predef] fixes std::mt19937: the 10000th output from seed 5489 is 4123659995.
Source
    Matsumoto and Nishimura, ACM Transactions on Modeling and Computer Simulation 8(1), 1998;
    the initialisation is that of their 2002-01-26 revision.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy import uint32

from seedfleet.generators.boundings import MODULO, PHP_RANGE
from seedfleet.generators.definition import Generator, Preset, Stream

__all__ = ["MIDDLE", "MT19937", "PRESETS", "next_initial", "temper", "twist"]

_SIZE = 624
MIDDLE = 397  # word j of the next block mixes words j, j + 1 and j + MIDDLE of this one


def next_initial(previous: Any, index: Any) -> Any:
    """Return initial state word ``index`` from the one before it."""
    mixed = uint32(previous ^ (previous >> uint32(30)))
    return uint32(uint32(1812433253) * mixed + uint32(index))


def twist(first: Any, second: Any, middle: Any) -> Any:
    """Return the state word that replaces `first`, whose neighbours are `second` and `middle`."""
    joined = uint32((first & uint32(0x80000000)) | (second & uint32(0x7FFFFFFF)))
    low_bit_mask = uint32(uint32(0) - (joined & uint32(1)))
    return uint32(middle ^ (joined >> uint32(1)) ^ (low_bit_mask & uint32(0x9908B0DF)))


def temper(word: Any) -> Any:
    """Return the output word of a state word."""
    word = uint32(word ^ (word >> uint32(11)))
    word = uint32(word ^ ((word << uint32(7)) & uint32(0x9D2C5680)))
    word = uint32(word ^ ((word << uint32(15)) & uint32(0xEFC60000)))
    return uint32(word ^ (word >> uint32(18)))


def _seed_state(seed: Any) -> Any:
    state = np.zeros(_SIZE + 1, dtype=uint32)  # the last element is the position
    state[0] = uint32(seed)
    for index in range(1, _SIZE):
        state[index] = next_initial(state[index - 1], index)
    return state


def _step(state: Any) -> Any:
    position = int(state[_SIZE])
    following = (position + 1) % _SIZE
    middle = (position + MIDDLE) % _SIZE
    state[position] = twist(state[position], state[following], state[middle])
    state[_SIZE] = following
    return state


def _output(state: Any) -> Any:
    return temper(state[(int(state[_SIZE]) + _SIZE - 1) % _SIZE])


MT19937 = Generator(
    name="mt19937",
    seeds=range(2**32),
    seed_modulus=2**32,
    seed_bits=32,
    seed_state=_seed_state,
    step=_step,
    output=_output,
)

_MT19937 = Stream(MT19937, MODULO)
_PHP = Stream(MT19937, PHP_RANGE)

PRESETS = (
    Preset(
        "mt19937",
        "mt19937 % m",
        "classic table",
        _MT19937,
        "init_genrand({seed}); genrand_int32() % {m}",
    ),
    Preset(
        "cpp_mt19937",
        "std::mt19937 % m",
        "C++11 and later",
        _MT19937,
        "std::mt19937 r({seed}u); r() % {m}",
    ),
    Preset(
        "php_mt_rand",
        "PHP mt_rand(0, m-1)",
        "PHP 7.1 and later",
        _PHP,
        "mt_srand({seed}); mt_rand(0, {last})",
    ),
    Preset(
        "php_rand",
        "PHP rand(0, m-1)",
        "PHP 7.1 and later",
        _PHP,
        "srand({seed}); rand(0, {last})",
    ),
)
