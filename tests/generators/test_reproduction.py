"""The programs that a report prints draw the history again, in the real runtimes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from seedfleet.generators import CATALOGUE, AtState, compiled, find_preset, reference
from seedfleet.generators.languages import LANGUAGES
from seedfleet.generators.reproduction import (
    Reproduction,
    Schedule,
    reproduce,
    reproduce_dates,
    seed_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    from seedfleet.generators import Preset, Start

# What the printed command is called here, where it is not the runtime that holds for the preset.
_OTHER_COMMANDS = {
    "musl_rand": "musl-gcc draws.c -o draws && ./draws",
    # Microsoft's library, as its documentation and published outputs give it.
    "msvc_rand": "cc -include msvc.h draws.c -o draws && ./draws",
}
_MSVC = """
static unsigned msvc_state;
static void msvc_srand(unsigned seed) { msvc_state = seed; }
static int msvc_rand(void) {
    msvc_state = msvc_state * 214013u + 2531011u;
    return msvc_state >> 16 & 0x7fff;
}
#include <stdlib.h>
#define srand msvc_srand
#define rand msvc_rand
"""
# Programs for runtimes that cannot be installed beside those that are.
_ELSEWHERE = {"php_mt_rand_520", "v8_math_random_53", "v8_math_random_sum"}
_PROGRAMS = [preset for preset in CATALOGUE if preset.language and preset.slug not in _ELSEWHERE]
_LANGUAGES = {preset.language: preset for preset in _PROGRAMS}
_PATH = (3, 0, 0, 7, 1, 2, 0, 0, 5, 1, 0, 4)


def _run(preset: Preset, start: Start, schedule: Schedule, folder: Path) -> list[int]:
    """Do what a reader does: save the program, run the command, read the draws."""
    return _printed(reproduce(preset, start, schedule), preset, folder)


def _printed(made: Reproduction, preset: Preset, folder: Path) -> list[int]:
    assert made.file is not None
    assert made.program is not None
    (folder / made.file).write_text(made.program)
    (folder / "msvc.h").write_text(_MSVC)
    command = _OTHER_COMMANDS.get(preset.slug, made.command or "")
    command = command.replace("python3", sys.executable).replace("lua ", "lua5.4 ")
    _require(command.split()[0])
    told = subprocess.run(
        command, shell=True, cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert told.returncode == 0, told.stderr
    return [int(line) for line in told.stdout.split()]


def _require(tool: str) -> None:
    if shutil.which(tool) is None:
        if os.environ.get("SEEDFLEET_REQUIRE_RUNTIMES") == "1":
            pytest.fail(f"needs '{tool}' on PATH")
        pytest.skip(f"needs '{tool}' on PATH")


def _positions(schedule: Schedule) -> list[int]:
    skips = schedule.skips
    gaps = skips if isinstance(skips, tuple) else (skips,) * schedule.count
    return [schedule.offset + sum(gaps[: index + 1]) + index for index in range(schedule.count)]


def _expected(preset: Preset, start: Start, schedule: Schedule) -> list[int]:
    return reference.at_positions(preset.stream, start, schedule.modulus, _positions(schedule))


@pytest.mark.runtime
@pytest.mark.slow
@pytest.mark.parametrize("preset", _PROGRAMS, ids=lambda preset: preset.slug)
def test_program_draws_the_history(preset: Preset, tmp_path: Path) -> None:
    seed = preset.stream.generator.seeds[20_150_101]
    schedule = Schedule(modulus=1000, count=70, offset=3, skips=2)
    assert _run(preset, seed, schedule, tmp_path) == _expected(preset, seed, schedule)


@pytest.mark.runtime
@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_program_follows_a_path_of_skips(language: str, tmp_path: Path) -> None:
    preset = _LANGUAGES[language]
    seed = preset.stream.generator.seeds[-1] if preset.language != "javascript" else 4711
    schedule = Schedule(modulus=100, count=len(_PATH), offset=1, skips=_PATH)
    assert _run(preset, seed, schedule, tmp_path) == _expected(preset, seed, schedule)
    kept_first = Schedule(modulus=100, count=9, offset=-2, skips=3)
    assert _run(preset, seed, kept_first, tmp_path) == _expected(preset, seed, kept_first)
    no_skips = Schedule(modulus=10, count=6, offset=0, skips=0)
    assert _run(preset, seed, no_skips, tmp_path) == _expected(preset, seed, no_skips)


@pytest.mark.runtime
@pytest.mark.slow
@pytest.mark.parametrize(
    "slug",
    [
        "java_next_int",
        "glibc_rand",
        "c_lrand48",
        "c_drand48",
        "cpp_mt19937",
        "cpp_mt19937_uniform",
        "numpy_randint",
        "python_randrange",
        "python_random",
        "v8_math_random",
        "v8_math_random_53",
        "v8_math_random_sum",
    ],
)
def test_program_starts_from_a_state(slug: str, tmp_path: Path) -> None:
    preset = find_preset(slug)
    # In the midst of a block, and with words that no seed leads to.
    _, state = compiled.at_positions(preset.stream, 99, 1000, np.arange(1000))
    start = AtState((state.words[0] ^ 0x5A5A5, *state.words[1:]))
    schedule = Schedule(modulus=1000, count=700, offset=2, skips=1)
    assert _run(preset, start, schedule, tmp_path) == _expected(preset, start, schedule)


@pytest.mark.runtime
@pytest.mark.slow
@pytest.mark.parametrize("served", [0, 63, 64])
def test_a_state_at_either_end_of_a_block_of_v8(served: int, tmp_path: Path) -> None:
    preset, start = find_preset("v8_math_random_sum"), AtState((0x1234567, 2**64 - 3, served))
    schedule = Schedule(modulus=1000, count=70, offset=0, skips=0)
    assert _run(preset, start, schedule, tmp_path) == _expected(preset, start, schedule)


# One of each language, and those whose seeding declares what it seeds.
_DATED = {
    *(preset.slug for language, preset in _LANGUAGES.items() if LANGUAGES[language or ""].loop),
    *("glibc_rand_type0", "pcg32", "xorshift128", "cpp_minstd_rand", "php_mt_rand_521"),
}


@pytest.mark.runtime
@pytest.mark.slow
@pytest.mark.parametrize("slug", sorted(_DATED))
def test_program_goes_through_the_dates(slug: str, tmp_path: Path) -> None:
    preset = find_preset(slug)
    # The last date has yet to see some of its draws.
    seeds = [(20150101 + day, 3 if day < 8 else 2) for day in range(9)]
    schedule = Schedule(modulus=1000, count=2, offset=1, skips=2)
    drawn = [_expected(preset, seed, replace(schedule, count=count)) for seed, count in seeds]
    told = _printed(reproduce_dates(preset, seeds, schedule), preset, tmp_path)
    assert told == [draw for draws in drawn for draw in draws]
    plain = Schedule(modulus=10, count=1, offset=0, skips=0)
    told = _printed(reproduce_dates(preset, seeds[:1], plain), preset, tmp_path)
    assert told == _expected(preset, seeds[0][0], replace(plain, count=3))


def test_where_a_process_has_one_seed_the_dates_have_no_program() -> None:
    made = reproduce_dates(find_preset("v8_math_random"), [(1, 2), (2, 2)], Schedule(10, 2, 0, 0))
    assert made == Reproduction(
        line="node --random-seed=2; Math.floor(Math.random() * 10); "
        "one run for each date, as the command has the seed"
    )


def test_of_many_dates_the_last_are_kept() -> None:
    seeds = [(100_000 + day, 2) for day in range(1005)]
    made = reproduce_dates(find_preset("java_next_int"), seeds, Schedule(10, 2, 0, 0))
    assert made.program is not None
    assert [f"{{{seed}L, 2}}" in made.program for seed, _ in seeds] == [False] * 5 + [True] * 1000


def test_a_state_that_fills_a_page_is_left_to_the_program() -> None:
    preset, start = find_preset("cpp_mt19937"), AtState((*range(624), 0))
    made = reproduce(preset, start, Schedule(modulus=1000, count=3, offset=0, skips=0))
    assert made.line == "with its state set as in the program; r() % 1000"
    assert " 621 622 623 " in (made.program or "")


@pytest.mark.parametrize("preset", CATALOGUE, ids=lambda preset: preset.slug)
def test_nothing_is_left_to_be_filled_in(preset: Preset) -> None:
    made = reproduce(preset, 5, Schedule(modulus=1000, count=3, offset=1, skips=(0, 2, 1)))
    dated = reproduce_dates(preset, [(5, 3), (6, 2)], Schedule(1000, count=2, offset=0, skips=1))
    said = f"{made.line} {made.command} {made.program} {dated.line} {dated.program}"
    assert (
        re.search(
            r"<(seeding|state|draw|offset|count|skips|skip|rows)>|\{(seed|m|last|count)\}", said
        )
        is None
    )
    assert made.line.endswith(", after dropping 1 at the start and 0 to 2 before each draw")


@pytest.mark.parametrize(
    ("offset", "skips", "told"),
    [
        (-2, 2, "2 before each other draw"),
        (-1, 2, "1 before the first draw and 2 before each other draw"),
        (-2, (2, 5, 2), "2 to 5 before each other draw"),
        (-1, (2, 2, 5), "1 before the first draw and 2 to 5 before each other draw"),
    ],
)
def test_a_first_draw_before_its_skip_is_told_in_words(
    offset: int, skips: int | tuple[int, ...], told: str
) -> None:
    made = reproduce(find_preset("c_drand48"), 5, Schedule(1000, 3, offset, skips))
    assert made.line.endswith(f", after dropping {told}")


def test_lines_that_drop_nothing_are_left_out() -> None:
    preset = find_preset("java_next_int")
    plain = reproduce(preset, 5, Schedule(modulus=1000, count=3, offset=0, skips=0))
    assert plain.line == "r = new java.util.Random(5L); r.nextInt(1000)"
    assert "dropped" not in (plain.program or "")
    assert "skips" not in (plain.program or "")


def test_a_state_that_a_seed_leads_to_is_told_by_the_seed() -> None:
    java, c = find_preset("java_next_int"), find_preset("c_lrand48")
    assert seed_of(java.stream.generator, AtState((0x5DEECE66D ^ 77,))) == 77
    assert seed_of(c.stream.generator, AtState((77 << 16 | 0x330E,))) == 77
    assert seed_of(c.stream.generator, AtState((77 << 16,))) is None


def test_a_state_that_the_runtime_does_not_take_has_no_program() -> None:
    preset = find_preset("ruby_rand")
    start = AtState((*range(624), 0))
    made = reproduce(preset, start, Schedule(modulus=1000, count=3, offset=0, skips=0))
    assert made == Reproduction(line="with its state as given; r.rand(1000)")
