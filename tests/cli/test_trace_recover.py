"""`seedfleet trace recover` from the outside: files in, one answer and two files out."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner
from recovering import ROOT, answer, recover

from seedfleet.cli import main
from seedfleet.generators import Stream, generators, reference, streams

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLE = ROOT / "examples" / "java_daily3.json"
STREAMS = {stream.name: stream for stream in streams()}
JAVA = STREAMS["java.util.Random / nextInt(m)"]
# What is known of their constant skips within seconds.
ALGEBRAIC = ("--generator", "java.util.Random", "--generator", "rand48", "--generator", "java_lcg")


def planted(
    stream: Stream, seed: int, *, skip: int, count: int, modulus: int = 1000, ahead: int = 0
) -> tuple[list[int], list[int]]:
    """Return `count` draws and the `ahead` ones that follow, by the readable reference."""
    positions = [skip + i * (skip + 1) for i in range(count + ahead)]
    draws = reference.at_positions(stream, seed, modulus, positions)
    return draws[:count], draws[count:]


def write(path: Path, draws: list[int]) -> Path:
    path.write_text("\n".join(map(str, draws)), encoding="utf-8")
    return path


def test_the_main_job(tmp_path: Path) -> None:
    document = answer(EXAMPLE, "--predict", 10, "--budget", "10m", folder=tmp_path)
    assert document["verdict"] == "recovered"
    best = document["candidates"][0]
    assert best["generator"] == "java.util.Random"
    assert best["seed"] == 108766564384836
    assert best["alignment"]["skip_max"] == 4
    assert (best["matches"], best["n"]) == (500, 500)
    assert (best["held_out_matches"], best["held_out_n"]) == (50, 50)
    _, following = planted(JAVA, 108766564384836, skip=4, count=500, ahead=10)
    assert [prediction["draw"] for prediction in document["predictions"]] == following
    assert all(prediction["probability"] > 0.99 for prediction in document["predictions"])
    assert document["expected_false"] < 1e-100
    # As many searches are controlled as time allows, but first that which found the seed.
    assert all(control["passed"] for control in document["controls"])
    found_by = ("lane split", "java.util.Random")
    controls = [c for c in document["controls"] if (c["attack"], c["generator"]) == found_by]
    assert {control["kind"] for control in controls} == {"negative", "positive"}
    folder = tmp_path / document["run_id"]
    assert json.loads((folder / "recovery.json").read_text("utf-8")) == document
    assert "108766564384836" in (folder / "report.html").read_text("utf-8")
    assert sorted(path.name for path in folder.iterdir()) == ["recovery.json", "report.html"]


@pytest.mark.slow
def test_a_document_of_draws_that_came_before_their_skip(tmp_path: Path) -> None:
    """A program that keeps an output and drops the next two; the schema allows all of it."""
    stream = STREAMS["drand48 / floor(u * m), 48 bits"]
    draws = reference.at_positions(stream, 20240317, 1000, range(0, 360, 3))
    options = ("--skips", "0..3", "--variable-skips", "none", "--generator", "c_drand48")
    document = answer(write(tmp_path / "draws.txt", draws), *options, folder=tmp_path)
    assert document["verdict"] == "recovered"
    best = document["candidates"][0]
    assert (best["seed"], best["alignment"]["offset"]) == (20240317, -2)
    own = {(member["seed"], member["offset"]) for member in best["members"]}
    assert (20240317, -2) in own


@pytest.mark.runtime
def test_java_itself_goes_on_as_predicted(tmp_path: Path) -> None:
    if shutil.which("java") is None:
        if os.environ.get("SEEDFLEET_REQUIRE_RUNTIMES") == "1":
            pytest.fail("java is not on PATH")
        pytest.skip("java is not on PATH")
    program = tmp_path / "Draws.java"
    program.write_text(
        """public class Draws {
            public static void main(String[] arguments) {
                java.util.Random random = new java.util.Random(Long.parseLong(arguments[0]));
                for (int i = 0; i < Integer.parseInt(arguments[1]); i++) {
                    for (int dropped = 0; dropped < 7; dropped++) random.nextInt(1000);
                    System.out.println(random.nextInt(1000));
                }
            }
        }""",
        encoding="utf-8",
    )
    done = subprocess.run(
        ["java", str(program), "-987654321012345", "110"],
        capture_output=True,
        text=True,
        check=True,
    )
    draws = [int(line) for line in done.stdout.split()]
    document = answer(write(tmp_path / "d.txt", draws[:100]), "--predict", 10, folder=tmp_path)
    assert document["verdict"] == "recovered"
    assert document["candidates"][0]["seed"] == -987654321012345 % 2**48
    assert document["candidates"][0]["alignment"]["skip_max"] == 7
    assert [prediction["draw"] for prediction in document["predictions"]] == draws[100:]


@pytest.mark.parametrize(
    ("name", "seed", "skip", "modulus"),
    [
        ("java.util.Random / nextInt(m)", 2**48 - 1, 500, 1000),
        ("java.util.Random / nextInt(m)", 0, 15, 100),
        ("java.util.Random / nextInt(10) digits", 46044149982747, 3, 1000),
        ("java_lcg / word % m", 0xABCDEF012345, 31, 1000),
        ("rand48 / (word >> 1) % m", 4000000000, 2, 1000),
    ],
)
def test_algebraic_generators(
    name: str, seed: int, skip: int, modulus: int, tmp_path: Path
) -> None:
    draws, following = planted(STREAMS[name], seed, skip=skip, count=90, modulus=modulus, ahead=3)
    path = write(tmp_path / "draws.txt", draws)
    document = answer(path, "--predict", 3, "--modulus", modulus, *ALGEBRAIC, folder=tmp_path)
    assert document["verdict"] == "recovered"
    best = document["candidates"][0]
    assert (best["generator"], best["seed"], best["alignment"]["skip_max"]) == (
        STREAMS[name].generator.name,
        seed,
        skip,
    )
    assert [prediction["draw"] for prediction in document["predictions"]] == following


def test_every_preset_of_the_stream_is_named(tmp_path: Path) -> None:
    draws, _ = planted(STREAMS["rand48 / (word >> 1) % m"], 77, skip=0, count=60)
    document = answer(write(tmp_path / "d.txt", draws), *ALGEBRAIC, folder=tmp_path)
    assert document["candidates"][0]["presets"] == [
        "C lrand48() % m",
        "java.util.Random nextInt(m)",
    ]
    # What reads the same draws with changing skips is told, and weighs nothing.
    assert {candidate["seed"] for candidate in document["candidates"]} == {77}
    assert document["candidates"][0]["posterior"] > 1 - 1e-9


def test_wrong_draws(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    draws, following = planted(JAVA, 31415926535897, skip=2, count=300, ahead=5)
    wrong = rng.choice(300, size=40, replace=False)
    for index in wrong:
        draws[index] = (draws[index] + int(rng.integers(1, 1000))) % 1000
    arguments = (write(tmp_path / "d.txt", draws), "--predict", 5, *ALGEBRAIC)
    document = answer(*arguments, folder=tmp_path)
    assert document["verdict"] == "recovered"
    best = document["candidates"][0]
    assert best["seed"] == 31415926535897
    assert best["matches"] == 260
    assert 0.05 < best["noise"] <= 0.25
    assert [prediction["draw"] for prediction in document["predictions"]] == following
    assert all(0.7 < prediction["probability"] < 0.96 for prediction in document["predictions"])


def test_no_evidence_says_what_was_searched(tmp_path: Path) -> None:
    draws = np.random.default_rng(8).integers(1000, size=200).tolist()
    options = ("--predict", 2, "--budget", "10s", *ALGEBRAIC)
    document = answer(write(tmp_path / "d.txt", draws), *options, folder=tmp_path)
    assert document["verdict"] == "no_evidence"
    assert document["abstained"]
    assert [(p["draw"], p["probability"]) for p in document["predictions"]] == [(None, 0.001)] * 2
    completed = [row for row in document["searched"] if row["status"] == "completed"]
    assert completed
    assert all(row["seeds_tested"] == row["seed_space"] == 2**48 for row in completed)
    assert all(row["power"]["0"] > 0.99 for row in completed)
    left_out = {row["generator"] for row in document["searched"] if row["status"] == "not_selected"}
    assert left_out == generators().keys() - set(ALGEBRAIC[1::2])


def test_text_names_the_essentials_and_ends_with_the_report(tmp_path: Path) -> None:
    result = recover(EXAMPLE, "--predict", 10, folder=tmp_path)
    assert result.exit_code == 0
    assert "108766564384836" in result.stdout
    assert "skip 4" in result.stdout
    assert "531 532 450" in result.stdout
    readme = (ROOT / "README.md").read_text("utf-8")
    shown = re.findall(r"```\n(verdict .*?)```", readme, re.DOTALL)[0]
    assert set(shown.splitlines()) <= set(result.stdout.splitlines())
    assert result.stdout.splitlines()[-1].endswith("report.html")


def test_quiet_prints_nothing_and_writes_the_files(tmp_path: Path) -> None:
    result = recover(EXAMPLE, "--output", "quiet", folder=tmp_path)
    assert (result.exit_code, result.output) == (0, "")
    assert len(list(tmp_path.glob("*/recovery.json"))) == 1


def test_standard_input_and_sessions(tmp_path: Path) -> None:
    draws, _ = planted(JAVA, 99, skip=1, count=80)
    rows = [
        {"date": f"2020-{1 + i // 28:02}-{1 + i % 28:02}", "session": "noon", "draw": draw}
        for i, draw in enumerate(draws)
    ]
    words = ["trace", "recover", "-", "--sessions", "noon", "--output", "json", *ALGEBRAIC]
    result = CliRunner().invoke(
        main, [*words, "--output-dir", str(tmp_path)], input=json.dumps(rows)
    )
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["candidates"][0]["seed"] == 99


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b'{"draws": [1, 2]}', "list"),
        (b'[{"date": "2020-01-01"}, {"draw": -5}, {"draw": "7"}]', "$[2].draw"),
        (b"\xff\xfe\x00garbage", "UTF-8"),
        (b"[" * 200_000, "nest"),
    ],
)
def test_bad_files_are_refused_and_nothing_is_written(
    content: bytes, told: str, tmp_path: Path
) -> None:
    path = tmp_path / "draws.json"
    path.write_bytes(content)
    out = tmp_path / "out"
    result = recover(path, folder=out)
    assert result.exit_code == 2
    assert told in result.stderr
    assert result.stdout == ""
    assert not out.exists()
    as_json = recover(path, "--output", "json", folder=out)
    assert as_json.exit_code == 2
    assert json.loads(as_json.stdout)["problems"]
    assert not out.exists()


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--skips", "5..2", "low end first"),
        ("--skips", "all", "A..B"),
        ("--scan-skips", "4096", "not within 0..4095"),
        ("--modulus", "1", "--modulus"),
        ("--modulus", "100", "$[0].draw"),
        ("--sessions", "night", "evening"),
        ("--predict", "-1", "--predict"),
        ("--generator", "dice", "--generator"),
    ],
)
def test_bad_options_are_refused_and_nothing_is_written(
    option: str, value: str, told: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = recover(EXAMPLE, option, value, folder=out)
    assert result.exit_code == 2
    assert told in result.stderr
    assert not out.exists()


def test_every_option_that_cannot_be_read_is_told_as_json(tmp_path: Path) -> None:
    words = ("--skips", "9..2", "--scan-skips", "x", "--predict", -1, "--generator", "dice")
    result = recover(EXAMPLE, *words, "--output", "json", folder=tmp_path / "out")
    assert result.exit_code == 2
    problems = json.loads(result.stdout)["problems"]
    options = ["'--predict'", "'--generator'", "'--skips'", "'--scan-skips'"]
    assert sorted(problem.split()[3].rstrip(":") for problem in problems) == sorted(options)
    assert not (tmp_path / "out").exists()


def test_an_output_folder_that_cannot_be_made_is_refused_before_the_search(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way", encoding="utf-8")
    result = recover(EXAMPLE, folder=blocked / "below")
    assert result.exit_code == 2
    assert "below" in result.stderr


def test_a_missing_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "from seedfleet.cli import main; main(['trace', 'recover', 'x'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'seedfleet[trace]'" in done.stderr
