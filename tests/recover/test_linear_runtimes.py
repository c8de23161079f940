"""Real runtimes with linear generators: their draws are explained, and the next 50 foretold."""

import os
import random

import numpy as np
import pytest
from numpy.typing import NDArray
from planted import UNWATCHED, question, random_draws
from tools.vectors.make import PRESETS, Request, answers

from seedfleet.generators import compiled, streams
from seedfleet.recover.linear import carry_search
from seedfleet.recover.linear.attack import searches
from seedfleet.recover.search import Survivor
from seedfleet.sieve import constant_skip_positions

pytestmark = [pytest.mark.runtime, pytest.mark.slow]

_AHEAD = 50


def history(preset: str, seed: int, *, modulus: int, skip: int, count: int) -> NDArray[np.int64]:
    missing = PRESETS[preset].missing_tool
    if missing is not None:
        reason = f"{preset} needs '{missing}' on PATH"
        if os.environ.get("SEEDFLEET_REQUIRE_RUNTIMES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    (draws,) = answers(preset, [Request(seed, modulus, skip, count)])
    return np.array(draws, dtype=np.int64)


def found_in(draws: NDArray[np.int64], modulus: int, skips: range, *, shown: str) -> list[Survivor]:
    """Run the first search of every family that has a stream of that name."""
    asked = question(draws[:-_AHEAD], modulus=modulus, skips=skips)
    first: dict[object, list[Survivor]] = {}
    for search in searches(streams(), asked):
        names = {stream.name for stream in search.coverage.streams}
        if search.coverage.streams not in first and any(shown in name for name in names):
            first[search.coverage.streams] = list(search.run(UNWATCHED).survivors)
    return [survivor for survivors in first.values() for survivor in survivors]


def assert_foretold(survivors: list[Survivor], draws: NDArray[np.int64], modulus: int) -> None:
    assert survivors
    for survivor in survivors:
        skip, offset = survivor.alignment.skip_min, survivor.alignment.offset
        positions = constant_skip_positions(len(draws), skip) + offset
        values, _ = compiled.at_positions(survivor.stream, survivor.start, modulus, positions)
        assert np.array_equal(values[-_AHEAD:], draws[-_AHEAD:])


@pytest.mark.parametrize(
    ("preset", "modulus", "skip"),
    [("v8_math_random", 1000, 3), ("v8_math_random_53", 100, 0), ("v8_math_random", 10, 1)],
)
def test_node(preset: str, modulus: int, skip: int) -> None:
    seed = 20_190_405
    draws = history(preset, seed, modulus=modulus, skip=skip, count=250)
    survivors = found_in(draws, modulus, range(6), shown="V8")
    assert_foretold(survivors, draws, modulus)
    assert {survivor.start for survivor in survivors} == {seed}


@pytest.mark.parametrize(
    ("modulus", "skip", "count"), [(1000, 0, 400), (1000, 3, 550), (100, 0, 1000)]
)
def test_node_whose_words_are_sums(modulus: int, skip: int, count: int) -> None:
    seed = 20_260_113
    draws = history("v8_math_random_sum", seed, modulus=modulus, skip=skip, count=count)
    asked = question(draws[:-_AHEAD], modulus=modulus, skips=range(skip, skip + 1))
    runs = (search.run(UNWATCHED) for search in carry_search.searches(streams(), asked))
    survivors = next((list(found.survivors) for found in runs if found.survivors), [])
    assert_foretold(survivors, draws, modulus)
    assert {survivor.start for survivor in survivors} == {seed}


@pytest.mark.parametrize(
    ("preset", "count", "skip", "shown"),
    [
        ("cpp_mt19937", 7050, 0, "mt_rand(0, m-1)"),
        ("php_mt_rand_521", 3600, 0, "mt19937 of PHP 5.2.1"),
        ("cpp_mt19937_uniform", 3550, 1, "Lemire"),
    ],
)
def test_whole_state(preset: str, count: int, skip: int, shown: str) -> None:
    seed = 3_141_592_653
    draws = history(preset, seed, modulus=1000, skip=skip, count=count)
    survivors = found_in(draws, 1000, range(skip, skip + 1), shown=shown)
    assert_foretold(survivors, draws, 1000)
    # Streams that show the same bits have other seedings, of which none need lead to the state.
    assert {each.start for each in survivors if isinstance(each.start, int)} == {seed}


def test_cpython_in_the_middle_of_a_stream() -> None:
    source = random.Random(2**63 + 11)
    for _ in range(1000):
        source.random()
    draws = np.array([int(source.random() * 1000) for _ in range(3550)], dtype=np.int64)
    (survivor,) = found_in(draws, 1000, range(1), shown="27 + 26 bits")
    assert_foretold([survivor], draws, 1000)
    assert (survivor.start, survivor.alignment.offset) == (2**63 + 11, 1000)


def test_cpython_seeded_by_no_number() -> None:
    source = random.Random("a text, which is hashed to more than 64 bits")
    draws = np.array([int(source.random() * 1000) for _ in range(3550)], dtype=np.int64)
    (survivor,) = found_in(draws, 1000, range(1), shown="27 + 26 bits")
    assert not isinstance(survivor.start, int)
    assert_foretold([survivor], draws, 1000)


def test_random_draws_give_nothing() -> None:
    assert found_in(random_draws(7100), 1000, range(1), shown="mt_rand(0, m-1)") == []
