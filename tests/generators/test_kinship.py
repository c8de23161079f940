"""Presets and seeds that are told to draw alike do so, and those that differ are not named."""

from __future__ import annotations

import random
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seedfleet.generators import CATALOGUE, AtState, find_preset, generators, reference
from seedfleet.generators.kinship import Pace, kindred, power_text, seed_class
from seedfleet.generators.start import state_words

if TYPE_CHECKING:
    from seedfleet.generators import Generator, Start


def _kin(slug: str, start: Start, modulus: int = 1000) -> dict[str, Start]:
    kin = kindred(find_preset(slug).stream, start, modulus, None)
    streams = {each.stream: each.start for each in kin}
    return {preset.slug: streams[preset.stream] for preset in CATALOGUE if preset.stream in streams}


def test_php_draws_what_the_classic_twister_draws() -> None:
    assert _kin("php_mt_rand", 77) == {"mt19937": 77, "cpp_mt19937": 77}
    # A modulus that is no power of two apart, the range of PHP masks and the remainder does not.
    assert "php_mt_rand" not in _kin("numpy_randint", 77)


def test_one_state_has_the_seed_of_each_preset_that_has_it() -> None:
    assert _kin("c_lrand48", 77) == {"java_next_int": (77 << 16 | 0x330E) ^ 0x5DEECE66D}
    seed = (77 << 16 | 0x330E) ^ 0x5DEECE66D
    assert _kin("java_next_int", seed) == {"c_lrand48": 77}
    assert _kin("java_next_int", 1) == {"c_lrand48": AtState((1 ^ 0x5DEECE66D,))}


def _paced(slug: str, start: Start, pace: Pace) -> dict[str, tuple[Start, Pace | None]]:
    kin = {each.stream: each for each in kindred(find_preset(slug).stream, start, 1000, pace)}
    return {
        preset.slug: (kin[preset.stream].start, kin[preset.stream].pace)
        for preset in CATALOGUE
        if preset.stream in kin
    }


def _stepped(state: int) -> int:
    return (0x5DEECE66D * state + 11) % 2**48


def test_calls_of_more_words_have_a_pace_of_their_own() -> None:
    state = 77 << 16 | 0x330E
    # The draws stand at words 9, 19, ...; fives of two words reach 8, 18, ...: one word later.
    java = (_stepped(state) ^ 0x5DEECE66D, Pace(0, 4))
    assert _paced("c_drand48", 77, Pace(0, 9))["java_next_double"] == java
    # At words 12, 22, ..., two calls are dropped first, and none has to begin in between.
    java = (state ^ 0x5DEECE66D, Pace(2, 4))
    assert _paced("c_drand48", 77, Pace(3, 9))["java_next_double"] == java
    assert "java_next_double" not in _paced("c_drand48", 77, Pace(0, 8))


def test_calls_of_fewer_words_may_have_to_begin_earlier() -> None:
    seed = 77 ^ 0x5DEECE66D
    start, pace = _paced("java_next_double", seed, Pace(0, 0))["c_drand48"]
    assert pace == Pace(0, 1)
    assert isinstance(start, AtState)
    assert _stepped(start.words[0]) == 77
    assert _paced("java_next_double", seed, Pace(1, 0))["c_drand48"] == (AtState((77,)), Pace(1, 1))
    # The twister is not stepped back.
    assert "cpp_mt19937_uniform" not in _paced("python_random", 5, Pace(0, 0))
    assert _paced("python_random", 5, Pace(1, 0))["cpp_mt19937_uniform"][1] == Pace(1, 1)


def test_kin_of_a_state_begin_at_that_state() -> None:
    state = AtState((*(123456789 * place % 2**32 for place in range(624)), 0))
    assert _kin("cpp_mt19937", state) == {"php_mt_rand": state, "php_rand": state}


@pytest.mark.parametrize(
    ("name", "seed", "others"),
    [
        ("System.Random", 5, (-5,)),
        ("System.Random", 2**31 - 1, (-(2**31) + 1, -(2**31))),
        ("System.Random", 0, ()),
        ("glibc random TYPE_3", 1, (0,)),
        ("glibc random TYPE_3", 2, ()),
        ("glibc random TYPE_0", 1, (0, 2**31 + 1)),
        ("glibc random TYPE_0", 2**31, ()),
        ("minstd", 1, (2**31, 2**32 - 1, 0, 2**31 - 1, 2**32 - 2)),
        ("mt19937 of PHP 5.2.0", 6, (7,)),
        ("mt19937", 6, ()),
        ("msvc", 6, (2**31 + 6,)),
        ("Go math/rand", 89482311, (0,)),
    ],
)
def test_seeds_of_one_stream(name: str, seed: int, others: tuple[int, ...]) -> None:
    generator = generators()[name]
    assert seed_class(generator, seed).others == others
    assert all(_state(generator, other) == _state(generator, seed) for other in others)


def _state(generator: Generator, seed: int) -> list[int]:
    return list(islice(reference.words(generator, seed), 5))


@pytest.mark.parametrize("generator", generators().values(), ids=lambda each: each.name)
def test_every_seed_that_is_listed_has_the_stream(generator: Generator) -> None:
    for seed in {generator.seeds[1], generator.seeds[-1]}:
        for other in seed_class(generator, seed).others:
            if generator.name == "mt19937 by array" and other < 0:
                continue  # CPython drops the sign before it seeds
            assert _state(generator, other) == _state(generator, seed)


def test_cpython_drops_the_sign() -> None:

    assert random.Random(-5).random() == random.Random(5).random()
    assert seed_class(generators()["mt19937 by array"], 5).others == (-5,)


def test_many_seeds_are_told_by_their_rule() -> None:
    alike = seed_class(generators()["java.util.Random"], 7)
    assert alike.rule == "every seed that is 7 modulo 2^48"
    assert alike.others == ()
    assert (
        seed_class(generators()["Go math/rand"], 9).rule == "every seed that is 9 modulo 2^31 - 1"
    )
    assert seed_class(generators()["mt19937"], 9).rule is None


def test_powers_are_written_as_such_where_they_are() -> None:
    told = [power_text(number) for number in (8, 2**32, 2**31 - 1, 10**6, 2**48 + 2)]
    assert told == ["8", "2^32", "2^31 - 1", "1,000,000", "281,474,976,710,658"]


def test_a_state_is_read_as_it_is_written() -> None:
    generator = generators()["xoshiro256pp"]
    stream = find_preset("xoshiro256pp").stream
    start = AtState(state_words(generator.seed_state(np.uint64(5))))
    from_state = list(islice(reference.draws(stream, start, 1000), 9))
    assert from_state == list(islice(reference.draws(stream, 5, 1000), 9))
