"""SFC64, Doty-Humphrey's small fast counting generator: the classic sfc64 and numpy's.

State
    Four words of 64 bits, one of them a counter, so that no cycle is shorter than 2**64 steps.
    Here the last output follows them. numpy's integers below 2**32 take 32 bits, the low half of
    an output first, so numpy's states also tell which half was shown. There is no jump.
Seeding
    sfc64: the seed beside two fixed words and counter 1, with no warm-up. numpy: three words of
    SeedSequence(seed) and counter 1, and 12 outputs are thrown away.
Compatibility guarantee
    As for `numpy_seeding`.
Source
    Doty-Humphrey, PractRand 0.94, RNGs/sfc.cpp; numpy/random/src/sfc64.
"""

from __future__ import annotations

from typing import Any

from numpy import uint64

from seedfleet.generators.boundings import LEMIRE, MODULO
from seedfleet.generators.definition import Generator, Preset, Stream
from seedfleet.generators.families.numpy_seeding import (
    FIRST_WORDS,
    LATER_WORDS,
    seed_pool,
    two_words,
)
from seedfleet.generators.families.words64 import half
from seedfleet.generators.stepped_words import stepped_words

__all__ = ["NUMPY_SFC64", "PRESETS", "SFC64"]

_DISCARDED = 12


def _seed_plain(seed: Any) -> Any:
    a, b, c = uint64(seed), uint64(0x9E3779B97F4A7C15), uint64(0x6A09E667F3BCC908)
    return a, b, c, uint64(1), uint64(0)


def _step(state: Any) -> Any:
    a, b, c, counter, _ = state
    word = a + b + counter
    rotated = (c << uint64(24)) | (c >> uint64(40))
    return (
        b ^ (b >> uint64(11)),
        c + (c << uint64(3)),
        rotated + word,
        counter + uint64(1),
        word,
    )


def _output(state: Any) -> Any:
    return state[4]


def _start_numpy(seed: Any) -> Any:
    pool = seed_pool(uint64(seed))
    a, b = two_words(pool, FIRST_WORDS)
    c, _ = two_words(pool, LATER_WORDS)
    return a, b, c, uint64(1), uint64(0)


def _seed_numpy(seed: Any) -> Any:
    state = _start_numpy(seed)
    for _ in range(_DISCARDED):
        state = _step(state)
    return state[0], state[1], state[2], state[3], state[4], uint64(1)


def _turns(position: Any) -> Any:
    return _DISCARDED + 1 + position // 2


def _shown(state: Any, position: Any) -> Any:
    return half(state[4], uint64(position % 2))


def _step_half(state: Any) -> Any:
    a, b, c, counter, word, shown = state
    before = a, b, c, counter, word
    after = _step(before) if shown == uint64(1) else before
    return after[0], after[1], after[2], after[3], after[4], shown ^ uint64(1)


def _output_half(state: Any) -> Any:
    return half(state[4], state[5])


SFC64 = Generator(
    name="sfc64",
    seeds=range(2**64),
    seed_modulus=2**64,
    seed_bits=64,
    seed_state=_seed_plain,
    step=_step,
    output=_output,
    output_bits=64,
)
NUMPY_SFC64 = Generator(
    name="numpy SFC64",
    seeds=range(2**64),
    seed_modulus=2**64,
    seed_bits=64,
    seed_state=_seed_numpy,
    step=_step_half,
    output=_output_half,
    early=stepped_words(_start_numpy, _step, _turns, _shown, registers=5),
)

PRESETS = (
    Preset(
        "sfc64",
        "sfc64 % m",
        "classic table",
        Stream(SFC64, MODULO),
        "uint64_t a = {seed}u, b = 0x9E3779B97F4A7C15, c = 0x6A09E667F3BCC908, n = 1, r; "
        "(r = a + b + n++, a = b ^ b >> 11, b = c + (c << 3), "
        "c = (c << 24 | c >> 40) + r, r) % {m}",
        "c",
    ),
    Preset(
        "numpy_sfc64",
        "numpy Generator(SFC64(seed)).integers(0, m)",
        "numpy 1.17 and later",
        Stream(NUMPY_SFC64, LEMIRE),
        "r = np.random.Generator(np.random.SFC64({seed})); r.integers(0, {m})",
        "numpy",
    ),
)
