"""Laws of the definitions: one stream however it is run, seeds and states, the LCG algebra."""

import hashlib
import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from seedfleet.generators import (
    AtState,
    Generator,
    PowerOfTwoLcg,
    Stream,
    compiled,
    generators,
    reference,
    streams,
)
from seedfleet.generators.boundings import JAVA_NEXT_INT, JAVA_NEXT_INT_DIGITS, MODULO, PHP_RANGE
from seedfleet.generators.families.lcg31 import MINSTD
from seedfleet.generators.families.lcg48 import JAVA_RANDOM
from seedfleet.generators.families.mt19937 import MT19937
from seedfleet.generators.families.xorshift import XORSHIFT128
from seedfleet.generators.start import state_words

_GENERATORS = generators()
_LCGS = {name: generator for name, generator in _GENERATORS.items() if generator.lcg is not None}
_HASHES = json.loads((Path(__file__).parent / "stability_hashes.json").read_text())

any_seed = st.integers(-(2**63), 2**64 - 1) | st.sampled_from(
    [0, 1, 2**31 - 2, 2**31 - 1, 2**31, 2**32 - 1, 2**48 - 1, 2**48, -1]
)
any_modulus = st.integers(2, 2**31) | st.sampled_from([2, 3, 2**30 + 1, 3 * 2**29, 2**31])
gaps = st.lists(st.integers(0, 12), min_size=1, max_size=8)


def positions_of(gaps: list[int]) -> list[int]:
    return [sum(gaps[: i + 1]) + i for i in range(len(gaps))]


@pytest.mark.slow
@pytest.mark.parametrize("stream", streams(), ids=lambda stream: stream.name)
@settings(max_examples=40)
@given(seed=any_seed, modulus=any_modulus, gaps=gaps)
def test_compiled_equals_reference(
    stream: Stream, seed: int, modulus: int, gaps: list[int]
) -> None:
    if stream.bounding is JAVA_NEXT_INT_DIGITS:
        modulus = 10 ** (2 + modulus % 8)
    assume(stream.bounding.layout(modulus) is not None)
    positions = positions_of(gaps)
    values, _ = compiled.at_positions(stream, seed, modulus, np.array(positions))
    assert values.tolist() == reference.at_positions(stream, seed, modulus, positions)
    assert values.min() >= 0
    assert values.max() < modulus


def advanced(generator: Generator, seed: int, steps: int) -> AtState:
    """Return the state after `steps` steps."""
    with np.errstate(over="ignore"):
        state = generator.seed_state(np.uint64(seed % 2**64))
        for _ in range(steps):
            state = generator.step(state)
    return AtState(state_words(state))


@pytest.mark.parametrize("stream", streams(), ids=lambda stream: stream.name)
def test_state_after_the_last_draw_is_the_generators(stream: Stream) -> None:
    modulus, parts = (1000, 3) if stream.bounding is JAVA_NEXT_INT_DIGITS else (1024, 1)
    _, state = compiled.at_positions(stream, 20240229, modulus, np.array([2, 6]))
    expected = advanced(stream.generator, 20240229, 7 * parts * stream.bounding.words)
    if stream.bounding.rejection(modulus) == 0:
        assert state == expected
    following, _ = compiled.at_positions(stream, state, modulus, np.array([0, 3]))
    whole, _ = compiled.at_positions(stream, 20240229, modulus, np.array([7, 10]))
    assert following.tolist() == whole.tolist()


def test_a_state_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a state of xorshift128 has 4 words, not 1"):
        compiled.at_positions(Stream(XORSHIFT128, MODULO), AtState((7,)), 1000, np.array([0]))


@pytest.mark.parametrize("run", [compiled.at_positions, reference.at_positions])
def test_a_modulus_that_the_bounding_lacks_is_refused(run: Callable[..., Any]) -> None:
    stream = Stream(JAVA_RANDOM, JAVA_NEXT_INT_DIGITS)
    with pytest.raises(ValueError, match=r"nextInt\(10\) digits has no modulus 999"):
        run(stream, 1, 999, np.array([0]))


