"""Legacy sieve jobs: what a job asks, what is found, and what is said against it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedfleet.fleet.results_documents import results_document
from seedfleet.generators import find_preset, reference
from seedfleet.pipeline import legacy_sieve
from seedfleet.pipeline.legacy_job import JobError, LegacyJob
from seedfleet.sieve import CpuBackend

WORKER = Path(__file__).parents[2] / "compat" / "sieve_filter.py"
STREAM = find_preset("xorshift32").stream
SEED = 70_123
SEEDS = {"seed_start": 70_000, "seed_end": 70_400}
PLAIN = ("xorshift32", "xorshift32_reverse")
HYBRID = ("xorshift32_hybrid", "xorshift32_hybrid_reverse")


def planted(skips: list[int], before: int = 0) -> list[int]:
    """Draw from the planted seed with these skips, after draws that it has not made."""
    places = (np.cumsum(np.array(skips) + 1) - 1).tolist()
    foreign = np.random.default_rng(7).integers(1000, size=before).tolist()
    return [*foreign, *reference.at_positions(STREAM, SEED, 1000, places)]


def job(**changes: Any) -> dict[str, Any]:
    whole = {
        "search_type": "residue_sieve",
        "job_id": "j",
        **SEEDS,
        "prng_families": list(PLAIN),
        "skip_range": [0, 4],
        "min_match_threshold": 1.0,
        "modulus": 1000,
        "draws": planted([2] * 12),
    }
    return {key: value for key, value in (whole | changes).items() if value is not None}


def run(document: dict[str, Any]) -> dict[str, Any]:
    result = legacy_sieve.run_job(LegacyJob.of_document(document), progress=lambda *_: None)
    families: dict[str, Any] = json.loads(json.dumps(result))["families"]
    return families


@settings(max_examples=30)
@given(
    skip=st.integers(0, 4),
    before=st.integers(0, 5),
    window=st.integers(8, 20),
    wrong=st.sets(st.integers(0, 7), max_size=3),
)
def test_the_planted_seed_is_found_under_its_alignment(
    skip: int, before: int, window: int, wrong: set[int]
) -> None:
    draws = planted([skip] * 20, before)
    for index in wrong:
        draws[before + index] = (draws[before + index] + 1) % 1000
    half = ceil(window / 2)
    in_forward = sum(index < half for index in wrong)
    in_reverse = sum(half <= index < window for index in wrong)
    document = job(draws=draws, offset=before, window_size=window, min_match_threshold=0.25)
    families = run(document)
    for name, total, missing in (
        ("xorshift32", half, in_forward),
        ("xorshift32_reverse", window - half, in_reverse),
    ):
        family = families[name]
        passes = (total - missing) / total >= 0.25
        found = [row for row in family["survivors"] if (row["seed"], row["skip"]) == (SEED, skip)]
        assert len(found) == passes, name
        for row in found:
            assert (row["matches"], row["total"]) == (total - missing, total)
            assert row["match_rate"] == row["matches"] / total
            assert (row["best_skip"], row["offset"], row["window_size"]) == (skip, before, window)
            assert row["alignment"] == {"offset": 0, "skip_min": skip, "skip_max": skip}
            assert (row["family"], row["prng_type"]) == (name, "xorshift32")
        assert family["observed_pairs"] == len(family["survivors"])
        assert family["seeds_tested"] == family["seeds_requested"] == 400


def test_a_hybrid_family_finds_a_path_of_changing_skips_and_a_plain_one_does_not() -> None:
    draws = planted([0, 3, 1, 4, 2, 0, 4, 4, 1, 0, 2, 3])
    families = run(job(draws=draws, prng_families=[*PLAIN, *HYBRID]))
    for name in PLAIN:
        assert families[name]["survivors"] == []
    for name in HYBRID:
        (row,) = families[name]["survivors"]
        assert (row["seed"], row["matches"], row["total"]) == (SEED, 6, 6)
        assert row["alignment"] == {"offset": 0, "skip_min": 0, "skip_max": 4}
        assert row["skip"] is None
        assert not families[name]["expected_is_upper_bound"]
    forward, reverse = (families[name]["survivors"][0] for name in HYBRID)
    assert forward["skips"] == [0, 3, 1, 4, 2, 0]
    assert forward["best_skip"] == 0
    # How the stream came to the first draw of the reverse part cannot be known.
    assert reverse["skips"][1:] == [4, 1, 0, 2, 3]


def test_chance_is_printed_beside_what_is_observed() -> None:
    seeds = {"seed_start": 1, "seed_end": 20_001}
    rng = np.random.default_rng(3)
    document = job(draws=rng.integers(10, size=8).tolist(), modulus=10, **seeds)
    families = run(document | {"min_match_threshold": 0.75, "skip_range": [0, 3]})
    family = families["xorshift32"]
    chance = 4 * 0.1**3 * 0.9 + 0.1**4
    assert family["matches_needed"] == 3
    assert family["expected_pairs"] == pytest.approx(20_000 * 4 * chance)
    assert family["expected_seeds"] == pytest.approx(20_000 * (1 - (1 - chance) ** 4))
    assert family["observed_pairs"] == pytest.approx(family["expected_pairs"], abs=90)
    assert family["observed_seeds"] == len({row["seed"] for row in family["survivors"]})


def test_a_variable_skip_is_expected_by_its_paths() -> None:
    draws = planted([1] * 5)
    families = run(job(draws=draws, prng_families=[*HYBRID], skip_range=[0, 2]))
    bounds = [families[name]["expected_pairs_at_most"] for name in HYBRID]
    # The reverse part begins behind 3 draws: its first place is one of 4 * 2 + 1.
    assert bounds == pytest.approx([400 * 3**3 * 1e-9, 400 * 9 * 3 * 1e-6])
    for name, bound in zip(HYBRID, bounds, strict=True):
        assert 0.8 * bound < families[name]["expected_pairs"] <= bound


def test_skips_along_a_path_are_told_with_misses_too() -> None:
    draws = planted([2, 2, 1, 2, 0, 2, 4, 2, 3, 2, 1, 2])
    draws[2] = (draws[2] + 1) % 1000
    draws[8] = (draws[8] + 1) % 1000
    families = run(job(draws=draws, prng_families=[*HYBRID], min_match_threshold=0.8))
    for name, made in zip(HYBRID, ([2, 2, 1, 2, 0, 2], [4, 2, 3, 2, 1, 2]), strict=True):
        (row,) = (row for row in families[name]["survivors"] if row["seed"] == SEED)
        assert row["matches"] == 5
        # Of the missed draw it is only known that it stands between its neighbours.
        assert row["skips"][4:] == made[4:]
        assert sum(row["skips"][1:]) == sum(made[1:])


def test_a_job_of_the_fleet_takes_one_core_and_others_take_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    taken: list[int | None] = []

    def backend(workers: int | None) -> CpuBackend:
        taken.append(workers)
        return CpuBackend(workers)

    monkeypatch.setattr(legacy_sieve, "local_backend", backend)
    path = tmp_path / "job.json"
    path.write_text(json.dumps(job()))
    monkeypatch.delenv("SEEDFLEET_JOB_ID", raising=False)
    worker(monkeypatch, capsys, "--job-file", str(path))
    monkeypatch.setenv("SEEDFLEET_JOB_ID", "j")
    worker(monkeypatch, capsys, "--job-file", str(path))
    assert taken == [None, 1]


def test_each_direction_may_have_a_threshold_of_its_own() -> None:
    own = {"forward_threshold": 0.5, "reverse_threshold": 0.9, "min_match_threshold": None}
    families = run(job(**own, prng_families=["xorshift32", {"type": "xorshift32_reverse"}]))
    assert [families[name]["matches_needed"] for name in PLAIN] == [3, 6]
    assert [families[name]["threshold"] for name in PLAIN] == [0.5, 0.9]


def test_sessions_choose_draws_before_the_offset_counts(tmp_path: Path) -> None:
    made = planted([1] * 10)
    evening = [{"date": f"2024-01-{i + 1:02}", "session": "evening", "draw": 0} for i in range(12)]
    rows = [{"draw": 9, "session": "midday", "date": "2023-12-31"}]
    for index, draw in enumerate(made):
        day = f"2024-01-{index + 1:02}"
        rows += [{"draw": draw, "session": "midday", "date": day}, evening[index]]
    path = tmp_path / "draws.json"
    path.write_text(json.dumps(rows))
    document = job(draws=None, dataset=str(path), sessions=["midday"], offset=1, bonus=3)
    understood = LegacyJob.of_document(document)
    assert understood.families[0].question.draws.tolist() == made
    assert "the key 'bonus' is not known to this worker" in understood.notes
    (row,) = run(document)["xorshift32"]["survivors"]
    assert (row["seed"], row["skip"], row["sessions"]) == (SEED, 1, ["midday"])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"search_type": "entropy"}, "$.search_type"),
        ({"seed_start": 9, "seed_end": 3}, "$.seed_end: 3 is less than seed_start 9"),
        ({"seed_end": 2**64 + 1}, "$.seed_end: 18446744073709551617 is beyond"),
        ({"skip_range": None}, "$: skip_range is missing"),
        ({"prng_families": None}, "$: prng_families is missing"),
        ({"prng_families": ["xorshift33"]}, "$.prng_families[0]: .*did you mean xorshift32"),
        ({"prng_families": [{"x": 1}]}, "$.prng_families[0]: names no family"),
        ({"prng_families": ["minstd", "minstd"]}, "$.prng_families[1]: minstd is named twice"),
        (
            {"min_match_threshold": None, "reverse_threshold": 1},
            "$: xorshift32 needs min_match_threshold or forward_threshold",
        ),
        ({"reverse_threshold": 1.5}, "$.reverse_threshold: 1.5 is no number in 0..1"),
        ({"offset": 12}, "$.offset: 12 is beyond the 12 draws"),
        ({"window_size": 13}, "$: window size: 13 is not within 1..12"),
        ({"draws": None}, "$: the draws stand under one of .*; here is none of them"),
        ({"dataset": "x.json"}, "here is dataset and draws"),
        ({"draws": [1, 1000]}, "$.draws: not all draws are in 0..999"),
        ({"draws": [1, "2"]}, "$.draws: draws are a list of integers"),
        ({"draws": None, "dataset_path": "nowhere.json"}, "nowhere.json: cannot be read"),
        ({"sessions": ["midday"]}, "$.sessions: the draws under draws name no sessions"),
        ({"mod": 1000}, "$: modulus and mod are two names"),
        ({"modulus": 1}, "$.modulus: 1 is no integer in 2..2147483648"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(changes: dict[str, Any], told: str) -> None:
    pattern = told.replace("$", r"\$").replace("[0]", r"\[0\]").replace("[1]", r"\[1\]")
    with pytest.raises(JobError, match=pattern) as caught:
        LegacyJob.of_document(job(**changes))
    assert len(caught.value.problems) == 1
    assert caught.value.job_id == "j"


def test_a_list_without_a_modulus_is_of_draws_below_a_thousand() -> None:
    assert LegacyJob.of_document(job(modulus=None, draws=[5, 3, 1])).modulus == 1000
    advice = r"not all draws are in 0..999; modulus is 1000 unless the job says another"
    with pytest.raises(JobError, match=advice):
        LegacyJob.of_document(job(modulus=None, draws=[5, 1000]))
    assert LegacyJob.of_document(job(modulus=1001, draws=[5, 1000])).modulus == 1001


def test_all_problems_are_told_at_once() -> None:
    bad = {"skip_range": [5, 1], "prng_families": ["no"], "dataset": 3, "draws": None, "mod": 0}
    with pytest.raises(JobError) as caught:
        LegacyJob.of_document(job(**bad, offset=-1))
    assert len(caught.value.problems) == 6


def worker(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[object, dict[str, Any], str]:
    """Run the worker; return its exit code, its result and what it says beside that."""
    monkeypatch.setattr(sys, "argv", ["sieve_filter.py", *words])
    code: object = 0
    try:
        legacy_sieve.main()
    except SystemExit as end:
        code = end.code
    out, err = capsys.readouterr()
    return code, json.loads(out), err


def test_the_worker_prints_one_object_and_tells_all_else_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "job.json"
    path.write_text(json.dumps(job()))
    code, result, err = worker(monkeypatch, capsys, "--job-file", str(path), "--gpu-id", "2")
    assert (code, result["success"], result["job_id"]) == (0, True, "j")
    assert "--gpu-id 2 is not used" in err
    collected = results_document([result])["jobs"]["j"]
    assert collected["outcome"] == "succeeded"
    assert collected["run_s"] == result["execution_time"]
    path.write_text(json.dumps([job(prng_families=["nobody"], offset=-1)]))
    code, result, err = worker(monkeypatch, capsys, "--job-file", str(path))
    assert (code, result["success"], len(result["problems"])) == (2, False, 2)
    assert all(problem in result["error"] and problem in err for problem in result["problems"])
    assert results_document([result])["jobs"]["j"]["outcome"] == "failed"
    assert worker(monkeypatch, capsys, "--job-file", str(tmp_path / "no"))[0] == 2


def test_too_many_survivors_are_a_failure_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(legacy_sieve, "_ROOM", 100)
    path = tmp_path / "job.json"
    path.write_text(json.dumps(job(min_match_threshold=0)))
    code, result, _ = worker(monkeypatch, capsys, "--job-file", str(path))
    assert (code, result["job_id"]) == (1, "j")
    assert result["error"] == "more than 100 survivors: raise the threshold"


@pytest.mark.parametrize("missing", ["numpy", "numba", "seedfleet"])
def test_a_worker_without_its_packages_says_so_in_its_one_object(
    missing: str, tmp_path: Path
) -> None:
    stub = tmp_path / missing
    stub.mkdir()
    (stub / "__init__.py").write_text(f"raise ModuleNotFoundError(name={missing!r})")
    result = subprocess.run(
        [sys.executable, WORKER, "--job-file", "no.json"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    document = json.loads(result.stdout)
    assert document["success"] is False
    assert f"{missing} is not installed" in document["error"]
    assert "Traceback" not in result.stderr
