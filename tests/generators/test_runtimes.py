"""The stored vectors are what the real runtimes answer today, and the programs ask them rightly."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tools.vectors.make import PRESETS, Request, answers, make_document

pytestmark = [pytest.mark.runtime, pytest.mark.slow]

_FOLDER = Path(__file__).parents[1] / "vectors"


def require_runtime(preset: str) -> None:
    missing = PRESETS[preset].missing_tool
    if missing is None:
        return
    reason = f"{preset} needs '{missing}' on PATH"
    if os.environ.get("SEEDFLEET_REQUIRE_RUNTIMES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def stored(preset: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((_FOLDER / f"{preset}.json").read_text())
    return document


def test_every_preset_has_its_file() -> None:
    assert set(PRESETS) <= {path.stem for path in _FOLDER.glob("*.json")}


@pytest.mark.parametrize("preset", PRESETS)
def test_runtime_answers_what_is_stored(preset: str) -> None:
    require_runtime(preset)
    now, then = make_document(preset), stored(preset)
    # The runtime's own version may differ between machines; its answers may not.
    assert now["vectors"] == then["vectors"]
    assert (now["preset"], now["command"]) == (then["preset"], then["command"])


@pytest.mark.parametrize("preset", PRESETS)
def test_skip_drops_outputs_before_each_draw(preset: str) -> None:
    require_runtime(preset)
    modulus = 1000
    whole, thinned = answers(
        preset, [Request(987654321, modulus, 0, 60), Request(987654321, modulus, 4, 12)]
    )
    assert thinned == whole[4::5]
    assert all(0 <= output < modulus for output in whole)


# (preset, seed, modulus, how many outputs to pass over, the next ones, where they are published)
_PUBLISHED = [
    # new Random(42).nextInt() begins -1170105035, 234785527; nextInt(100) drops the lowest bit.
    ("java_next_int", 42, 100, 0, [((2**32 - 1170105035) >> 1) % 100, (234785527 >> 1) % 100]),
    # C++ standard, [rand.predef]: the 10000th word of a default-constructed engine.
    ("cpp_mt19937_words", 5489, 2**32, 9999, [4123659995]),
    ("cpp_minstd_rand", 1, 2**31, 9999, [399268537]),
    # PHP 7.1 and newer: mt_srand(1); mt_rand() is 895547922, the word without its last bit.
    ("php_mt_rand", 1, 1000, 0, [(2 * 895547922 + 1) % 1000]),
    # Marsaglia's paper starts from 2463534242.
    ("xorshift32", 2463534242, 2**32, 0, [723471715]),
]


@pytest.mark.parametrize(("preset", "seed", "modulus", "passed", "expected"), _PUBLISHED)
def test_published_outputs(
    preset: str, seed: int, modulus: int, passed: int, expected: list[int]
) -> None:
    require_runtime(preset)
    requests = [Request(seed, modulus, passed + i, 1) for i in range(len(expected))]
    assert [outputs[0] for outputs in answers(preset, requests)] == expected


@pytest.mark.parametrize("seed", [3, 123456789, 3141592653])
def test_mersenne_twister_agrees_with_numpy(seed: int) -> None:
    require_runtime("cpp_mt19937_words")
    (words,) = answers("cpp_mt19937_words", [Request(seed, 2**32, 0, 1300)])
    bits = np.random.MT19937()
    bits._legacy_seeding(seed)
    assert words == bits.random_raw(1300).tolist()


@pytest.mark.parametrize("seed", [3, 123456789, 2**32 + 7])
def test_lrand48_follows_posix(seed: int) -> None:
    require_runtime("c_lrand48")
    # POSIX: the seed's low 32 bits become the high ones of the state, 330E the low ones, and
    # lrand48 returns the high 31 bits of the next state.
    state = ((seed & 0xFFFFFFFF) << 16) | 0x330E
    expected = []
    for _ in range(8):
        state = (0x5DEECE66D * state + 0xB) % 2**48
        expected.append((state >> 17) % 1000)
    assert answers("c_lrand48", [Request(seed, 1000, 0, 8)]) == [expected]


def test_three_calls_make_one_draw_of_digits() -> None:
    require_runtime("java_next_int_digits")
    (digits,) = answers("java_next_int", [Request(2**48 - 5, 10, 0, 30)])
    (draws,) = answers("java_next_int_digits", [Request(2**48 - 5, 1000, 0, 10)])
    assert draws == [100 * digits[i] + 10 * digits[i + 1] + digits[i + 2] for i in range(0, 30, 3)]
