"""Families with small states, held to published outputs and to numpy's own generators; jumps."""

from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seedfleet.generators import Generator, compiled, find_preset, generators, reference
from seedfleet.generators.families.lcg31 import LCG32, MINSTD0
from seedfleet.generators.families.numpy_seeding import (
    FIRST_WORDS,
    LATER_WORDS,
    seed_pool,
    two_words,
)
from seedfleet.generators.families.pcg import PCG32
from seedfleet.generators.families.philox import PHILOX4X32
from seedfleet.generators.families.sfc64 import SFC64
from seedfleet.generators.families.words64 import half, high_product
from seedfleet.generators.families.xorshift import XORSHIFT64, XORSHIFT128
from seedfleet.generators.families.xoshiro import LUA_RANDOM, XOSHIRO256PP

_JUMPING = [generator for generator in generators().values() if generator.can_jump]
_LEAPING = [generator for generator in _JUMPING if generator.leap is not None]

any_seed = st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 2**32 - 1, 2**32, 2**64 - 1])
any_word = any_seed
any_modulus = st.integers(2, 2**31) | st.sampled_from([2, 2**31 - 1, 2**31, 3 * 2**29])


def started(generator: Generator, seed: int) -> Any:
    with np.errstate(over="ignore"):
        return generator.seed_state(np.uint64(seed))


def stepped(generator: Generator, state: Any, steps: int) -> Any:
    with np.errstate(over="ignore"):
        for _ in range(steps):
            state = generator.step(state)
    return state


def first_words(generator: Generator, seed: int, count: int) -> list[int]:
    return list(islice(reference.words(generator, seed), count))


def outputs_of_old_states(generator: Generator, state: Any, count: int) -> list[int]:
    """Return the words of `state` and of those after it, as the published programs count."""
    words = []
    with np.errstate(over="ignore"):
        for _ in range(count):
            words.append(int(generator.output(state)))
            state = generator.step(state)
    return words


# Published outputs.


def test_xorshift128_is_marsaglias() -> None:
    # "Xorshift RNGs", page 5, with his x = 123456789; the words are what his xor128() prints.
    assert first_words(XORSHIFT128, 123456789, 3) == [3701687786, 458299110, 2500872618]


def test_xorshift64_begins_as_vignas() -> None:
    # xorshift64* multiplies only what it shows, so the first outputs agree and the second differ.
    first, second = first_words(XORSHIFT64, 1, 2)
    assert first == 5180492295206395165
    assert second != 12380297144915551517


@pytest.mark.parametrize(
    ("generator", "published"),
    [
        (XOSHIRO256PP, [41943041, 58720359, 3588806011781223, 3591011842654386]),
        (LUA_RANDOM, [11520, 0, 1509978240, 1215971899390074240]),
    ],
    ids=["++", "**"],
)
def test_xoshiro256_scrambles_as_published(generator: Generator, published: list[int]) -> None:
    # The authors' C programs from the state (1, 2, 3, 4), as rand_xoshiro's tests print them.
    state = tuple(np.uint64(word) for word in (1, 2, 3, 4))
    assert outputs_of_old_states(generator, state, 4) == published


