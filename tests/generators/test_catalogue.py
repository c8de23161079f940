"""The catalogue: its names, its lines of code, how it is found, and what it refuses."""

import importlib
import inspect
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools.generators_page import PAGE, with_table

from seedfleet.errors import CatalogueError
from seedfleet.evidence import prior
from seedfleet.generators import (
    CATALOGUE,
    Bounding,
    Generator,
    Monotone,
    Preset,
    Residue,
    families,
    presets_of,
    streams,
)
from seedfleet.generators._discovery import MAX_PRESETS, discover
from seedfleet.generators.boundings import JAVA_NEXT_INT, JAVA_NEXT_INT_DIGITS, PHP_RANGE
from seedfleet.generators.catalogue import family_of
from seedfleet.generators.families.lcg48 import DRAND48
from seedfleet.generators.families.msvc import MSVC
from seedfleet.generators.families.musl import MUSL


def test_preset_and_stream_names_are_unique() -> None:
    names = [preset.name for preset in CATALOGUE]
    assert len(set(names)) == len(names)
    assert len({stream.name for stream in streams()}) == len(streams())
    generators = {stream.generator for stream in streams()}
    assert len({stream.generator.name for stream in streams()}) == len(generators)


def test_presets_of_partitions_the_catalogue() -> None:
    listed = [preset for stream in streams() for preset in presets_of(stream)]
    assert sorted(preset.name for preset in listed) == sorted(preset.name for preset in CATALOGUE)


@pytest.mark.parametrize("preset", CATALOGUE, ids=lambda preset: preset.name)
def test_code_templates_fill_in(preset: Preset) -> None:
    code = preset.line(987654321, 1000)
    assert "987654321" in code
    assert "{" not in code
    # The digits preset draws nextInt(10) whatever the modulus.
    assert "1000" in code or "999)" in code or "nextInt(10)" in code


@pytest.mark.parametrize(
    ("bounding", "modulus", "layout"),
    [
        (JAVA_NEXT_INT_DIGITS, 10, None),
        (JAVA_NEXT_INT_DIGITS, 100, (10, 2)),
        (JAVA_NEXT_INT_DIGITS, 1000, (10, 3)),
        (JAVA_NEXT_INT_DIGITS, 1001, None),
        (JAVA_NEXT_INT, 1000, (1000, 1)),
        (PHP_RANGE, 999, (999, 1)),
    ],
)
def test_layouts(bounding: Bounding, modulus: int, layout: tuple[int, int] | None) -> None:
    assert bounding.layout(modulus) == layout


def test_what_java_draws_modulo_a_power_of_two_is_no_residue() -> None:
    assert JAVA_NEXT_INT.shape(1024) == Monotone()
    assert JAVA_NEXT_INT.shape(1000) == Residue(1, 1000)


def test_the_page_lists_the_catalogue_as_it_is() -> None:
    page = PAGE.read_text("utf-8")
    assert page == with_table(page), "run python -m tools.generators_page"
    assert all(f"| `{preset.slug}` |" in page for preset in CATALOGUE)


@pytest.mark.parametrize("preset", CATALOGUE, ids=lambda preset: preset.slug)
def test_a_preset_knows_the_family_that_documents_it(preset: Preset) -> None:
    family = family_of(preset)
    assert preset in family.PRESETS
    documentation = inspect.getdoc(family) or ""
    assert "\nState\n    " in documentation
    assert "\nSeeding\n    " in documentation


def test_the_prior_has_a_slot_for_every_preset() -> None:
    assert prior._PRESET_SLOTS == MAX_PRESETS >= len(CATALOGUE)


@pytest.mark.parametrize("generator", [DRAND48, MSVC, MUSL], ids=lambda each: each.name)
@given(seed=st.integers(0, 2**32 - 1), first=st.integers(0, 2**70), steps=st.integers(0, 60))
def test_a_leap_is_so_many_steps(generator: Generator, seed: int, first: int, steps: int) -> None:
    with np.errstate(over="ignore"):
        state = generator.jumped(generator.seed_state(np.uint64(seed)), first)
        stepped = state
        for _ in range(steps):
            stepped = generator.step(stepped)
    assert generator.jumped(state, steps) == stepped
    assert type(generator.jumped(state, steps)) is type(stepped)


