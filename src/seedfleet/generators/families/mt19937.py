"""MT19937 with the four ways to seed and twist it that languages use.

State
    624 words of 32 bits and the position of the next one; period 2**19937 - 1.
Seeding
    `MT19937` is ``init_genrand``: ``x_0 = seed``,
    ``x_i = 1812433253 * (x_(i-1) ^ x_(i-1) >> 30) + i``. `MT19937_BY_ARRAY` is ``init_by_array``
    over the seed's 32-bit words, lowest first, one below 2**32 and two from there on.
    `MT19937_PHP_521` is seeded as `MT19937`, but its twist takes the low bit of the wrong word.
    `MT19937_PHP_520` starts with ``x_0 = seed | 1``, ``x_i = 69069 * x_(i-1)``: seeds 2k and
    2k + 1 give one stream.
Compatibility guarantee
    ISO C++11 [rand.predef] fixes std::mt19937: the 10000th output from seed 5489 is 4123659995.
    CPython documents that ``random()`` gives the same numbers for a seed for ever, not so
    ``randrange``; numpy has frozen RandomState (NEP 19). The manual of PHP's mt_srand names both
    twists: MT_RAND_MT19937 and MT_RAND_PHP.
Source
    Matsumoto and Nishimura, ACM Transactions on Modeling and Computer Simulation 8(1), 1998, whose
    code seeds with 69069; ``init_genrand`` and ``init_by_array`` are of its 2002-01-26 revision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import uint32, uint64

from seedfleet.generators.algebra import EarlyWords, LinearState
from seedfleet.generators.boundings import (
    BIT_COUNT,
    FLOOR_27_26,
    FLOOR_31,
    LEMIRE,
    MASK,
    MODULO,
    PHP_RANGE,
)
from seedfleet.generators.definition import Generator, Preset, Stream
from seedfleet.generators.families.mt19937_early import (
    COUNT,
    MIDDLE,
    SIZE,
    by_array_factory,
    by_chain_factory,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "MIDDLE",
    "MT19937",
    "MT19937_BY_ARRAY",
    "MT19937_PHP_520",
    "MT19937_PHP_521",
    "PARTS",
    "PRESETS",
    "next_by_index",
    "next_by_key",
    "next_initial",
    "temper",
    "twist",
]

_STATE_BITS = 19937 + 10  # and the position in the block


def next_initial(previous: Any, index: Any) -> Any:
    """Return initial state word ``index`` from the one before it."""
    mixed = uint32(previous ^ (previous >> uint32(30)))
    return uint32(uint32(1812433253) * mixed + uint32(index))


def next_by_key(word: Any, previous: Any, key: Any) -> Any:
    """Return a state word after the first round of ``init_by_array``.

    Parameters
    ----------
    word, previous
        The state word before, and its left neighbour after.
    key
        The key word, plus its index.
    """
    mixed = uint32(previous ^ (previous >> uint32(30)))
    return uint32((word ^ uint32(mixed * uint32(1664525))) + uint32(key))


def next_by_index(word: Any, previous: Any, index: Any) -> Any:
    """Return state word ``index`` after the second round of ``init_by_array``."""
    mixed = uint32(previous ^ (previous >> uint32(30)))
    return uint32((word ^ uint32(mixed * uint32(1566083941))) - uint32(index))


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


def _twist_php(first: Any, second: Any, middle: Any) -> Any:
    """Twist as PHP 5.2.1 to 7.0 does: the low bit is that of `first`, not of `second`."""
    joined = uint32((first & uint32(0x80000000)) | (second & uint32(0x7FFFFFFF)))
    low_bit_mask = uint32(uint32(0) - (first & uint32(1)))
    return uint32(middle ^ (joined >> uint32(1)) ^ (low_bit_mask & uint32(0x9908B0DF)))


def _low_word(seed: Any) -> Any:
    return uint32(seed)


def _seed_state(seed: Any) -> Any:
    state = np.zeros(SIZE + 1, dtype=uint32)  # the last element is the position
    state[0] = _low_word(seed)
    for index in range(1, SIZE):
        state[index] = next_initial(state[index - 1], index)
    return state


with np.errstate(over="ignore"):
    _BEFORE_ARRAY = _seed_state(uint64(19650218))  # where init_by_array starts from, for every key


def _seed_state_by_array(seed: Any) -> Any:
    state = _BEFORE_ARRAY.copy()
    low, high = uint32(seed), uint32(uint64(seed) >> uint64(32))
    words = 2 if high > 0 else 1
    index = 1
    for turn in range(SIZE):
        # The key's words in turn; a lone word is used every time.
        second = turn % words == 1
        key = uint32(high + uint32(1)) if second else low
        state[index] = next_by_key(state[index], state[index - 1], key)
        index = _following(state, index)
    for _turn in range(SIZE - 1):
        state[index] = next_by_index(state[index], state[index - 1], index)
        index = _following(state, index)
    state[0] = uint32(0x80000000)
    return state


def _following(state: Any, index: Any) -> Any:
    """Return the index after `index`; word 0 takes the last one's value when it is passed over."""
    if index < SIZE - 1:
        return index + 1
    state[0] = state[SIZE - 1]
    return 1


