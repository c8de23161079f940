"""`seedfleet trace recover --date-seeds`: a rule from dates to seeds, from the outside."""

from __future__ import annotations

import datetime as dt
import json
import re
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from recovering import ROOT, answer, recover

from seedfleet.draws import load
from seedfleet.generators import find_preset, reference
from seedfleet.pipeline import RunContext
from seedfleet.pipeline.recorded import write_record
from seedfleet.recover import Options

if TYPE_CHECKING:
    from pathlib import Path

JAVA = find_preset("java_next_int").stream
RULE = "year*10000+month*100+day"
SESSIONS = ("midday", "evening")
FIRST = dt.date(2019, 12, 1)
DATES = 60
# Only searches that take well under a second each.
FEW = ("--generator", "java_next_int", "--skips", "0..2", "--variable-skips", "none")


def seed_of(date: dt.date) -> int:
    return int(f"{date:%Y%m%d}")


def drawn(date: dt.date) -> list[int]:
    """Return a date's draws: offset 1, skip 2, by the readable reference."""
    return reference.at_positions(JAVA, seed_of(date), 1000, [3, 6])


def rows(first: int = 0, count: int = DATES) -> list[dict[str, Any]]:
    dates = [FIRST + dt.timedelta(index) for index in range(first, first + count)]
    return [
        {"date": f"{date}", "session": session, "draw": draw}
        for date in dates
        for session, draw in zip(SESSIONS, drawn(date), strict=True)
    ]


def write(path: Path, content: list[dict[str, Any]]) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def table(path: Path) -> Path:
    dates = [FIRST + dt.timedelta(index) for index in range(DATES + 5)]
    lines = [f"{date},{seed_of(date)}" for date in dates]
    path.write_text("\n".join(["date,seed", *lines]), encoding="utf-8")
    return path


@pytest.mark.slow
def test_draws_before_their_skip_are_told_with_a_program_for_dates_of_any_length(
    tmp_path: Path,
) -> None:
    """Every date's program keeps an output and drops the next two; the last date goes on."""
    stream = find_preset("python_random").stream
    dates = [FIRST + dt.timedelta(index) for index in range(20)]
    drawn = {date: reference.at_positions(stream, seed_of(date), 1000, [0, 3, 6]) for date in dates}
    drawn[dates[-1]].pop()
    content = [{"date": f"{date}", "draw": draw} for date in dates for draw in drawn[date]]
    file = write(tmp_path / "draws.json", content)
    words = ("--generator", "python_random", *FEW[2:], "--offsets", "-2..0")
    document = answer(file, *words, "--date-seeds", RULE, folder=tmp_path)
    assert document["verdict"] == "recovered"
    best = document["dated"][0]
    assert (best["offset"], best["skip"]) == (-2, 2)
    (member,) = (each for each in best["members"] if each["language"] == "Python")
    program = [sys.executable, "-c", member["program"]]
    printed = subprocess.run(program, capture_output=True, check=True, text=True).stdout
    assert [int(word) for word in printed.split()] == [each["draw"] for each in content]


@pytest.mark.slow
def test_a_formula_and_a_table_recover_the_seeds_and_tell_the_coming_dates(tmp_path: Path) -> None:
    # The evening of the last date is yet to come.
    draws = write(tmp_path / "draws.json", rows()[:-1])
    for rule in (RULE, table(tmp_path / "seeds.csv")):
        document = answer(draws, "--date-seeds", rule, "--predict", 4, *FEW, folder=tmp_path)
        assert document["verdict"] == "recovered"
        assert document["rule"] == str(rule)
        best = document["dated"][0]
        assert (best["generator"], best["offset"], best["skip"]) == ("java.util.Random", 1, 2)
        assert (best["matches"], best["n"]) == (119, 119)
        assert best["posterior"] > 0.999
        program = best["members"][0]["program"]
        assert program.count("L, 2}") == DATES - 1
        assert f"{{{seed_of(FIRST)}L, 2}}" in program
        assert f"{{{seed_of(FIRST + dt.timedelta(DATES - 1))}L, 1}}" in program
        assert [(each["date"], each["seed"]) for each in best["seeds"]] == [
            (f"{date}", seed_of(date))
            for date in (FIRST + dt.timedelta(index) for index in range(DATES))
        ]
        told = [(each["date"], each["session"], each["draw"]) for each in document["predictions"]]
        coming = [rows()[-1], *rows(DATES, 2)][:4]
        assert told == [tuple(row.values()) for row in coming]
        asked = [row for row in document["searched"] if row["attack"] == "seeds by date"]
        status = {row["scopes"][0]["session"]: row["status"] for row in asked}
        assert status[None] == "completed"
        assert {row["status"] for row in document["searched"]} <= {
            "completed",
            "not_needed",
            "not_selected",
        }
        assert all(control["passed"] for control in document["controls"])
        page = (tmp_path / document["run_id"] / "report.html").read_text("utf-8")
        assert "Seeds by date" in page
        assert str(seed_of(FIRST)) in page


@pytest.mark.slow
def test_wrong_rules_and_shuffled_draws_are_no_evidence(tmp_path: Path) -> None:
    right = rows()
    order = np.random.default_rng(4).permutation(len(right)).tolist()
    shuffled = [{**row, "draw": right[i]["draw"]} for row, i in zip(right, order, strict=True)]
    for content, rule in (
        (right, "year*10000+day*100+month"),
        (shuffled, RULE),
    ):
        draws = write(tmp_path / "draws.json", content)
        document = answer(draws, "--date-seeds", rule, *FEW, folder=tmp_path)
        assert document["verdict"] == "no_evidence"
        assert document["dated"] == []
        assert document["evidence_bits"] < 0
        assert document["abstained"]
        (asked, *_) = [row for row in document["searched"] if row["attack"] == "seeds by date"]
        assert (asked["status"], asked["observed"]) == ("completed", 0)


