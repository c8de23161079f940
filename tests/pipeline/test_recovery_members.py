"""Every call that is said to draw a history draws it, with its own seed, offset and skips."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seedfleet.evidence.part_prior import Division
from seedfleet.generators import compiled, find_preset, presets_of, reference
from seedfleet.generators.kinship import Pace, kindred
from seedfleet.pipeline.recovery_members import members_part, ways
from seedfleet.recover.scope import Scope
from seedfleet.recover.scoring import weigh
from seedfleet.recover.search import Question, Survivor
from seedfleet.sieve.weighing import Alignment

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from seedfleet.pipeline.recovery_members import Way
    from seedfleet.recover.scoring import Weighed

pytestmark = pytest.mark.slow  # streams are compiled

_COUNT, _AHEAD = 40, 60  # known draws, and coming ones that are looked at
# Of one state: calls of one, two and three words, high bits and low ones.
_SLUGS = (
    "java_next_int",
    "java_next_int_digits",
    "java_next_double",
    "c_drand48",
    "c_lrand48",
    "cpp_mt19937_uniform",
    "python_random",
    "php_mt_rand",
    "ruby_rand",
)


def _weighed(values: NDArray[np.int64], slug: str, seed: int, modulus: int, *law: int) -> Weighed:
    offset, *skips = law
    scope, alignment = Scope(values, len(values) - 5), Alignment(offset, skips[0], skips[-1])
    question = Question(modulus, (scope,), range(1), range(1))
    survivor = Survivor(find_preset(slug).stream, scope, seed, alignment)
    return weigh(survivor, question, Division(len(values)))


def _planted(slug: str, seed: int, modulus: int, offset: int, skip: int) -> Weighed:
    positions = offset + skip + (skip + 1) * np.arange(_COUNT)
    values, _ = compiled.at_positions(find_preset(slug).stream, seed, modulus, positions)
    return _weighed(values, slug, seed, modulus, offset, skip, skip)


def _drawn(way: Way, modulus: int, count: int) -> list[int]:
    """Draw by the readable reference: drop the offset, then before each draw what it says."""
    alignment = way.alignment
    skips = way.dropped if isinstance(way.dropped, tuple) else (way.dropped,) * count
    positions = alignment.offset + np.cumsum(np.array(skips) + 1) - 1
    return reference.at_positions(way.stream, way.start, modulus, positions.tolist())


def _named(item: Weighed) -> dict[str, Way]:
    return {
        preset.slug: way for way in ways([item], sought=True) for preset in presets_of(way.stream)
    }


@settings(max_examples=60, deadline=None)
@example("c_drand48", 1719000001, 1000, 0, 9)
@example("java_next_double", 1719000002333, 1000, 0, 0)
@example("java_next_int", 5, 1024, 3, 3)
@example("cpp_mt19937_uniform", 5, 1000, 3, 1)
@given(
    st.sampled_from(_SLUGS),
    st.integers(0, 2**32 - 1),
    st.sampled_from((10, 64, 100, 1000, 1024)),
    st.integers(0, 7),
    st.integers(0, 12),
)
def test_whatever_is_named_gives_the_known_draws_and_those_to_come(
    slug: str, seed: int, modulus: int, offset: int, skip: int
) -> None:
    if find_preset(slug).stream.bounding.layout(modulus) is None:
        return
    item = _planted(slug, seed, modulus, offset, skip)
    for way in ways([item], sought=True):
        drawn = _drawn(way, modulus, _COUNT + _AHEAD)
        assert drawn == item.stream_draws[: _COUNT + _AHEAD].tolist(), way
        assert drawn[:_COUNT] == item.survivor.scope.values.tolist()


@pytest.mark.parametrize("offset", [0, 3])
@pytest.mark.parametrize("skip", range(6))
def test_a_double_of_java_is_two_steps_of_drand48(skip: int, offset: int) -> None:
    double = _named(_planted("java_next_double", 77, 10, offset, skip))
    assert double["c_drand48"].alignment.skip_max == 2 * skip + 1
    single = _named(_planted("c_drand48", 77, 10, offset, skip))
    if skip % 2:
        assert single["java_next_double"].alignment.skip_max == skip // 2
    else:
        assert single.keys() == {"c_drand48", "perl_rand"}


def test_a_draw_to_come_that_differs_makes_no_member() -> None:
    """Java fills up 26 bits with another word's, so that some draw falls beyond an edge."""
    item = _planted("c_drand48", 1089, 1000, 3, 9)
    (java,) = (
        kin
        for kin in kindred(item.survivor.stream, 1089, 1000, Pace(3, 9))
        if kin.stream == find_preset("java_next_double").stream
    )
    assert java.pace is not None
    positions = java.pace.offset + (java.pace.skip + 1) * np.arange(1, _COUNT + 1001) - 1
    theirs, _ = compiled.at_positions(java.stream, java.start, 1000, positions)
    assert 0 < np.count_nonzero(theirs != item.stream_draws) < 3
    assert _named(item).keys() == {"c_drand48", "perl_rand"}