def _odd_word(seed: Any) -> Any:
    return uint32(uint32(seed) | uint32(1))


def _next_by_product(previous: Any, _index: Any) -> Any:
    return uint32(previous * uint32(69069))


def _seed_state_php_520(seed: Any) -> Any:
    state = np.zeros(SIZE + 1, dtype=uint32)
    state[0] = _odd_word(seed)
    for index in range(1, SIZE):
        state[index] = _next_by_product(state[index - 1], index)
    return state


def _step(state: Any) -> Any:
    position = int(state[SIZE])
    following = (position + 1) % SIZE
    middle = (position + MIDDLE) % SIZE
    state[position] = twist(state[position], state[following], state[middle])
    state[SIZE] = following
    return state


def _step_php(state: Any) -> Any:
    position = int(state[SIZE])
    following = (position + 1) % SIZE
    middle = (position + MIDDLE) % SIZE
    state[position] = _twist_php(state[position], state[following], state[middle])
    state[SIZE] = following
    return state


def _output(state: Any) -> Any:
    return temper(state[(int(state[SIZE]) + SIZE - 1) % SIZE])


# By a definition's functions: the first state word, those that follow from it, twist, tempering.
PARTS: dict[tuple[Callable[..., Any], ...], tuple[Callable[..., Any], ...]] = {
    (_seed_state, _step): (_low_word, next_initial, twist, temper),
    (_seed_state, _step_php): (_low_word, next_initial, _twist_php, temper),
    (_seed_state_php_520, _step): (_odd_word, _next_by_product, twist, temper),
}


def _early(*definition: Callable[..., Any]) -> EarlyWords:
    return EarlyWords(COUNT, by_chain_factory, PARTS[definition])


_LINEAR = LinearState(words=SIZE, controls=(0,))


def _without_sign(seed: int) -> tuple[int, ...]:
    return (-seed,) if seed else ()


def _even_and_odd(seed: int) -> tuple[int, ...]:
    return (seed ^ 1,)


MT19937 = Generator(
    name="mt19937",
    seeds=range(2**32),
    seed_modulus=2**32,
    seed_bits=32,
    seed_state=_seed_state,
    step=_step,
    output=_output,
    state_width=_STATE_BITS,
    early=_early(_seed_state, _step),
    linear=_LINEAR,
)

MT19937_BY_ARRAY = Generator(
    name="mt19937 by array",
    seeds=range(2**64),
    seed_modulus=2**64,
    seed_bits=64,
    seed_state=_seed_state_by_array,
    step=_step,
    output=_output,
    state_width=_STATE_BITS,
    doubles=_without_sign,
    early=EarlyWords(
        COUNT, by_array_factory, (next_initial, next_by_key, next_by_index, twist, temper)
    ),
    linear=_LINEAR,
)
MT19937_PHP_521 = Generator(
    name="mt19937 of PHP 5.2.1",
    seeds=range(2**32),
    seed_modulus=2**32,
    seed_bits=32,
    seed_state=_seed_state,
    step=_step_php,
    output=_output,
    state_width=_STATE_BITS,
    early=_early(_seed_state, _step_php),
    linear=_LINEAR,
)
MT19937_PHP_520 = Generator(
    name="mt19937 of PHP 5.2.0",
    # One contiguous range, though 2k and 2k + 1 are doubles: every stream has two seeds.
    seeds=range(2**32),
    seed_modulus=2**32,
    seed_bits=32,
    seed_state=_seed_state_php_520,
    step=_step,
    output=_output,
    state_width=_STATE_BITS,
    doubles=_even_and_odd,
    early=_early(_seed_state_php_520, _step),
    linear=_LINEAR,
)