@pytest.mark.parametrize("generator", [DRAND48, MSVC], ids=lambda each: each.name)
def test_a_leap_of_the_period_comes_home(generator: Generator) -> None:
    period = 2**48 if generator is DRAND48 else 2**31
    state = generator.seed_state(np.uint64(20))
    assert generator.jumped(state, period) == state
    assert generator.jumped(state, period // 2) != state


# Modules of one's own.

_MODULE = """
from seedfleet.generators.definition import Generator, Preset, Stream
from seedfleet.generators.families.lcg48 import JAVA_LCG
from seedfleet.generators.boundings import MODULO_31
PRESETS = (Preset("mine", "mine", "mine", Stream(JAVA_LCG, MODULO_31), "{seed} {m}"),)
"""
_OWN_FOLDER = str(Path(families.__file__).parent)

Discover = Callable[..., tuple[Preset, ...]]


@pytest.fixture
def discovered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Discover]:
    """Give a function that writes modules into a folder and discovers it beside our own."""
    before = set(sys.modules)
    monkeypatch.setattr(families, "__path__", [_OWN_FOLDER, str(tmp_path)])

    def write_and_discover(**sources: str) -> tuple[Preset, ...]:
        for name, source in sources.items():
            (tmp_path / f"{name}.py").write_text(source)
        importlib.invalidate_caches()
        return tuple(each.preset for each in discover(list(families.__path__)))

    yield write_and_discover
    for name in set(sys.modules) - before:
        if name.startswith(f"{families.__name__}."):
            del sys.modules[name]
            delattr(families, name.rpartition(".")[2])


def test_a_module_of_ones_own_joins_the_catalogue(discovered: Discover) -> None:
    presets = discovered(my_module=_MODULE, part_of_it="LEFT = 1\n")
    assert {preset.slug for preset in presets} == {each.slug for each in CATALOGUE} | {"mine"}


_TWICE = "PRESETS = PRESETS + PRESETS\n"
_OTHER_GENERATOR = """
from dataclasses import replace
PRESETS = (replace(PRESETS[0], stream=Stream(replace(JAVA_LCG, seed_bits=63), MODULO_31)),)
"""
_OTHER_BOUNDING = """
from dataclasses import replace
other = replace(MODULO_31, layout=print)
PRESETS += (replace(PRESETS[0], slug="b", stream=Stream(JAVA_LCG, other)),)
"""


_FUNCTIONS = """
from numpy import uint32
from seedfleet.generators.boundings import MODULO
from seedfleet.generators.definition import Generator, Preset, Stream

TABLE = {0: 7}

def _seed_state(seed):
    return uint32(seed)

def _step(state):
    return uint32(state * uint32(1103515245)) + uint32(12345)

def _output(state):
    return state >> uint32(16)

MINE = Generator("mine", range(2**32), 2**32, 32, _seed_state, _step, _output, output_bits=16)
PRESETS = (Preset("mine", "mine", "mine", Stream(MINE, MODULO), "{seed} {m}"),)
"""
_IN_A_TABLE = _FUNCTIONS.replace("return state >>", "return uint32(TABLE.get(9, 0)) + state >>")
_OUTSIDE = "from dataclasses import replace\nMODULO = replace(MODULO, value=lambda w, r: r)\n"