@pytest.mark.parametrize("modulus", [3 * 2**29, 2**30 + 1, 1_500_000_000])
def test_java_rejects_as_its_32_bit_overflow_does(modulus: int) -> None:
    # The documented loop: bits = next(31); val = bits % bound; while (bits - val + bound-1 < 0).
    def java(words: list[int], bound: int) -> list[int]:
        values = []
        for word in words:
            bits = word >> 1
            total = np.array([bits - bits % bound + bound - 1]).astype(np.int32)[0]
            if total >= 0:
                values.append(bits % bound)
        return values

    words = list(islice(reference.words(JAVA_RANDOM, 7), 200))
    expected = java(words, modulus)
    assert len(expected) < 190  # this modulus rejects often
    found, _ = compiled.at_positions(
        Stream(JAVA_RANDOM, JAVA_NEXT_INT), 7, modulus, np.arange(len(expected))
    )
    assert found.tolist() == expected


def test_php_rejects_only_above_the_last_whole_multiple() -> None:
    last = 2**32 - 1 - 2**32 % 1000  # ceiling of the accepted words, as Zend computes it
    rejects, value = PHP_RANGE.rejects, PHP_RANGE.value
    assert not rejects(np.uint32(last), np.int64(1000))
    assert int(value(np.uint32(last), np.int64(1000))) == last % 1000
    assert rejects(np.uint32(last + 1), np.int64(1000))
    assert not rejects(np.uint32(2**32 - 1), np.int64(1024))
    assert int(value(np.uint32(2**32 - 1), np.int64(1024))) == 1023


@given(lcg=st.sampled_from(list(_LCGS)), a=st.integers(-(10**6), 10**6), data=st.data())
def test_jumps_add(lcg: str, a: int, data: st.DataObject) -> None:
    algebra = algebra_of(lcg)
    b = data.draw(st.integers(-(10**6), 10**6))
    state = data.draw(st.integers(0, algebra.modulus - 1))
    assert algebra.advance(algebra.advance(state, a), b) == algebra.advance(state, a + b)
    assert algebra.advance(algebra.advance(state, a), -a) == state


def algebra_of(name: str) -> PowerOfTwoLcg:
    algebra = _GENERATORS[name].lcg
    assert algebra is not None
    return algebra


@pytest.mark.parametrize("name", _LCGS)
@given(seed=any_seed, steps=st.integers(0, 20))
def test_a_jump_is_that_many_steps(name: str, seed: int, steps: int) -> None:
    start, end = (advanced(_GENERATORS[name], seed, n).words[0] for n in (0, steps))
    assert algebra_of(name).advance(start, steps) == end


@pytest.mark.parametrize("name", _LCGS)
@given(data=st.data())
def test_seed_of_state_inverts_seed_state(name: str, data: st.DataObject) -> None:
    generator = _GENERATORS[name]
    ends = [generator.seeds[0], generator.seeds[-1]]
    seed = data.draw(st.sampled_from(ends) | st.integers(*ends))
    assert algebra_of(name).seed_of_state(advanced(generator, seed, 0).words[0]) == seed


@given(state=st.integers(0, 2**48 - 1))
def test_srand48_leads_to_no_other_low_bits(state: int) -> None:
    assume(state & 0xFFFF != 0x330E)
    assert algebra_of("rand48").seed_of_state(state) is None


@pytest.mark.parametrize("name", _GENERATORS)
@settings(max_examples=25)
@given(data=st.data())
def test_seeds_equal_modulo_the_seed_modulus_give_one_stream(
    name: str, data: st.DataObject
) -> None:
    generator = _GENERATORS[name]
    # From 2**63 on a language may read the seed as a negative number.
    seed = data.draw(st.integers(0, 2**63 - 1))
    assert advanced(generator, seed, 3) == advanced(generator, seed % generator.seed_modulus, 3)