def _block(words: tuple[int, ...]) -> tuple[int, ...]:
    """Return a state as runtimes keep it between two blocks: its words, oldest first."""
    position = words[-1]
    return words[position:-1] + words[:position]


def _set_cpp(words: tuple[int, ...]) -> str:
    listed = " ".join(map(str, _block(words)))
    return f'std::mt19937 r; std::istringstream("{listed} {SIZE}") >> r'


def _set_numpy(words: tuple[int, ...]) -> str:
    listed = list(_block(words))
    return f'r = np.random.RandomState(); r.set_state(("MT19937", {listed}, {SIZE}))'


def _set_python(words: tuple[int, ...]) -> str:
    return f"r = random.Random(); r.setstate((3, {(*_block(words), SIZE)}, None))"


_MT19937 = Stream(MT19937, MODULO)
_MASKED = Stream(MT19937, MASK)
_UNIFORM = Stream(MT19937, LEMIRE)
_PHP = Stream(MT19937, PHP_RANGE)
_PHP_521 = Stream(MT19937_PHP_521, FLOOR_31)
_PHP_520 = Stream(MT19937_PHP_520, FLOOR_31)
_RANDRANGE = Stream(MT19937_BY_ARRAY, BIT_COUNT)
_RANDOM = Stream(MT19937_BY_ARRAY, FLOOR_27_26)

PRESETS = (
    Preset(
        "mt19937",
        "mt19937 % m",
        "classic table",
        _MT19937,
        "std::mt19937 r({seed}u); r() % {m}",
        "c++",
        _set_cpp,
    ),
    Preset(
        "cpp_mt19937",
        "std::mt19937 % m",
        "C++11 and later",
        _MT19937,
        "std::mt19937 r({seed}u); r() % {m}",
        "c++",
        _set_cpp,
    ),
    Preset(
        "php_mt_rand",
        "PHP mt_rand(0, m-1)",
        "PHP 7.1 and later",
        _PHP,
        "mt_srand({seed}); mt_rand(0, {last})",
        "php",
    ),
    Preset(
        "php_rand",
        "PHP rand(0, m-1)",
        "PHP 7.1 and later",
        _PHP,
        "srand({seed}); rand(0, {last})",
        "php",
    ),
    Preset(
        "cpp_mt19937_uniform",
        "std::uniform_int_distribution of std::mt19937",
        "libstdc++ of GCC 11 and later",
        _UNIFORM,
        "std::mt19937 r({seed}u); std::uniform_int_distribution<int>(0, {last})(r)",
        "c++",
        _set_cpp,
    ),
    Preset(
        "numpy_randint",
        "numpy RandomState.randint(0, m)",
        "numpy 1.17 and later, also np.random.seed and np.random.randint; seeds below 2**32",
        _MASKED,
        "r = np.random.RandomState({seed}); r.randint(0, {m})",
        "numpy",
        _set_numpy,
    ),
    Preset(
        "ruby_rand",
        "Ruby Random.new(seed).rand(m)",
        "Ruby 1.9 and later, also srand and Kernel#rand; seeds below 2**32",
        _MASKED,
        "r = Random.new({seed}); r.rand({m})",
        "ruby",
    ),
    Preset(
        "php_mt_rand_521",
        "PHP mt_rand(0, m-1), PHP 5.2.1 to 7.0",
        "PHP 5.2.1 to 7.0; PHP 7.1 and later with MT_RAND_PHP",
        _PHP_521,
        "mt_srand({seed}, MT_RAND_PHP); mt_rand(0, {last})",
        "php",
    ),
    Preset(
        "php_mt_rand_520",
        "PHP mt_rand(0, m-1), to PHP 5.2.0",
        "PHP 3.0.7 to 5.2.0, by its source and published outputs; no such PHP was run",
        _PHP_520,
        "mt_srand({seed}); mt_rand(0, {last})",
        "php",
    ),
    Preset(
        "python_randrange",
        "CPython random.Random(seed).randrange(m)",
        "CPython 3.2 and later, also randint and choice; seeds up to 64 bits, without their sign",
        _RANDRANGE,
        "r = random.Random({seed}); r.randrange({m})",
        "python",
        _set_python,
    ),
    Preset(
        "python_random",
        "CPython int(random.Random(seed).random() * m)",
        "CPython 2.3 and later; seeds up to 64 bits, without their sign",
        _RANDOM,
        "r = random.Random({seed}); int(r.random() * {m})",
        "python",
        _set_python,
    ),
)