def test_words_are_counted_where_a_power_of_two_shows_the_top_bits() -> None:
    assert _named(_planted("java_next_int", 5, 1024, 3, 3)).keys() == {
        "java_next_int",
        "java_next_double",
        "java_math_random",
        "c_drand48",
        "perl_rand",
    }
    # No call of two words draws from every third word.
    assert "java_next_double" not in _named(_planted("java_next_int", 5, 1024, 3, 2))
    # An odd part makes the remainder another draw than the top bits.
    assert "c_drand48" not in _named(_planted("java_next_int", 5, 1000, 3, 3))


def test_a_path_of_skips_is_each_stream_s_own() -> None:
    skips = np.random.default_rng(3).integers(0, 4, _COUNT)
    stream = find_preset("java_next_int").stream
    values, _ = compiled.at_positions(stream, 77, 1000, np.cumsum(skips + 1) - 1)
    early = _weighed(values, "java_next_int", 77, 1000, 0, 0, 3)
    named = _named(early)
    assert named.keys() == {"java_next_int", "c_lrand48"}
    for way in named.values():
        assert way.dropped == tuple(skips.tolist())
        assert _drawn(way, 1000, _COUNT) == values.tolist()


def test_what_only_nearly_draws_so_is_not_named() -> None:
    best = _planted("c_drand48", 77, 1000, 0, 1)
    other = _planted("java_next_int", 77, 1000, 0, 1)
    assert {way.stream for way in ways([best, other], sought=False)} == {best.survivor.stream}
    wrong = replace(best.weighing, given=np.roll(best.weighing.given, 1))
    twin = replace(_planted("java_next_double", 77, 1000, 0, 0), weighing=wrong)
    assert len(list(ways([best, twin], sought=False))) == 1


_PERL = "srand({seed}); print int(rand({m})), qq(\\n) for 1..{count}"
_JAVA = """
public class Source {{
    public static void main(String[] args) {{
        java.util.Random r = new java.util.Random({seed}L);
        for (int i = 0; i < {count}; i++) System.out.println((int) (r.nextDouble() * {m}));
    }}
}}
"""


def _require(*tools: str) -> None:
    for tool in tools:
        if shutil.which(tool) is None:
            if os.environ.get("SEEDFLEET_REQUIRE_RUNTIMES") == "1":
                pytest.fail(f"needs '{tool}' on PATH")
            pytest.skip(f"needs '{tool}' on PATH")


def _lines(command: list[str], folder: Path) -> list[int]:
    told = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return [int(line) for line in told.stdout.split()]


@pytest.mark.runtime
@pytest.mark.parametrize(
    ("slug", "seed", "modulus", "skip", "languages"),
    [
        ("perl_rand", 1719000001, 1000, 9, {"Perl", "C", "Java"}),
        ("perl_rand", 1719000003, 49, 3, {"Perl", "C", "Java"}),
        ("perl_rand", 1719000003, 49, 4, {"Perl", "C"}),
        ("java_next_double", 1719000002333, 1000, 0, {"C", "Java"}),
        ("java_next_double", 1719000004111, 100, 2, {"C", "Java"}),
    ],
)
def test_every_printed_program_gives_what_the_runtime_drew(
    slug: str, seed: int, modulus: int, skip: int, languages: set[str], tmp_path: Path
) -> None:
    _require("perl", "java", "cc")
    asked = {"seed": seed, "m": modulus, "count": _COUNT * (skip + 1)}
    if slug == "perl_rand":
        drawn = _lines(["perl", "-e", _PERL.format(**asked)], tmp_path)
    else:
        (tmp_path / "Source.java").write_text(_JAVA.format(**asked))
        drawn = _lines(["java", "Source.java"], tmp_path)
    values = np.array(drawn[skip :: skip + 1])
    item = _weighed(values, slug, seed, modulus, 0, skip, skip)
    assert item.matches == _COUNT
    members: list[dict[str, Any]] = members_part([item], asked=(slug,), sought=True)
    told = [member for member in members if member["program"] is not None]
    assert {member["language"] for member in told} == languages
    for member in told:
        (tmp_path / member["file"]).write_text(member["program"])
        assert _lines(["sh", "-c", member["command"]], tmp_path) == values.tolist(), member
        dropped = f"dropping {member['skip_max']} before each draw"
        assert (dropped in member["reproduce"]) == (member["skip_max"] > 0)
