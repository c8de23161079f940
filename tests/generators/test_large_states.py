"""Generators with large states: what is published of them, and the recurrences that they must obey.

Two of the languages are at hand in this process: CPython's random and numpy's RandomState answer
for seeds and moduli that no stored vector has.
"""

import random
import shutil
import subprocess
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_runtimes import require_runtime
from tools.vectors.make import PRESETS

from seedfleet.generators import Generator, Stream, compiled, find_preset, reference
from seedfleet.generators.boundings import MODULO
from seedfleet.generators.families.dotnet import DOTNET
from seedfleet.generators.families.glibc_random import GLIBC_RAND, GLIBC_RAND_TYPE0
from seedfleet.generators.families.go_rand import GO_RAND
from seedfleet.generators.families.mt19937 import MT19937, MT19937_PHP_520, MT19937_PHP_521
from seedfleet.generators.families.v8 import V8_SUM, V8_WORD
from seedfleet.sieve.cpu import CpuBackend
from seedfleet.sieve.rows import Rows

_SEEDS_64 = st.integers(0, 2**64 - 1) | st.integers(0, 2**33)
_MODULI = st.integers(2, 2**31) | st.integers(1, 31).map(lambda bits: 2**bits)


def draws(slug: str, seed: int, modulus: int, count: int) -> list[int]:
    values, _ = compiled.at_positions(find_preset(slug).stream, seed, modulus, np.arange(count))
    listed: list[int] = values.tolist()
    return listed


def words(generator: Generator, seed: int, count: int) -> list[int]:
    return list(islice(reference.words(generator, seed), count))


# (preset, seed, modulus, first draws). The full range of mt_rand is 2**31.
_PUBLISHED = [
    # Found by php_mt_seed 4.0 for these outputs as seeds of "PHP 3.0.7 to 5.2.0".
    ("php_mt_rand_520", 594299954, 2**31, [411284887]),
    ("php_mt_rand_520", 1806517244, 2**31, [411284887]),
    ("php_mt_rand_520", 2035078461, 2**31, [1514623366]),
    ("php_mt_rand_520", 1691655855, 2**31, [541523574]),
    ("php_mt_rand_520", 3952363820, 2**31, [711790632]),
    ("php_mt_rand_520", 379972194, 2**31, [1234567890]),
    # php_mt_seed's README, of PHP 5.3.
    ("php_mt_rand_521", 1234567890, 2**31, [1328851649]),
    ("php_mt_rand_521", 1234567890, 10, [6, 6, 4, 1, 1, 2, 8, 4, 5, 8]),
    # The first values of rand() in a program that never calls srand().
    ("glibc_rand", 1, 2**31, [1804289383, 846930886, 1681692777, 1714636915, 1957747793]),
    # What rand.Intn(100) gave in programs for Go before 1.20, where the seed was 1.
    ("go_intn", 1, 100, [81, 87, 47, 59, 81, 18, 25, 40, 56, 0]),
    # The documentation of Ruby's Random: Random.new(1234).rand(100).
    ("ruby_rand", 1234, 100, [47]),
]


@pytest.mark.parametrize(("slug", "seed", "modulus", "expected"), _PUBLISHED)
def test_published_draws(slug: str, seed: int, modulus: int, expected: list[int]) -> None:
    stream = find_preset(slug).stream
    assert list(islice(reference.draws(stream, seed, modulus), len(expected))) == expected


@pytest.mark.slow
@settings(max_examples=60)
@given(seed=_SEEDS_64, modulus=_MODULI)
def test_randrange_is_cpythons(seed: int, modulus: int) -> None:
    source = random.Random(seed)
    expected = [source.randrange(modulus) for _ in range(700)]
    assert draws("python_randrange", seed, modulus, 700) == expected


@pytest.mark.slow
@settings(max_examples=60)
@given(seed=_SEEDS_64, modulus=_MODULI)
def test_random_is_cpythons(seed: int, modulus: int) -> None:
    source = random.Random(seed)
    expected = [int(source.random() * modulus) for _ in range(350)]
    assert draws("python_random", seed, modulus, 350) == expected


@pytest.mark.slow
@settings(max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), modulus=_MODULI)
def test_randint_is_numpys(seed: int, modulus: int) -> None:
    expected = np.random.RandomState(seed).randint(0, modulus, 700, dtype=np.int64)
    assert draws("numpy_randint", seed, modulus, 700) == expected.tolist()


def test_php_520_does_not_tell_even_from_odd_seeds() -> None:
    assert words(MT19937_PHP_520, 8, 700) == words(MT19937_PHP_520, 9, 700)
    assert words(MT19937_PHP_520, 8, 3) != words(MT19937_PHP_520, 10, 3)


def test_php_521_twists_by_the_low_bit_of_the_other_word() -> None:
    right, wrong = words(MT19937, 3, 100), words(MT19937_PHP_521, 3, 100)
    same = sum(a == b for a, b in zip(right, wrong, strict=True))
    assert 20 < same < 80  # the two low bits agree for half of the words