def test_functions_of_ones_own_are_tried(discovered: Discover) -> None:
    assert "mine" in {preset.slug for preset in discovered(mine=_FUNCTIONS)}


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (
            _FUNCTIONS.replace("_bits=16", "_bits=15"),
            r"mine\.py: mine gives the word \d+ from seed",
        ),
        (_FUNCTIONS.replace("(16)", "(sixteen)"), r"mine\.py, line 15: NameError: name 'sixteen'"),
        (_FUNCTIONS.replace("MINE =", _OUTSIDE + "MINE ="), r"gives the draw 1000 modulo 1000"),
        ("def broken(:\n", r"mine\.py, line 1: SyntaxError: invalid syntax"),
        ("x = 1\n\ny = x / 0\n", r"mine\.py, line 3: ZeroDivisionError: division by zero"),
        ("import no_such_module\n", r"mine\.py, line 1: ModuleNotFoundError: No module named"),
        ("PRESETS = 5\n", r"mine\.py: PRESETS is a int, not a tuple of Preset"),
        ("PRESETS = [{}]\n", r"mine\.py: PRESETS\[0\] is a dict, not a Preset"),
        (_MODULE.replace('"mine",', '"Mine-1",', 1), r"PRESETS\[0\] has the slug 'Mine-1'"),
        (_MODULE.replace('"mine",', "5,", 1), r"PRESETS\[0\] has the slug 5"),
        (_MODULE.replace("{m}", "{n}"), r"code line that cannot be filled in: KeyError\('n'\)"),
        (_MODULE.replace("Stream(JAVA_LCG, MODULO_31)", "None"), "has a NoneType for its stream"),
        (_MODULE.replace('"mine",', '"java_lcg",', 1), "a preset java_lcg already, in .*lcg48.py"),
        (_MODULE + _TWICE, r"mine\.py: there is a preset mine already, in .*mine\.py"),
        (_MODULE + _OTHER_GENERATOR, "another generator of the name java_lcg"),
        (_MODULE + _OTHER_BOUNDING, r"another stream of the name java_lcg / \(word >> 1\) % m"),
        (
            _MODULE.replace('"mine",', '"java_lcg_hybrid_reverse",', 1),
            "java_lcg_hybrid_reverse is the name of a search of java_lcg",
        ),
    ],
)
def test_a_wrong_module_is_told_by_its_file(
    discovered: Discover, source: str, problem: str
) -> None:
    with pytest.raises(CatalogueError, match=problem) as caught:
        discovered(mine=source)
    assert len(caught.value.problems) == 1


def test_all_problems_are_told_together(discovered: Discover) -> None:
    families.__path__.append("/no/such/folder")
    with pytest.raises(CatalogueError) as caught:
        discovered(one="1 / 0\n", two="PRESETS = ''\n", mt19937=_MODULE)
    told = "\n".join(sorted(caught.value.problems))
    assert len(caught.value.problems) == 4
    assert "/no/such/folder: is no folder\n" in told
    assert "/mt19937.py: there is a mt19937.py in " in told
    assert "/one.py, line 1: ZeroDivisionError" in told
    assert "/two.py: PRESETS is a str" in told


def test_a_slug_like_a_searchs_name_is_fine_while_it_is_nobodys(discovered: Discover) -> None:
    presets = discovered(mine=_MODULE.replace('"mine",', '"bit_reverse",', 1))
    assert "bit_reverse" in {preset.slug for preset in presets}


@pytest.mark.parametrize("excess", [0, 1])
def test_there_are_no_more_presets_than_slots(discovered: Discover, excess: int) -> None:
    room = MAX_PRESETS - len(CATALOGUE) + excess
    many = (
        "from dataclasses import replace\n"
        f"PRESETS = tuple(replace(PRESETS[0], slug=f'mine{{i}}') for i in range({room}))\n"
    )
    if excess:
        with pytest.raises(CatalogueError, match="there are 65 presets, and the prior has room"):
            discovered(zz_mine=_MODULE + many)
    else:
        assert len(discovered(zz_mine=_MODULE + many)) == MAX_PRESETS


@pytest.mark.slow
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_command_tells_a_wrong_module_without_a_traceback(tmp_path: Path, form: str) -> None:
    (tmp_path / "mine.py").write_text("PRESETS = (\n")
    done = subprocess.run(
        [sys.executable, "-m", "seedfleet", "generators", "list", "--output", form],
        env={**os.environ, "SEEDFLEET_GENERATORS": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert f"{tmp_path}/mine.py, line 1: SyntaxError: '(' was never closed" in (
        done.stderr if form == "text" else done.stdout
    )
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("sieve", "draws.txt", "--generator", "mine", "--seeds", "1..9"),
        ("generators", "sample", "mine", "--seed", "1", "--offset", "50000"),
    ],
    ids=["sieve", "sample"],
)
def test_a_command_tells_what_cannot_be_compiled(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "mine.py").write_text(_IN_A_TABLE)
    (tmp_path / "draws.txt").write_text("\n".join(str(draw * draw % 997) for draw in range(60)))
    done = subprocess.run(
        [sys.executable, "-m", "seedfleet", *words, "--output", "json"],
        cwd=tmp_path,
        env={**os.environ, "SEEDFLEET_GENERATORS": "."},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    (problem,) = json.loads(done.stdout)["problems"]
    assert f"{tmp_path}/mine.py, line 15: it cannot be compiled: Untyped global" in problem
