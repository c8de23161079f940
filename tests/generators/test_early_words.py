"""The first words of many seeds at once are those of the definition, one seed after the other."""

from functools import cache
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedfleet.generators import Generator, generators, reference
from seedfleet.generators.compiled import build_kernel

_EARLY = [each for each in generators().values() if each.early is not None]
_NAMES = [each.name for each in _EARLY]
# Where words of a seed begin to count, signs change, or an end is passed.
_EDGES = (0, 1, 2**31 - 2, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1)
_WIDE = 300  # more lanes than any of them takes at once


@cache
def filler(generator: Generator) -> Any:
    assert generator.early is not None
    return build_kernel(generator.early.factory, *generator.early.functions)


def early(generator: Generator, first: int, positions: list[int], seeds: int) -> Any:
    dtype = np.uint64 if generator.output_bits > 32 else np.uint32
    words = np.empty((len(positions), seeds), dtype)
    filler(generator)(np.uint64(first), np.array(positions), words)
    return words


def defined(generator: Generator, seed: int, positions: list[int]) -> list[int]:
    words = list(islice(reference.words(generator, seed), positions[-1] + 1))
    return [words[position] for position in positions]


def test_the_generators_whose_seeding_is_dear_have_early_words() -> None:
    assert {"mt19937", "mt19937 by array", "glibc random TYPE_3", "Go math/rand"} <= set(_NAMES)
    assert {"System.Random", "numpy Philox", "mt19937 of PHP 5.2.0"} <= set(_NAMES)
    assert {"Lua 5.4 random", "V8 xorshift128", "V8 xorshift128+"} <= set(_NAMES)
    assert {"numpy PCG64", "numpy PCG64DXSM", "numpy SFC64"} <= set(_NAMES)


@pytest.mark.slow
@pytest.mark.parametrize("generator", _EARLY, ids=_NAMES)
def test_early_words_are_those_of_the_definition_at_the_edges(generator: Generator) -> None:
    assert generator.early is not None
    last = generator.early.count - 1
    for edge in _EDGES:
        first = min(max(edge - _WIDE // 2, 0), 2**64 - _WIDE)
        positions = [0, 1, last // 3, last - 1, last]
        words = early(generator, first, positions, _WIDE)
        for lane in sorted({edge - first, _WIDE - 1}):
            expected = defined(generator, first + lane, positions)
            assert words[:, lane].tolist() == expected, (first + lane, positions)


@pytest.mark.slow
@pytest.mark.parametrize("generator", _EARLY, ids=_NAMES)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_any_positions_of_any_seeds(generator: Generator, data: st.DataObject) -> None:
    assert generator.early is not None
    first = data.draw(st.integers(0, 2**64 - _WIDE) | st.integers(0, 2**32))
    places = st.integers(0, min(generator.early.count - 1, 400))
    positions = sorted(data.draw(st.sets(places, min_size=1, max_size=5)))
    seeds = data.draw(st.integers(1, _WIDE))
    lane = data.draw(st.integers(0, seeds - 1))
    words = early(generator, first, positions, seeds)
    assert words[:, lane].tolist() == defined(generator, first + lane, positions)