@pytest.mark.parametrize("seed", [1, 2**31 + 7])
def test_glibc_words_are_sums_of_earlier_ones(seed: int) -> None:
    found = words(GLIBC_RAND, seed, 400)
    # The low bit that is dropped may carry.
    errors = {(found[i] - found[i - 3] - found[i - 31]) % 2**31 for i in range(31, 400)}
    assert errors == {0, 1}


def test_dotnet_words_are_differences_with_the_second_lag_of_34() -> None:
    found = words(DOTNET, 12345, 400)
    assert all(
        found[i] == (found[i - 55] - found[i - 34]) % (2**31 - 1) for i in range(55, len(found))
    )


def test_dotnet_gives_0_where_its_word_falls_below() -> None:
    state: Any = np.zeros(56, dtype=np.int32)
    state[0], state[21] = -1, 2**31 - 1
    with np.errstate(over="ignore"):
        state = DOTNET.step(state)
    # -1 - (2**31 - 1) = -2**31, and 2**31 - 1 more is -1, of which a product with m < 2**31 over
    # 2**31 - 1 is cut to 0.
    assert int(state[0]) == -1
    assert int(DOTNET.output(state)) == 0


def test_dotnet_never_gives_the_largest_word() -> None:
    state: Any = np.zeros(56, dtype=np.int32)
    state[0] = 2**31 - 1
    assert int(DOTNET.output(DOTNET.step(state))) == 2**31 - 2


def test_v8_serves_blocks_of_64_from_their_end() -> None:
    served = words(V8_WORD, 42, 128)
    sums = words(V8_SUM, 42, 128)
    forwards = served[63::-1] + served[:63:-1]
    # In the order in which they were made, the second word of each state is the next first one.
    for i in range(127):
        first, second = forwards[i], forwards[i + 1]
        mixed = (first ^ first << 23) % 2**64
        if i + 2 < 128:
            assert forwards[i + 2] == mixed ^ mixed >> 17 ^ second ^ second >> 26
    order = [*range(63, -1, -1), *range(127, 63, -1)]
    assert [sums[i] for i in order[:-1]] == [
        (forwards[i] + forwards[i + 1]) % 2**64 for i in range(127)
    ]


@settings(max_examples=20)
@given(first=st.integers(0, 2000), second=st.integers(0, 10**18), seed=_SEEDS_64)
def test_jumps_of_the_lagged_sum_add_up(first: int, second: int, seed: int) -> None:
    state = stepped(GO_RAND, seed, 0)
    reached = GO_RAND.jumped(state, first)
    assert np.array_equal(reached, stepped(GO_RAND, seed, first))
    whole = GO_RAND.jumped(state, first + second)
    assert np.array_equal(GO_RAND.jumped(reached, second), whole)


@settings(max_examples=30)
@given(steps=st.integers(0, 200), seed=st.integers(0, 2**32 - 1))
def test_a_leap_of_type_0_is_that_many_steps(steps: int, seed: int) -> None:
    state = stepped(GLIBC_RAND_TYPE0, seed, 0)
    assert GLIBC_RAND_TYPE0.jumped(state, steps) == stepped(GLIBC_RAND_TYPE0, seed, steps)


def stepped(generator: Generator, seed: int, steps: int) -> Any:
    with np.errstate(over="ignore"):
        state = generator.seed_state(np.uint64(seed))
        for _ in range(steps):
            state = generator.step(state)
    return state


@pytest.mark.parametrize(("slug", "modulus"), [("dotnet_next", 2**31), ("go_intn", 2**31 + 1)])
def test_a_modulus_that_the_call_cannot_take_is_refused(slug: str, modulus: int) -> None:
    with pytest.raises(ValueError, match=f"has no modulus {modulus}"):
        draws(slug, 1, modulus, 1)


@pytest.mark.slow
def test_a_scan_does_not_take_another_seeding_for_init_genrand() -> None:
    # These share step and output with the classic generator, whose kernel knows its seeding only.
    stream = Stream(MT19937_PHP_520, MODULO)
    positions = np.arange(6)
    values = np.array(reference.at_positions(stream, 1001, 1000, positions.tolist()))
    rows = Rows.exact(positions[None], values[None], 1000)
    hits = CpuBackend(1).scan(stream, rows, range(2000))
    assert hits.seeds.tolist() == [1000, 1001]


@pytest.mark.runtime
@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2**64 - 3])
def test_go_gives_every_bit_of_the_words(seed: int) -> None:
    require_runtime("go_intn")
    printed = PRESETS["go_intn"].program.run("go_words", f"{seed} 0 0 1300\n")
    assert words(GO_RAND, seed, 1300) == [int(word) for word in printed.split()]


@pytest.mark.runtime
@pytest.mark.slow
@pytest.mark.parametrize("slug", ["v8_math_random", "v8_math_random_53", "v8_math_random_sum"])
def test_a_process_of_its_own_is_seeded_alike(slug: str) -> None:
    # The stored vectors come from new contexts inside of one process.
    require_runtime(slug)
    node = shutil.which(PRESETS[slug].program.tool)
    assert node is not None
    script = "for (let i = 0; i < 200; i++) console.log(Math.floor(Math.random() * 1e6))"
    command = [node, "--random-seed=20240229", "-e", script]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    assert draws(slug, 20240229, 10**6, 200) == [int(line) for line in printed.split()]