@pytest.mark.slow
def test_xoshiro256_jumps_as_published() -> None:
    # JUMP of https://prng.di.unimi.it/xoshiro256plusplus.c: the sum, over the set bits i, of the
    # states i steps on, is the state 2**128 steps on.
    polynomial = (0x180EC6D33CFD0ABA, 0xD5A61266F0C9392C, 0xA9582618E03FC9AA, 0x39ABDC4529B1661C)
    start = state = started(XOSHIRO256PP, 7)
    total = [0, 0, 0, 0]
    for i in range(256):
        if polynomial[i // 64] >> i % 64 & 1:
            total = [each ^ int(word) for each, word in zip(total, state, strict=True)]
        state = XOSHIRO256PP.step(state)
    assert [int(word) for word in XOSHIRO256PP.jumped(start, 2**128)] == total


def test_pcg32_permutes_as_published() -> None:
    # pcg32-demo of the PCG library: seed 42, stream 54.
    increment = 2 * 54 + 1
    state = (42 + increment) * 6364136223846793005 + increment
    words = []
    for _ in range(6):
        words.append(int(PCG32.output(np.uint64(state % 2**64))))
        state = state * 6364136223846793005 + increment
    assert words == [0xA15C02B7, 0x7B47F409, 0xBA1D3330, 0x83D2F293, 0xBFA4784B, 0xCBED606E]


def test_philox4x32_is_random123s() -> None:
    # kat_vectors of Random123: "philox4x32 10", counter and key all zero.
    assert first_words(PHILOX4X32, 0, 1) == [0x6627E8D5]


def test_minstd_rand0_is_the_standards() -> None:
    # ISO C++ [rand.predef]: the 10000th word of a default-constructed engine, and Park and Miller.
    assert MINSTD0.jumped(started(MINSTD0, 1), 10_000) == 1043618065
    assert first_words(MINSTD0, 1, 3) == [16807, 282475249, 1622650073]


# numpy's own generators, for any seed.


@settings(max_examples=50)
@given(seed=any_seed)
def test_seed_words_are_numpys(seed: int) -> None:
    with np.errstate(over="ignore"):
        pool = seed_pool(np.uint64(seed))
        words = [*two_words(pool, FIRST_WORDS), *two_words(pool, LATER_WORDS)]
    assert words == np.random.SeedSequence(seed).generate_state(4, np.uint64).tolist()


@pytest.mark.parametrize(
    ("slug", "bits"),
    [
        ("numpy_default_rng", np.random.PCG64),
        ("numpy_pcg64dxsm", np.random.PCG64DXSM),
        ("numpy_philox", np.random.Philox),
        ("numpy_sfc64", np.random.SFC64),
    ],
)
@settings(max_examples=25)
@given(seed=any_seed, modulus=any_modulus)
def test_integers_are_numpys(slug: str, bits: Any, seed: int, modulus: int) -> None:
    generator = np.random.Generator(bits(seed))
    wanted = [int(generator.integers(0, modulus)) for _ in range(25)]
    assert list(islice(reference.draws(find_preset(slug).stream, seed, modulus), 25)) == wanted


@settings(max_examples=25)
@given(seed=any_seed)
def test_sfc64_is_numpys_without_its_seeding(seed: int) -> None:
    bits = np.random.SFC64(0)
    words = np.array([seed, 0x9E3779B97F4A7C15, 0x6A09E667F3BCC908, 1], dtype=np.uint64)
    bits.state = {**bits.state, "state": {"state": words}}
    assert first_words(SFC64, seed, 20) == bits.random_raw(20).tolist()


# Arithmetic.


@given(first=any_word, second=any_word)
@example(first=2**64 - 1, second=2**64 - 1)
@example(first=2**64 - 1, second=2**32 + 1)
def test_high_product_is_exact(first: int, second: int) -> None:
    with np.errstate(over="ignore"):
        high = high_product(np.uint64(first), np.uint64(second))
    assert int(high) == (first * second) >> 64


def test_halves() -> None:
    word = np.uint64(0x0123456789ABCDEF)
    assert [int(half(word, np.uint64(index))) for index in (0, 1)] == [0x89ABCDEF, 0x01234567]


_PRIME = 2**31 - 1
_BEFORE_ZERO = -12345 * pow(1103515245, -1, _PRIME) % _PRIME


@given(state=st.integers(0, _PRIME - 1))
@example(state=_BEFORE_ZERO)
@example(state=_PRIME - 1)
def test_lcg32_takes_the_exact_remainder(state: int) -> None:
    assert int(LCG32.step(np.uint32(state))) == (1103515245 * state + 12345) % _PRIME


@pytest.mark.parametrize("generator", [MINSTD0, LCG32], ids=lambda generator: generator.name)
@given(multiple=st.integers(0, 2**64 // _PRIME), beside=st.integers(-2, 2))
@example(multiple=2**64 // _PRIME, beside=0)
@example(multiple=1, beside=0)
def test_seeds_count_modulo_the_prime(generator: Generator, multiple: int, beside: int) -> None:
    seed = max(0, min(multiple * _PRIME + beside, 2**64 - 1))
    least = 1 if generator is MINSTD0 else 0
    assert int(started(generator, seed)) == max(seed % _PRIME, least)


def test_lcg32_reaches_zero_and_goes_on() -> None:
    assert first_words(LCG32, _BEFORE_ZERO, 2) == [0, 12345]


# Jumps.


@pytest.mark.parametrize("generator", _JUMPING, ids=lambda generator: generator.name)
@settings(max_examples=25)
@given(seed=any_seed, steps=st.integers(0, 40))
def test_a_jump_is_that_many_steps(generator: Generator, seed: int, steps: int) -> None:
    state = started(generator, seed)
    jumped = generator.jumped(state, steps)
    assert np.array_equal(jumped, stepped(generator, state, steps))
    assert np.asarray(jumped).dtype == np.asarray(state).dtype


@pytest.mark.parametrize("generator", _JUMPING, ids=lambda generator: generator.name)
@settings(max_examples=15)
@given(seed=any_seed, a=st.integers(0, 2**40), b=st.integers(0, 2**40))
def test_jumps_add(generator: Generator, seed: int, a: int, b: int) -> None:
    state = started(generator, seed)
    twice = generator.jumped(generator.jumped(state, a), b)
    assert np.array_equal(twice, generator.jumped(state, a + b))


def test_a_family_without_a_jump_says_so() -> None:
    with pytest.raises(ValueError, match="sfc64 has no jump"):
        SFC64.jumped(started(SFC64, 1), 5)


def _leap_factory(digest: str, seed_state: Any, apply: Any, output: Any) -> Any:
    def kernel(seed: Any, first: Any, second: Any) -> Any:
        _ = digest
        return output(apply(seed_state(seed), first, second))

    return kernel


@pytest.mark.slow
@pytest.mark.parametrize("generator", _LEAPING, ids=lambda generator: generator.name)
def test_a_leap_compiles_to_what_it_is_in_plain_python(generator: Generator) -> None:
    assert generator.leap is not None
    kernel = compiled.build_kernel(
        _leap_factory, generator.seed_state, generator.leap.apply, generator.output
    )
    for seed, steps in [(1, 1), (20_010_911, 999), (2**64 - 3, 2**33 + 5)]:
        coefficients = map(np.uint64, generator.leap.coefficients(steps))
        with np.errstate(over="ignore"):
            expected = generator.output(generator.jumped(started(generator, seed), steps))
        assert kernel(np.uint64(seed), *coefficients) == expected
