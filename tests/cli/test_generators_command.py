"""`seedfleet generators` from the outside: what it tells, what it draws, what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from seedfleet.cli import main
from seedfleet.cli._generator_words import moduli
from seedfleet.cli._sample import Sample
from seedfleet.draws import load
from seedfleet.generators import CATALOGUE, find_preset, presets_of, reference, streams
from seedfleet.generators.boundings import DIVIDE_31, JAVA_NEXT_INT_DIGITS, MODULO

_VECTORS = Path(__file__).parents[1] / "vectors"
_SLUGS = [preset.slug for preset in CATALOGUE]


def generators(*words: object, columns: int = 80) -> Result:
    arguments = ["generators", *map(str, words)]
    return CliRunner(env={"COLUMNS": str(columns)}).invoke(main, arguments)


def document(*words: object) -> dict[str, Any]:
    result = generators(*words, "--output", "json")
    assert result.exit_code == 0, result.output
    parsed: dict[str, Any] = json.loads(result.stdout)
    return parsed


def sample(*words: object) -> list[int]:
    result = generators("sample", *words)
    assert result.exit_code == 0, result.output
    return [int(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize("columns", [80, 200])
def test_the_list_fits_its_terminal_and_names_every_preset(columns: int) -> None:
    lines = generators("list", columns=columns).stdout.splitlines()
    assert max(map(len, lines)) <= columns
    words = " ".join(lines).replace(",", " ").split()
    assert all(slug in words for slug in _SLUGS)
    rows = [line for line in lines if line.endswith((" yes", " no"))]
    assert len(rows) == len(streams())
    assert any(line.strip().startswith("= cpp_mt19937") for line in lines)
    assert "2**48" in next(line for line in lines if line.startswith("java_next_int "))


def test_the_list_as_json_is_complete() -> None:
    listed = {each["slug"]: each for each in document("list")["presets"]}
    assert list(listed) == _SLUGS
    for preset in CATALOGUE:
        told = listed[preset.slug]
        same = {each.slug for each in presets_of(preset.stream)}
        assert {preset.slug, *told["same_stream"]} == same
        assert told["call"] == preset.name
        assert told["seeds"]["count"] == preset.stream.generator.seed_count
        assert told["can_jump"] == preset.stream.generator.can_jump
    assert listed["mt19937"]["state_numbers"] == 625
    assert listed["c_drand48"]["word_bits"] == 48


@pytest.mark.parametrize("slug", _SLUGS)
def test_every_preset_can_be_shown(slug: str) -> None:
    told = document("show", slug)
    assert "42" in told["code"]
    assert told["searches"][0] == slug
    assert len(told["searches"]) == 4
    assert {"State", "Seeding"} <= set(told["notes"])
    text = generators("show", slug).stdout
    assert max(map(len, text.splitlines())) <= 80
    assert told["code"].split()[0] in text


@pytest.mark.parametrize("slug", [slug for slug in _SLUGS if (_VECTORS / f"{slug}.json").exists()])
def test_the_first_draws_shown_are_the_runtimes_own(slug: str) -> None:
    for vector in json.loads((_VECTORS / f"{slug}.json").read_text())["vectors"]:
        if (vector["seed"], vector["skip"]) == (1, 0) and vector["modulus"] <= 2**31:
            told = document("show", slug, "--modulus", vector["modulus"])
            assert told["draws_of_seed_1"] == vector["outputs"][:5]


def test_what_is_shown_of_java() -> None:
    told = document("show", "java_next_int_hybrid_reverse", "--modulus", 1500000000)
    assert told["slug"] == "java_next_int"
    assert told["code"] == "r = new java.util.Random(42L); r.nextInt(1500000000)"
    assert told["rejected_share"] == (2**31 - 1_500_000_000) / 2**31
    assert told["seeds"]["modulus"] == 2**48
    assert told["notes"]["State"].startswith("48 bits; state -> 0x5DEECE66D * state + 11 mod 2**48")
    text = generators("show", "java_next_int", columns=200).stdout
    assert "those that agree modulo 2**48" in text
    assert "seed 1 draws 985 588 847 313 254" in text


def test_a_modulus_that_a_call_does_not_draw_is_said() -> None:
    told = document("show", "java_next_int_digits", "--modulus", 999)
    assert (told["modulus_exists"], told["draws_of_seed_1"]) == (False, None)
    assert "modulus 999" in generators("show", "java_next_int_digits", "--modulus", 999).stdout
    assert moduli(JAVA_NEXT_INT_DIGITS) == "only some, such as 100, 1000, 1000000"
    assert moduli(DIVIDE_31) == "any from 2 to below 2**31"
    assert moduli(MODULO) == "any from 2 to 2**31"


def test_a_seed_left_out_is_shown() -> None:
    assert document("show", "xorshift32")["seeds"]["degenerate"] == [0]
    assert "left out" in generators("show", "xorshift32").stdout


@pytest.mark.parametrize("slug", ["java_next_int", "mt19937", "c_drand48", "java_next_double"])
@pytest.mark.parametrize("offset", [7, -4])
def test_a_sample_lies_where_the_alignment_says(slug: str, offset: int) -> None:
    drawn = sample(slug, "--seed", 42, "--count", 30, "--skip", 4, "--offset", offset)
    positions = [offset + 4 + 5 * i for i in range(30)]
    assert drawn == reference.at_positions(find_preset(slug).stream, 42, 1000, positions)


@pytest.mark.slow
def test_a_long_sample_goes_on_as_a_short_one() -> None:
    # The farther one is drawn by compiled code.
    near = sample("msvc_rand", "--seed", 2**63 + 9, "--count", 6, "--offset", 39_990)
    far = sample("msvc_rand", "--seed", 2**63 + 9, "--count", 100, "--offset", 39_990)
    assert far[:6] == near
    assert len(far) == 100


@settings(max_examples=40)
@given(low=st.integers(0, 5), more=st.integers(0, 9), path_seed=st.integers(0, 2**64 - 1))
def test_variable_skips_stay_in_their_range_and_reach_its_ends(
    low: int, more: int, path_seed: int
) -> None:
    chosen = Sample(CATALOGUE[0], 1, 400, 1000, (low, low + more), 3, 0.0, path_seed)
    positions = chosen.positions()
    skips = np.diff(np.concatenate([[2], positions])) - 1
    assert set(skips.tolist()) == set(range(low, low + more + 1))
    assert positions[-1] <= chosen.farthest


def test_another_path_seed_is_another_path() -> None:
    words = ("java_next_int", "--seed", 42, "--variable-skip", "0..3", "--path-seed")
    assert sample(*words, 1) == sample(*words, 1)
    assert sample(*words, 1) != sample(*words, 2)


def test_noise_makes_that_share_wrong_and_no_draw_right_again() -> None:
    words = ("java_next_int", "--seed", 42, "--count", 3000, "--modulus", 10)
    clean = np.array(sample(*words))
    noisy = np.array(sample(*words, "--noise", 0.25))
    assert 0.2 < (clean != noisy).mean() < 0.3  # ten standard errors wide
    assert set(noisy.tolist()) == set(range(10))
    assert (np.array(sample(*words, "--noise", 1)) != clean).all()


@pytest.mark.parametrize("form", ["lines", "json", "csv"])
def test_what_is_printed_is_read_as_the_history_it_is(tmp_path: Path, form: str) -> None:
    words = ("java_next_int", "--seed", 42, "--count", 9, "--format", form)
    file = tmp_path / "draws"
    file.write_text(generators("sample", *words).stdout)
    history = load(file, modulus=1000)
    assert history.values.tolist() == sample("java_next_int", "--seed", 42, "--count", 9)
    if form != "lines":
        assert [str(day) for day in history.dates][:2] == ["2020-01-01", "2020-01-02"]


@pytest.mark.parametrize("form", ["json", "csv"])
def test_sessions_take_turns_within_a_day(tmp_path: Path, form: str) -> None:
    words = ("--sessions", "midday,evening", "--start-date", "2015-12-31", "--count", 5)
    file = tmp_path / "draws"
    result = generators("sample", "java_next_int", "--seed", 42, *words, "--format", form)
    file.write_text(result.stdout)
    history = load(file)
    assert history.sessions == ("midday", "evening", "midday", "evening", "midday")
    days = ["2015-12-31", "2015-12-31", "2016-01-01", "2016-01-01", "2016-01-02"]
    assert [str(day) for day in history.dates] == days


def test_a_sample_as_one_json_value_says_how_it_was_drawn() -> None:
    told = document("sample", "perl_rand", "--seed", 7, "--count", 3, "--variable-skip", "1..4")
    assert (told["preset"], told["seed"], told["skip_min"], told["skip_max"]) == (
        *("perl_rand", 7),
        *(1, 4),
    )
    assert [sorted(record) for record in told["draws"]] == [["date", "draw"]] * 3
    assert generators("sample", "perl_rand", "--seed", 7, "--output", "quiet").output == ""


@pytest.mark.parametrize(
    ("slug", "seed", "said"),
    [
        ("mt19937", 2**32 + 5, f"seed {2**32 + 5} gives the stream of seed 5;"),
        ("minstd", 0, "seed 0 gives the stream of seed 1; distinct seeds are 1..2147483646"),
        ("xorshift32", 0, "seed 0 is none of the distinct seeds 1..4294967295 of xorshift32"),
        ("java_lcg", 2**48 - 1, None),
    ],
)
def test_a_seed_whose_stream_is_anothers_is_noted(slug: str, seed: int, said: str | None) -> None:
    told = document("sample", slug, "--seed", seed, "--count", 3)["notes"]
    stderr = generators("sample", slug, "--seed", seed, "--count", 3).stderr
    if said is None:
        assert (told, stderr) == ([], "")
    else:
        assert told[0].startswith(said)
        assert stderr == f"note: {told[0]}\n"


def test_every_problem_is_told_at_once() -> None:
    words = ("java_next_imt", "--seed", 2**64, "--skip", 1, "--variable-skip", "4..2")
    result = generators("sample", *words, "--count", 0, "--sessions", "a,,b", "--noise", 2)
    assert result.exit_code == 2
    for part in (
        "'--seed'",
        "'--count'",
        "'4..2' is not within 0..1000000000, low end first",
        "'a,,b' must name",
        "'--noise'",
        "did you mean java_next_int ",
    ):
        assert part in result.stderr
    assert not result.stdout


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("java_next_int_digits", "--modulus", 999), "java_next_int_digits does not draw it"),
        (("mt19937_reverse",), "mt19937_reverse is a search of mt19937"),
        (("mt19937", "--skip", 1, "--variable-skip", "0..2"), "exclude each other"),
        (("mt19937", "--skip", "0..3"), "0..3 varies from draw to draw: --variable-skip 0..3"),
        (("mt19937", "--skip", 10**9), "position 100000000099 of the stream; the farthest is"),
        (("mt19937", "--start-date", "9999-12-01"), "the calendar ends before 100 draws do"),
        (("mt19937", "--sessions", "a,a"), "must name different sessions"),
    ],
)
def test_what_cannot_be_drawn_is_refused(words: tuple[object, ...], problem: str) -> None:
    result = generators("sample", *words, "--seed", 1, "--output", "json")
    assert result.exit_code == 2
    told = json.loads(result.stdout)
    assert told["error"] == "nothing was drawn"
    assert len(told["problems"]) == 1
    assert problem in told["problems"][0]


def test_showing_what_there_is_not_is_refused() -> None:
    result = generators("show", "mersenne", "--modulus", 1)
    assert result.exit_code == 2
    assert "'--modulus'" in result.stderr
    assert "there is no generator or search 'mersenne'" in result.stderr


@pytest.mark.slow
def test_a_short_sample_starts_no_compiler() -> None:
    code = (
        "import sys; from seedfleet.cli import main\n"
        "main(['generators', 'sample', 'mt19937', '--seed', '5', '--count', '900'],"
        " standalone_mode=False)\n"
        "assert 'numba' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)


@pytest.mark.slow
def test_without_the_extra_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['numpy'] = None; sys.argv = ['seedfleet']\n"
        "from seedfleet.cli import main; main(['generators', 'list'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "Error: this needs numpy: pip install 'seedfleet[trace]'\n"


@pytest.mark.slow
@pytest.mark.parametrize("slug", ["java_next_int", "msvc_rand"])
def test_recover_finds_the_seed_of_a_sample(tmp_path: Path, slug: str) -> None:
    drawn = generators("sample", slug, "--seed", 42, "--count", 200, "--format", "json")
    (tmp_path / "draws.json").write_text(drawn.stdout)
    name = find_preset(slug).stream.generator.name
    words = ["--generator", name, "--output-dir", str(tmp_path / "out"), "--output", "json"]
    arguments = ["trace", "recover", str(tmp_path / "draws.json"), *words]
    result = CliRunner().invoke(main, arguments)
    told = json.loads(result.stdout)
    assert told["verdict"] == "recovered"
    assert told["candidates"][0]["seed"] == 42


def test_a_missing_seed_is_said_to_be_required() -> None:
    result = CliRunner().invoke(main, ["generators", "sample", "xorshift32"])
    assert result.exit_code == 2
    assert "'--seed': it is required" in result.stderr
