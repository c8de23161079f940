"""Philox, a counter put through ten rounds of a cipher: the classic philox4x32 and numpy's 4x64.

State
    A counter and a key of two words. Nothing else is kept: each output is enciphered from the
    counter, so that a jump is an addition. philox4x32 shows the first of a block's four 32-bit
    words. numpy shows eight halves of a block's four 64-bit words, low half first, and its counter
    here counts halves.
Seeding
    philox4x32: the key is the seed, low word first; the counter begins at (0, 0, 0, 0) and its
    first word wraps around after 2**32 outputs. numpy: the key is two words of SeedSequence(seed),
    and the first block is that of counter 1.
Compatibility guarantee
    As for `numpy_seeding`.
Source
    Salmon, Moraes, Dror and Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC11, 2011.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import uint32, uint64

from seedfleet.generators.algebra import EarlyWords, Leap
from seedfleet.generators.boundings import LEMIRE, MODULO
from seedfleet.generators.compiled import jitable
from seedfleet.generators.definition import Generator, Preset, Stream
from seedfleet.generators.families.numpy_seeding import FIRST_WORDS, seed_pool, two_words
from seedfleet.generators.families.words64 import half, high_product

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["NUMPY_PHILOX", "PHILOX4X32", "PRESETS"]

_ROUNDS = 10
_EARLY = 1024
_LANES = 128


def _seed_32(seed: Any) -> Any:
    low, high = uint32(uint64(seed) & uint64(0xFFFFFFFF)), uint32(uint64(seed) >> uint64(32))
    return uint32(0xFFFFFFFF), low, high  # one before counter 0


def _step_32(state: Any) -> Any:
    return uint32(state[0] + uint32(1)), state[1], state[2]


def _leap_32(state: Any, steps: Any, _unused: Any) -> Any:
    return uint32((uint64(state[0]) + steps) & uint64(0xFFFFFFFF)), state[1], state[2]


def _output_32(state: Any) -> Any:
    w0, key_0, key_1 = state
    w1 = w2 = w3 = uint32(0)
    for _ in range(_ROUNDS):
        product_0 = uint64(w0) * uint64(0xD2511F53)
        product_1 = uint64(w2) * uint64(0xCD9E8D57)
        w0 = uint32(uint32(product_1 >> uint64(32)) ^ w1 ^ key_0)
        w1 = uint32(product_1 & uint64(0xFFFFFFFF))
        w2 = uint32(uint32(product_0 >> uint64(32)) ^ w3 ^ key_1)
        w3 = uint32(product_0 & uint64(0xFFFFFFFF))
        key_0 = uint32(key_0 + uint32(0x9E3779B9))
        key_1 = uint32(key_1 + uint32(0xBB67AE85))
    return w0


def _seed_numpy(seed: Any) -> Any:
    key_0, key_1 = two_words(seed_pool(uint64(seed)), FIRST_WORDS)
    return uint64(7), key_0, key_1  # the last half of block 0, which is never shown


def _step_64(state: Any) -> Any:
    return state[0] + uint64(1), state[1], state[2]


def _leap_64(state: Any, steps: Any, _unused: Any) -> Any:
    return state[0] + steps, state[1], state[2]


def _block_64(counter: Any, key_0: Any, key_1: Any) -> Any:
    """Return the four words of a block, uint64."""
    w0 = counter
    w1 = w2 = w3 = uint64(0)
    multiplier_0, multiplier_1 = uint64(0xD2E7470EE14C6C93), uint64(0xCA5A826395121157)
    for _ in range(_ROUNDS):
        high_0, low_0 = high_product(w0, multiplier_0), w0 * multiplier_0
        high_1, low_1 = high_product(w2, multiplier_1), w2 * multiplier_1
        w0, w1, w2, w3 = high_1 ^ w1 ^ key_0, low_1, high_0 ^ w3 ^ key_1, low_0
        key_0 = key_0 + uint64(0x9E3779B97F4A7C15)
        key_1 = key_1 + uint64(0xBB67AE8584CAA73B)
    return w0, w1, w2, w3


def _output_64(state: Any) -> Any:
    position, key_0, key_1 = state
    w0, w1, w2, w3 = _block_64(position >> uint64(3), key_0, key_1)
    low_pair = w1 if position & uint64(2) else w0
    high_pair = w3 if position & uint64(2) else w2
    word = high_pair if position & uint64(4) else low_pair
    return half(word, position & uint64(1))


def _early_factory(  # noqa: C901 - its inner functions are counted in
    digest: str, seed_state: Callable[..., Any], block_64: Callable[..., Any]
) -> Callable[..., Any]:
    """Return ``fill`` of `EarlyWords`: a block is made once for all the words in it."""

    @jitable
    def seeded(first: Any, keys: Any) -> None:
        for lane in range(_LANES):
            state = seed_state(first + uint64(lane))
            keys[lane], keys[_LANES + lane] = state[1], state[2]

    @jitable
    def blocked(counter: Any, keys: Any, halves: Any) -> None:
        for lane in range(_LANES):
            block = block_64(counter, keys[lane], keys[_LANES + lane])
            for word in range(4):
                halves[2 * word * _LANES + lane] = half(block[word], uint64(0))
                halves[(2 * word + 1) * _LANES + lane] = half(block[word], uint64(1))

    def fill(first: Any, positions: Any, words: Any) -> None:
        _ = digest
        keys, halves = np.empty(2 * _LANES, np.uint64), np.empty(8 * _LANES, np.uint32)
        for base in range(0, words.shape[1], _LANES):
            seeded(first + uint64(base), keys)
            counter = 0  # block 0 is never shown
            for place in range(len(positions)):
                if positions[place] // 8 + 1 > counter:
                    counter = positions[place] // 8 + 1
                    blocked(uint64(counter), keys, halves)
                at = positions[place] % 8 * _LANES
                for lane in range(min(_LANES, words.shape[1] - base)):
                    words[place, base + lane] = halves[at + lane]

    return fill


PHILOX4X32 = Generator(
    name="philox4x32",
    seeds=range(2**64),
    seed_modulus=2**64,
    seed_bits=64,
    seed_state=_seed_32,
    step=_step_32,
    output=_output_32,
    leap=Leap(lambda steps: (steps % 2**32, 0), _leap_32),
)
NUMPY_PHILOX = Generator(
    name="numpy Philox",
    seeds=range(2**64),
    seed_modulus=2**64,
    seed_bits=64,
    seed_state=_seed_numpy,
    step=_step_64,
    output=_output_64,
    leap=Leap(lambda steps: (steps % 2**64, 0), _leap_64),
    early=EarlyWords(_EARLY, _early_factory, (_seed_numpy, _block_64)),
)

PRESETS = (
    Preset(
        "philox4x32",
        "philox4x32 % m",
        "classic table",
        Stream(PHILOX4X32, MODULO),
        "philox4x32(counter=(i, 0, 0, 0), key={seed})[0] % {m}",
    ),
    Preset(
        "numpy_philox",
        "numpy Generator(Philox(seed)).integers(0, m)",
        "numpy 1.17 and later",
        Stream(NUMPY_PHILOX, LEMIRE),
        "r = np.random.Generator(np.random.Philox({seed})); r.integers(0, {m})",
        "numpy",
    ),
)
