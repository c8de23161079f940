"""`seedfleet sieve` from the outside: draws and options in, one answer and its files out."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from click.testing import CliRunner, Result

from seedfleet.cli import main
from seedfleet.generators import find_preset, reference
from seedfleet.recover.controls import Control

SCHEMA = json.loads(
    (Path(__file__).parents[2] / "docs" / "schemas" / "sieve.schema.json").read_text("utf-8")
)
SEED = 123_456
pytestmark = pytest.mark.slow


def run(*words: object, folder: Path) -> Result:
    return CliRunner().invoke(main, ["sieve", *map(str, words), "--output-dir", str(folder)])


def answer(*words: object, folder: Path) -> dict[str, Any]:
    result = run(*words, "--output", "json", folder=folder)
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    return document


def refusal(*words: object, folder: Path) -> list[str]:
    result = run(*words, "--output", "json", folder=folder)
    assert result.exit_code == 2, result.output
    assert not folder.exists()
    problems: list[str] = json.loads(result.stdout)["problems"]
    return problems


def planted(gaps: list[int], *, offset: int = 0, slug: str = "xorshift32") -> list[int]:
    positions = offset - 1 + np.cumsum(gaps)
    return reference.at_positions(find_preset(slug).stream, SEED, 1000, positions.tolist())


def write(folder: Path, draws: list[int]) -> Path:
    path = folder / "draws.txt"
    path.write_text("\n".join(map(str, draws)), encoding="utf-8")
    return path


@pytest.fixture
def skipping(tmp_path: Path) -> Path:
    """60 draws of xorshift32 from offset 5 with skip 3."""
    return write(tmp_path, planted([4] * 60, offset=5))


NEAR = ("--generator", "xorshift32", "--seeds", "0x1E000..2^17", "--modulus", 1000)


def test_a_planted_seed_is_recovered_and_foretold(skipping: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    document = answer(skipping, *NEAR, "--offsets", "0..8", "--predict", 3, folder=folder)
    assert document["verdict"] == "recovered"
    (search,) = document["searches"]
    assert search["seeds"] == [0x1E000, 2**17]
    assert search["seeds_requested"] == search["seeds_tested"] == 2**17 - 0x1E000 + 1
    assert search["alignments"] == 81
    assert (search["forward"]["draws"], search["reverse"]["needed"]) == (27, 27)
    assert search["observed_pairs"] == search["observed_seeds"] == 1
    assert search["expected_pairs"] < 1e-100
    assert all(control["passed"] for control in search["controls"])
    assert [control["kind"] for control in search["controls"]] == ["negative", "positive"]
    best = document["survivors"][0]
    assert best["seed"] == SEED
    assert (best["alignment"]["offset"], best["alignment"]["skip_max"]) == (5, 3)
    assert (best["unseen_matches"], best["unseen_n"]) == (6, 6)
    coming = planted([4] * 63, offset=5)[60:]
    assert [each["draw"] for each in document["predictions"]] == coming
    home = folder / document["run_id"]
    assert json.loads((home / "sieve.json").read_text("utf-8")) == document
    table = (home / "survivors.csv").read_bytes()
    assert hashlib.sha256(table).hexdigest() == document["files"]["survivors_sha256"]
    (row,) = csv.DictReader(table.decode().splitlines())
    assert (row["generator"], row["seed"], row["offset"]) == ("xorshift32", str(SEED), "5")
    assert (row["forward_matches"], row["reverse_draws"]) == ("27", "27")


def test_the_lines_say_what_was_asked_and_what_chance_gives(skipping: Path, tmp_path: Path) -> None:
    result = run(skipping, *NEAR, "--offsets", "0..8", folder=tmp_path / "out")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "verdict       Generator recovered: xorshift32, seed 123456"
    wide = [line for line in lines if len(line) > 80]
    assert all(line.startswith(("command", "survivors", "document")) for line in wide)
    said = " ".join(" ".join(lines).split())
    for words in (
        "pairs 1 passed, by chance",
        "forward 27 of 27 and reverse 27 of 27 needed",
        "8,193 asked for tested",
        "recoverable from 10 draws",
        "4 seeds of xorshift32 / word % m planted",
    ):
        assert words in said
    assert "random" not in said
    assert "recoverable in principle from 10 draws, 60 are known" in result.stderr


def test_draws_that_nothing_made_give_no_evidence_and_about_what_chance_gives(
    tmp_path: Path,
) -> None:
    draws = np.random.default_rng(11).integers(100, size=300).tolist()
    words = ("--seeds", "1..2^16", "--window-size", 150, "--modulus", 100)
    loose = ("--forward-threshold", 0.02, "--reverse-threshold", 0.02)
    document = answer(
        write(tmp_path, draws), "--generator", "xorshift32", *words, *loose, folder=tmp_path / "o"
    )
    assert document["verdict"] == "no_evidence"
    (search,) = document["searches"]
    assert search["forward"]["needed"] == 2
    expected = search["expected_pairs"]
    assert 10_000 < expected < 40_000
    assert abs(search["observed_pairs"] - expected) < 6 * expected**0.5
    assert document["abstained"]
    assert document["predictions"][0]["draw"] is None
    assert search["power"]["0.25"] > 0.999
    assert document["files"]["survivors_rows"] == search["observed_pairs"]
    assert len(document["survivors"]) == 10


def test_wrong_draws_are_borne_where_thresholds_allow_them(tmp_path: Path) -> None:
    draws = planted([2] * 120)
    for wrong in range(0, 120, 5):
        draws[wrong] = (draws[wrong] + 1) % 1000
    path, folder = write(tmp_path, draws), tmp_path / "out"
    assert answer(path, *NEAR, folder=folder)["verdict"] == "no_evidence"
    loose = ("--forward-threshold", 0.7, "--reverse-threshold", 0.7)
    document = answer(path, *NEAR, *loose, folder=folder)
    assert document["verdict"] == "recovered"
    best = document["survivors"][0]
    assert (best["seed"], best["looked_at_matches"], best["looked_at_n"]) == (SEED, 86, 108)
    assert 0.15 < best["noise"] < 0.3


def test_a_variable_skip_is_followed_and_foretold(tmp_path: Path) -> None:
    gaps = np.random.default_rng(4).integers(1, 5, size=81).tolist()
    drawn = planted(gaps, offset=2)
    document = answer(
        write(tmp_path, drawn[:80]),
        *("--generator", "xorshift32_hybrid", "--variable-skip", "0..3"),
        *("--seeds", "2^17-9000..2^17", "--offsets", "0..3", "--modulus", 1000),
        folder=tmp_path / "out",
    )
    assert document["verdict"] == "recovered"
    (search,) = document["searches"]
    assert search["skips"] == {"law": "variable", "least": 0, "most": 3}
    assert search["alignments"] == 4
    best = document["survivors"][0]
    assert (best["seed"], best["unseen_matches"], best["state"]) == (SEED, 8, None)
    assert 0.1 < document["predictions"][0]["probability"] < 0.9
    assert all(control["passed"] for control in search["controls"])


def test_a_reverse_search_looks_at_the_newer_half_alone(skipping: Path, tmp_path: Path) -> None:
    document = answer(
        skipping,
        *("--generator", "xorshift32_reverse", *NEAR[2:], "--offsets", "5..5"),
        folder=tmp_path / "out",
    )
    (search,) = document["searches"]
    assert (search["direction"], search["forward"]) == ("reverse", None)
    best = document["survivors"][0]
    assert (best["seed"], best["forward_matches"], best["reverse_matches"]) == (SEED, None, 27)
    assert (best["looked_at_n"], best["unseen_matches"], best["unseen_n"]) == (27, 33, 33)


def test_a_session_is_a_stream_of_its_own(tmp_path: Path) -> None:
    evening = planted([1] * 40)
    midday = np.random.default_rng(2).integers(1000, size=40).tolist()
    draws = [
        {"date": f"2015-{1 + day // 28:02}-{1 + day % 28:02}", "session": session, "draw": draw}
        for day, pair in enumerate(zip(midday, evening, strict=True))
        for session, draw in zip(("midday", "evening"), pair, strict=True)
    ]
    path = tmp_path / "draws.json"
    path.write_text(json.dumps(draws), encoding="utf-8")
    folder = tmp_path / "out"
    document = answer(path, *NEAR, "--session", "evening", folder=folder)
    assert document["verdict"] == "recovered"
    assert (document["sieved"]["sessions"], document["sieved"]["draws"]) == (["evening"], 40)
    assert answer(path, *NEAR, folder=folder)["verdict"] == "no_evidence"
    both = answer(path, *NEAR, "--session", "evening", "--session", "midday", folder=folder)
    assert both["sieved"]["draws"] == 80


def test_two_sessions_of_three_are_one_stream(tmp_path: Path) -> None:
    drawn = iter(planted([1] * 60))
    noise = np.random.default_rng(2)
    rows = [
        f"2015-{1 + day // 28:02}-{1 + day % 28:02},{session},"
        f"{noise.integers(1000) if session == 'noon' else next(drawn)}"
        for day in range(30)
        for session in ("morning", "noon", "night")
    ]
    path = tmp_path / "draws.csv"
    path.write_text("\n".join(["date,session,draw", *rows]), encoding="utf-8")
    folder = tmp_path / "out"
    document = answer(path, *NEAR, "--session", "night", "--session", "morning", folder=folder)
    assert (document["verdict"], document["sieved"]["draws"]) == ("recovered", 60)
    assert document["survivors"][0]["seed"] == SEED
    table = Path(document["files"]["survivors"]).read_text(encoding="utf-8")
    assert table.splitlines()[1].endswith(",morning+night")
    other = answer(path, *NEAR, "--session", "noon", "--session", "morning", folder=folder)
    assert other["verdict"] == "no_evidence"


def test_degenerate_seeds_are_left_out_and_listed(tmp_path: Path) -> None:
    draws = [0, 0, 0, 0, 7, *np.random.default_rng(1).integers(1000, size=40).tolist()]
    document = answer(
        write(tmp_path, draws),
        *("--generator", "xorshift32", "--seeds", "0..1000", "--modulus", 1000),
        *("--window-size", 4),
        folder=tmp_path / "out",
    )
    (search,) = document["searches"]
    assert (search["degenerate_seeds"], search["observed_pairs"]) == ([0], 0)


def test_several_generators_are_one_answer(skipping: Path, tmp_path: Path) -> None:
    document = answer(
        skipping,
        *("--generator", "minstd", "--generator", "xorshift32", "--seeds", "120000..125000"),
        *("--offsets", "5..5"),
        folder=tmp_path / "out",
    )
    verdicts = {search["name"]: search["verdict"] for search in document["searches"]}
    assert verdicts == {"minstd": "no_evidence", "xorshift32": "recovered"}
    assert document["verdict"] == "recovered"


def test_every_preset_that_draws_so_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, planted([1] * 60, slug="php_mt_rand"))
    document = answer(
        path,
        *("--generator", "php_mt_rand", "--seeds", "123400..123500", "--skips", "0..1"),
        folder=tmp_path / "out",
    )
    presets = document["survivors"][0]["presets"]
    assert {"PHP mt_rand(0, m-1)", "std::mt19937 % m"} <= set(presets)
    assert len(presets) == len(set(presets))


def test_a_history_that_repeats_is_called_that(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    constant = answer(write(tmp_path, [7] * 60), *NEAR, folder=folder)
    assert constant["structure"]["kind"] == "constant"
    assert (constant["verdict"], constant["searches"]) == ("under_powered", [])
    periodic = answer(write(tmp_path, [3, 1, 4, 1, 5, 9] * 20), *NEAR, folder=folder)
    assert periodic["structure"]["kind"] == "periodic"
    assert periodic["abstained"]
    fresh = planted([1] * 80)
    copied = answer(write(tmp_path, [*fresh, *fresh[10:40]]), *NEAR, folder=folder)
    assert copied["structure"]["kind"] == "repeated_blocks"
    assert (copied["verdict"], copied["sieved"]["draws"]) == ("recovered", 80)
    assert copied["predictions"][0]["draw"] is None


def test_an_uneven_history_is_called_that_and_must_be_beaten(tmp_path: Path) -> None:
    digits = np.random.default_rng(8).integers(10, size=300).tolist()
    path, folder = write(tmp_path, [*planted([4] * 30), *digits]), tmp_path / "out"
    document = answer(path, *NEAR, "--window-size", 30, folder=folder)
    assert document["evidence_bits"] > 200
    assert document["verdict"] == document["searches"][0]["verdict"] == "no_evidence"
    assert "not uniform" in document["verdict_reason"]
    assert "beyond" not in document["verdict_reason"]


def test_a_small_seed_of_a_wide_space_takes_few_draws(tmp_path: Path) -> None:
    stream = find_preset("numpy_default_rng").stream
    draws = reference.at_positions(stream, SEED, 1000, list(range(40)))
    words = ("--generator", "numpy_default_rng", "--skips", "0..0", "--seeds")
    path, folder = write(tmp_path, draws), tmp_path / "out"
    document = answer(path, *words, "123450..123460", folder=folder)
    wide = answer(path, *words, "2^40..2^40+9", folder=folder)
    near_needs, wide_needs = (
        each["searches"][0]["draws_needed_for_recovered"] for each in (document, wide)
    )
    assert near_needs <= wide_needs - 3  # 2**33 against 2**65, in draws of log2(1000) bits
    few = write(tmp_path, draws[:near_needs])
    assert answer(few, *words, "123450..123460", folder=folder)["verdict"] == "recovered"
    fewer = write(tmp_path, draws[: near_needs - 1])
    assert answer(fewer, *words, "123450..123460", folder=folder)["verdict"] != "recovered"


def test_few_looked_at_draws_are_a_signal_at_most(skipping: Path, tmp_path: Path) -> None:
    words = ("--offsets", "5..5", "--window-size", 4)
    document = answer(skipping, *NEAR, *words, folder=tmp_path / "out")
    assert document["evidence_bits"] < 20
    assert document["known_evidence_bits"] > 300
    assert document["verdict"] == "signal"


def test_all_problems_are_told_at_once_and_nothing_is_written(
    skipping: Path, tmp_path: Path
) -> None:
    problems = refusal(
        skipping,
        *("--generator", "xorshfit32", "--generator", "java_lcg", "--generator", "minstd"),
        *("--seeds", "0..2^50", "--session", "noon", "--window-start", 50, "--window-size", 20),
        folder=tmp_path / "out",
    )
    said = "\n".join(problems)
    assert "did you mean xorshift32" in said
    assert f"the distinct seeds of java_lcg are 0..{2**48 - 1}; {2**50} is beyond" in said
    assert f"the distinct seeds of minstd are 1..{2**31 - 2}; {2**50} is beyond" in said
    assert "no session 'noon'" in said
    assert "window: draws 50..69 are not within" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--generator", "java_lcg"), f"java_lcg has {2**48}; name those to be tested"),
        ((), "name at least one with --generator NAME"),
        (
            ("--generator", "xorshift32_reverse", "--direction", "forward", "--seeds", "1..9"),
            "looks at the reverse part, not forward",
        ),
        ((*NEAR, "--offsets", "0..2^30"), "more than 1048576 alignments"),
        ((*NEAR, "--window-start", 59, "--window-size", 1), "its reverse part is empty"),
    ],
)
def test_what_cannot_be_sieved(
    words: tuple[object, ...], said: str, skipping: Path, tmp_path: Path
) -> None:
    assert said in "\n".join(refusal(skipping, *words, folder=tmp_path / "out"))


def test_all_that_cannot_be_read_is_told_at_once(skipping: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    problems = refusal(
        skipping, *("--skips", "9..2", "--top", 0, "--direction", "up", "--seed", -1), folder=folder
    )
    options = ["'--skips'", "'--top'", "'--direction'", "'--seed'"]
    assert sorted(problem.split()[3].rstrip(":") for problem in problems) == sorted(options)
    (unknown,) = refusal(skipping, *NEAR, "--skip", "1..2", folder=folder)
    assert "--skip" in unknown
    (extra,) = refusal(skipping, "more", *NEAR, folder=folder)
    assert "unexpected extra argument" in extra
    assert "Options:" in run("--help", folder=folder).stdout


def test_as_many_gaps_as_values_are_refused_at_once(skipping: Path, tmp_path: Path) -> None:
    words = ("--generator", "xorshift32_hybrid", "--seeds", "1..2^24", "--modulus", 1000)
    (problem,) = refusal(skipping, *words, "--variable-skip", "0..2000", folder=tmp_path / "out")
    assert "no threshold would do" in problem


@pytest.mark.parametrize(
    ("name", "skips", "said"),
    [
        ("xorshift32_hybrid", ("--skips", "0..3"), "every search named has a variable skip"),
        ("xorshift32", ("--skips", "0..3", "--variable-skip", "0..3"), "exclude each other"),
    ],
)
def test_skips_that_no_search_would_use_are_refused(
    skipping: Path, tmp_path: Path, name: str, skips: tuple[str, ...], said: str
) -> None:
    words = ("--generator", name, "--seeds", "1..99", *skips)
    (problem,) = refusal(skipping, *words, folder=tmp_path / "out")
    assert said in problem


def test_a_flood_is_refused_with_the_threshold_that_would_do(
    skipping: Path, tmp_path: Path
) -> None:
    words = ("--generator", "xorshift32", "--offsets", "0..8", "--forward-threshold", 0)
    flood = ("--reverse-threshold", 0)
    (problem,) = refusal(skipping, *words, *flood, folder=tmp_path / "out")
    assert f"{(2**32 - 1) * 81:,} pairs" in problem
    assert "thresholds of 0.07407 would do" in problem  # 2 of 27 in each part


def test_the_last_distinct_seed_is_the_last_that_can_be_asked_for(
    skipping: Path, tmp_path: Path
) -> None:
    words = (skipping, "--generator", "java_lcg", "--skips", "0..0", "--seeds")
    (refused,) = refusal(*words, "2^48-9..2^48", folder=tmp_path / "out")
    assert refused == (
        f"seeds: the distinct seeds of java_lcg are 0..{2**48 - 1}; {2**48} is beyond; "
        f"seed {2**48} is the stream of seed 0"
    )
    document = answer(*words, "2^48-9..2^48-1", folder=tmp_path / "out")
    assert document["searches"][0]["seeds_tested"] == 9


def test_a_sieve_of_centuries_is_refused_before_anything_is_written(
    skipping: Path, tmp_path: Path
) -> None:
    words = ("--generator", "numpy_default_rng", "--skips", "0..0", "--modulus", 1000)
    (problem,) = refusal(skipping, *words, "--seeds", "0..2^64-1", folder=tmp_path / "out")
    assert re.search(r"they would take about [\d,.]+ years on the \d+ cores? of this", problem)
    assert "--max-days" in problem
    agreed = ("--generator", "xorshift32", "--seeds", "1..2^21", "--modulus", 1000)
    (problem,) = refusal(skipping, *agreed, "--max-days", 1e-9, folder=tmp_path / "out")
    assert "they would take about" in problem
    assert not (tmp_path / "out").exists()
    assert run(skipping, *agreed, folder=tmp_path / "out").exit_code == 0


@pytest.mark.parametrize("seeds", ["5..2", "0..2^64", "1..", "2^65", "a..b", "1..2..3", "-1..3"])
def test_seeds_that_are_no_range(seeds: str, skipping: Path, tmp_path: Path) -> None:
    result = run(skipping, "--generator", "java_lcg", f"--seeds={seeds}", folder=tmp_path / "out")
    assert result.exit_code == 2
    assert "--seeds" in result.stderr


def test_a_resumed_run_keeps_its_question(skipping: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    words = (*NEAR, "--offsets", "0..8", "--top", 3, "--predict", 2)
    first = answer(skipping, *words, folder=folder)
    (folder / first["run_id"] / "sieve.json").unlink()
    skipping.unlink()
    again = answer("--resume", first["run_id"], folder=folder)
    for document in (first, again):
        document["elapsed_s"] = document["searches"][0]["elapsed_s"] = 0
    assert again == first
    result = run("--resume", first["run_id"], "--seeds", "0..9", folder=folder)
    assert result.exit_code == 2
    assert "--seeds: a resumed run keeps its own" in result.stderr
    result = run("--resume", "nothing", folder=folder)
    assert result.exit_code == 2
    assert "nothing to resume" in result.stderr


def test_a_missed_stream_is_told_what_would_hide_it_and_a_failed_control_first_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, np.random.default_rng(9).integers(1000, size=60).tolist())
    words = (path, "--generator", "xorshift32", "--seeds", "1..999")
    exact = answer(*words, folder=tmp_path / "out")["verdict_reason"]
    assert exact.endswith(
        "one wrong record would hide a stream, as every draw looked at had to match"
    )
    lenient = ("--forward-threshold", "0.8", "--reverse-threshold", "0.8")
    assert "wrong record" not in answer(*words, *lenient, folder=tmp_path / "out")["verdict_reason"]
    failed = Control("negative", 500.0, 3, 366, 634, passed=False, text="made to fail")
    monkeypatch.setattr("seedfleet.pipeline.sieving.controls_of", lambda *_: (failed,))
    distrusted = answer(*words, folder=tmp_path / "out")["verdict_reason"]
    assert distrusted.startswith("a control failed, so that none of this can be relied on")
