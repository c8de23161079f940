"""numpy's SeedSequence, which every ``numpy.random.Generator`` seeds through.

A seed is hashed into a pool of four 32-bit words, and the pool into as many words as a generator
asks for. Only seeds below 2**64, which fill two words of the pool, are treated here.

Compatibility guarantee
    numpy promises the words of SeedSequence and of its bit generators for a given seed, but not
    what `Generator` makes of them (NEP 19). Asked for the stored vectors, 1.17.0, 1.17.5, 1.18.5,
    1.19.5, 1.21.6, 1.23.5 and 2.4.6 gave the same integers; only a range of exactly 2**32, which
    takes the raw words since 1.18, was drawn otherwise before.
Source
    O'Neill, "Developing a seed_seq Alternative", 2015, https://www.pcg-random.org/posts; the
    constants are those of numpy/random/bit_generator.pyx.
"""

from __future__ import annotations

from typing import Any

from numpy import uint32, uint64

__all__ = ["FIRST_WORDS", "LATER_WORDS", "seed_pool", "two_words"]

_FIRST_MIX = uint32(0x43B0D7E5)
_NEXT_MIX = uint32(0x931E8875)
_NEXT_DRAW = uint32(0x58F38DED)
FIRST_WORDS = uint32(0x8B51F9DD)  # hash constants, for `two_words`
LATER_WORDS = uint32(0x8B51F9DD * 0x58F38DED**4 % 2**32)


def _hashed(word: Any, constant: Any, following: Any) -> Any:
    word = uint32(uint32(word ^ constant) * following)
    return uint32(word ^ (word >> uint32(16)))


def _mixed(word: Any, hashed: Any) -> Any:
    word = uint32(uint32(word * uint32(0xCA01F9DD)) - uint32(hashed * uint32(0x4973F715)))
    return uint32(word ^ (word >> uint32(16)))


def _next_mix(constant: Any) -> Any:
    return uint32(constant * _NEXT_MIX)


def _filled(word: Any, constant: Any) -> Any:
    """Return a pool word of the seed's own, and the next hash constant."""
    following = _next_mix(constant)
    return _hashed(word, constant, following), following


def _spread(source: Any, first: Any, second: Any, third: Any, constant: Any) -> Any:
    """Mix a pool word into the three others; return them and the next hash constant."""
    constant_2 = _next_mix(constant)
    constant_3 = _next_mix(constant_2)
    constant_4 = _next_mix(constant_3)
    first = _mixed(first, _hashed(source, constant, constant_2))
    second = _mixed(second, _hashed(source, constant_2, constant_3))
    third = _mixed(third, _hashed(source, constant_3, constant_4))
    return first, second, third, constant_4


def seed_pool(seed: Any) -> Any:
    """Return the pool for a uint64 seed: a tuple of four uint32 words."""
    a, constant = _filled(uint32(seed & uint64(0xFFFFFFFF)), _FIRST_MIX)
    b, constant = _filled(uint32(seed >> uint64(32)), constant)
    c, constant = _filled(uint32(0), constant)
    d, constant = _filled(uint32(0), constant)
    b, c, d, constant = _spread(a, b, c, d, constant)
    a, c, d, constant = _spread(b, a, c, d, constant)
    a, b, d, constant = _spread(c, a, b, d, constant)
    a, b, c, constant = _spread(d, a, b, c, constant)
    return a, b, c, d


def _drawn(low: Any, high: Any, constant: Any) -> Any:
    """Return a uint64 word from two words of the pool, and the next hash constant."""
    constant_2 = uint32(constant * _NEXT_DRAW)
    constant_3 = uint32(constant_2 * _NEXT_DRAW)
    low = _hashed(low, constant, constant_2)
    high = _hashed(high, constant_2, constant_3)
    return uint64(low) | (uint64(high) << uint64(32)), constant_3


def two_words(pool: Any, constant: Any) -> Any:
    """Return two uint64 words of ``generate_state(n, uint64)``.

    Parameters
    ----------
    pool
        From `seed_pool`.
    constant
        `FIRST_WORDS` for words 0 and 1, `LATER_WORDS` for 2 and 3.
    """
    first, constant = _drawn(pool[0], pool[1], constant)
    second, _ = _drawn(pool[2], pool[3], constant)
    return first, second