@pytest.mark.slow
def test_the_example_of_the_manual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "200")
    manual = (ROOT / "docs" / "recovery.md").read_text("utf-8").split("## Seeds by date\n")[1]
    command, said = re.findall(r"```(?:sh)?\n(.*?)```", manual, re.DOTALL)[:2]
    (line,) = command.splitlines()
    # Only PHP's searches, so that nothing else takes time.
    words = [*shlex.split(line)[3:], "--generator", "php_mt_rand"]
    result = recover(*words, folder=tmp_path)
    assert result.exit_code == 0, result.output
    shown = " ".join(result.stdout.split())
    for told in said.splitlines():
        assert " ".join(told.split()) in shown, result.stdout


@pytest.mark.slow
def test_the_call_that_was_asked_for_comes_first(tmp_path: Path) -> None:
    history = ROOT / "examples" / "php_by_date.json"
    for asked, seeding in (("php_rand", "srand"), ("php_mt_rand", "mt_srand")):
        words = ("--generator", asked, "--variable-skips", "none")
        document = answer(
            history, "--date-seeds", RULE, *words, "--scan-skips", "0..0", folder=tmp_path
        )
        best = document["dated"][0]
        assert best["reproduce"].startswith(f"{seeding}(20240331); ")
        assert best["presets"][0] == best["members"][0]["preset"]
        assert f"\n    {seeding}($date[0]);\n" in best["members"][0]["program"]


@pytest.mark.slow
def test_calls_of_other_lengths_drop_their_own_number(tmp_path: Path) -> None:
    """Modulo 1024 both calls show the top bits of a word, and nextDouble() takes two words."""
    dates = [FIRST + dt.timedelta(index) for index in range(DATES)]
    content = [
        {"date": f"{date}", "session": session, "draw": draw}
        for date in dates
        for session, draw in zip(
            SESSIONS, reference.at_positions(JAVA, seed_of(date), 1024, [2, 4]), strict=True
        )
    ]
    draws = write(tmp_path / "draws.json", content)
    asked = ("--modulus", 1024, "--date-seeds", RULE, *FEW, "--generator", "java_next_double")
    best = answer(draws, *asked, folder=tmp_path)["dated"][0]
    told = {each["preset"]: each["reproduce"] for each in best["members"]}
    single, double = (
        told[find_preset(slug).name] for slug in ("java_next_int", "java_next_double")
    )
    assert single.endswith(
        "; r.nextInt(1024), after dropping 1 at the start and 1 before each draw"
    )
    assert double.endswith("; (int) (r.nextDouble() * 1024), after dropping 1 at the start")


@pytest.mark.slow
def test_without_a_rhythm_of_dates_no_draw_is_told(tmp_path: Path) -> None:
    content = [row for row in rows() if row["date"] != "2020-01-20"]
    draws = write(tmp_path / "draws.json", content)
    document = answer(draws, "--date-seeds", RULE, *FEW, folder=tmp_path)
    assert document["verdict"] == "recovered"
    assert document["abstained"]
    assert [each["draw"] for each in document["predictions"]] == [None]


def test_what_is_no_rule_for_these_draws_is_refused_with_all_problems(tmp_path: Path) -> None:
    dated = write(tmp_path / "dated.json", rows(count=10))
    undated = write(tmp_path / "undated.json", [{"draw": row["draw"]} for row in rows()])
    bad = tmp_path / "bad.csv"
    bad.write_text("2020-13-01,5\n2020-01-01,x\n", encoding="utf-8")
    other = tmp_path / "other.csv"
    other.write_text("1999-01-01,5\n", encoding="utf-8")
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00")
    for draws, rule, told in (
        (dated, bad, ("month must be in 1..12", "'x' is no seed")),
        (dated, "year+hour*minute", ("hour is none of", "minute is none of")),
        (dated, tmp_path / "missing.csv", ("no such file",)),
        (dated, binary, ("binary.csv", "utf-8")),
        (dated, other, ("other.csv gives no date of the draws a seed",)),
        (undated, RULE, ("the draws have no dates",)),
    ):
        out = tmp_path / "out"
        result = recover(draws, "--date-seeds", rule, *FEW, folder=out)
        assert result.exit_code == 2, result.output
        words = " ".join(result.stderr.split())
        assert [part for part in told if part not in words] == []
        assert not out.exists()


@pytest.mark.slow
@pytest.mark.parametrize("by_table", [False, True])
def test_a_resumed_run_keeps_its_rule(tmp_path: Path, by_table: bool) -> None:
    history = load(write(tmp_path / "draws.json", rows()))
    path = table(tmp_path / "seeds.csv")
    options = Options(
        searched=frozenset({"java_next_int"}),
        skips=range(1),
        variable_skip=None,
        date_seeds=path.read_text("utf-8") if by_table else RULE,
        date_table="seeds.csv" if by_table else None,
    )
    path.unlink()  # the record has it all
    folder = tmp_path / "out" / "run"
    context = RunContext("run", ("seedfleet",), "2020-01-01T00:00:00+00:00", str(folder))
    write_record(folder, history, options, context)
    document = answer("--resume", "run", folder=tmp_path / "out")
    assert document["verdict"] == "recovered"
    assert document["rule"] == ("seeds.csv" if by_table else RULE)
    assert len(document["dated"][0]["seeds"]) == DATES
