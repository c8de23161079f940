"""Draws of real runtimes from seeds that no stored vector has, found again by scans of seeds."""

import os
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from planted import UNWATCHED, question
from tools.vectors.make import PRESETS, Request, answers

from seedfleet.generators import Stream, find_preset
from seedfleet.recover.scans.lags import lag_searches
from seedfleet.recover.scans.seed_scan import seed_scans

pytestmark = [pytest.mark.runtime, pytest.mark.slow]

_SLICE = 2**9
# (preset, seed)
_SCANNED = [
    ("python_randrange", 1_234_567),
    ("python_random", 7_654_321),
    ("ruby_rand", 20_260_711),
    ("numpy_randint", 3_999_999_999),
    ("numpy_default_rng", 424_242),
    ("php_mt_rand_521", 99_887_766),
    ("lua_random", 31_415_926),
    ("glibc_rand", 2_999_888_777),
    ("go_intn", 1_618_033_988),
    ("dotnet_next", 271_828_182),
]


def drawn(preset: str, seed: int, modulus: int, positions: NDArray[np.int64]) -> NDArray[np.int64]:
    missing = PRESETS[preset].missing_tool
    if missing is not None:
        reason = f"{preset} needs '{missing}' on PATH"
        if os.environ.get("SEEDFLEET_REQUIRE_RUNTIMES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    (outputs,) = answers(preset, [Request(seed, modulus, 0, int(positions[-1]) + 1)])
    draws: NDArray[np.int64] = np.array(outputs, dtype=np.int64)[positions]
    return draws


@pytest.mark.parametrize(("preset", "seed"), _SCANNED)
@pytest.mark.parametrize(("modulus", "skip", "offset"), [(10, 0, 0), (49, 2, 1), (1000, 1, 3)])
def test_a_seed_is_found_among_its_neighbours(
    preset: str, seed: int, modulus: int, skip: int, offset: int
) -> None:
    stream = find_preset(preset).stream
    draws = drawn(preset, seed, modulus, offset + skip + np.arange(40) * (skip + 1))
    generator = replace(stream.generator, seeds=range(seed - _SLICE // 3, seed + _SLICE // 2))
    few = Stream(generator, stream.bounding)
    asked = replace(question(draws, modulus=modulus), offsets=range(4))
    survivors = [
        survivor for scan in seed_scans([few], asked) for survivor in scan.run(UNWATCHED).survivors
    ]
    found = {(s.start, s.alignment.offset, s.alignment.skip_max) for s in survivors}
    assert (seed, offset, skip) in found
    assert len(found) <= 10  # each of two scans leaves about one pair to chance


@pytest.mark.parametrize("preset", ["glibc_rand", "go_intn", "dotnet_next"])
def test_lags_of_real_draws_lead_to_their_generator(preset: str) -> None:
    stream = find_preset(preset).stream
    draws = drawn(preset, 1_000_003, 1000, 1 + np.arange(650) * 2)
    (search,) = lag_searches([stream], question(draws))
    assert [(lead.stream, lead.skip) for lead in search.run(UNWATCHED).leads] == [(stream, 1)]