@pytest.mark.parametrize("name", _GENERATORS)
@settings(max_examples=50)
@given(data=st.data())
def test_canonical_seeds_give_streams_that_differ_and_never_stand_still(
    name: str, data: st.DataObject
) -> None:
    generator = _GENERATORS[name]
    ends = [generator.seeds[0], generator.seeds[-1]]
    seeds = st.sampled_from(ends) | st.integers(*ends)
    first, second = data.draw(seeds), data.draw(seeds)
    assert 0 <= first < generator.seed_modulus <= 2**generator.seed_bits
    assume(first not in generator.degenerate_seeds)
    words = list(islice(reference.words(generator, first), 4))
    assert len(set(words)) > 1
    if first != second and not (name == "mt19937 of PHP 5.2.0" and first | 1 == second | 1):
        assert advanced(generator, first, 0) != advanced(generator, second, 0)


# Seeds below the seed modulus that double canonical ones: how many, and one of them with its like.
_DOUBLES = {
    "minstd": (1, 0, 1),
    "minstd_rand0": (1, 0, 1),
    "Go math/rand": (1, 0, 89482311),
    "glibc random TYPE_3": (1, 0, 1),
    "glibc random TYPE_0": (2**31, 2**31 + 5, 5),
    "System.Random": (2**31, 2**32 - 5, 5),
}

# How many numbers below the seed modulus ask for no stream: 0 has V8 choose a seed of its own.
_NO_SEEDS = {"V8 xorshift128": 1, "V8 xorshift128+": 1}


@pytest.mark.parametrize("name", _GENERATORS)
def test_every_seed_class_is_canonical_or_degenerate_or_a_double(name: str) -> None:
    generator = _GENERATORS[name]
    left_out = generator.seed_modulus - generator.seed_count
    outside = [seed for seed in generator.degenerate_seeds if seed not in generator.seeds]
    doubles, seed, like = _DOUBLES.get(name, (0, 0, 0))
    assert left_out == len(outside) + doubles + _NO_SEEDS.get(name, 0)
    assert advanced(generator, seed, 5) == advanced(generator, like, 5)


@pytest.mark.parametrize(
    "name", [name for name in _GENERATORS if _GENERATORS[name].degenerate_seeds]
)
def test_degenerate_seeds_stand_still(name: str) -> None:
    generator = _GENERATORS[name]
    for seed in generator.degenerate_seeds:
        assert len(set(islice(reference.words(generator, seed), 50))) == 1


# Low product bits close to 2**31 - 1, to which the high ones add up beyond the modulus.
states_that_fold_twice = st.integers(0, 40_000).map(
    lambda below: (2**31 - 1 - below) * pow(48271, -1, 2**31) % 2**31
)


@given(state=st.integers(1, 2**31 - 2) | states_that_fold_twice.filter(lambda s: s < 2**31 - 1))
def test_minstd_folds_to_the_exact_remainder(state: int) -> None:
    assert int(MINSTD.step(np.uint32(state))) == 48271 * state % (2**31 - 1)


@pytest.mark.parametrize("seed", [0, 1, 5489, 2**32 - 1])
def test_mt19937_is_numpys(seed: int) -> None:
    bits = np.random.MT19937()
    bits._legacy_seeding(seed)
    # 1,300 words: two blocks are generated anew on the way.
    values, _ = compiled.at_positions(Stream(MT19937, MODULO), seed, 2**32, np.arange(1300))
    assert values.tolist() == bits.random_raw(1300).tolist()


def stability_hash(generator: Generator) -> str:
    """Hash the first 1,000 words from one seed, and the states before and after them."""
    seed = 0x5EEDF1EE7
    words = list(islice(reference.words(generator, seed), 1000))
    numbers = [*words, *advanced(generator, seed, 0).words, *advanced(generator, seed, 1000).words]
    return hashlib.sha256(np.array(numbers, dtype="<u8").tobytes()).hexdigest()


@pytest.mark.parametrize("name", _GENERATORS)
def test_no_stream_has_changed(name: str) -> None:
    assert stability_hash(_GENERATORS[name]) == _HASHES["sha256"][name]


def test_every_hash_has_its_generator() -> None:
    assert set(_HASHES["sha256"]) == set(_GENERATORS)
