"""The dialects of job files: what each entry becomes, and what is said against it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedfleet.fleet.dialects import COORDINATOR_JOB, SCRIPT_JOB_V10, SCRIPT_JOB_V11, SIEVE
from seedfleet.fleet.results_documents import results_document
from seedfleet.fleet.spec import Job, parse_jobs, read_jobs

PLAIN = {"job_id": "a", "script": "s.py", "args": ["-o", "x"], "expected_output": "x"}
SIEVE_JOB = {
    "search_type": "residue_sieve",
    "job_id": "sieve-1",
    "seed_start": 0,
    "seed_end": 4_294_967_296,
    "prng_families": ["java_lcg", {"type": "mt19937", "params": {}}],
    "skip_range": [0, 16],
    "offset": 0,
    "window_size": 30,
    "min_match_threshold": 0.25,
    "sessions": ["midday", "evening"],
    "dataset_path": "daily3.json",
    "hybrid": {"anything": [None, 1.5]},
}


def job_of(entry: dict[str, Any], **options: str) -> Job:
    parsed = parse_jobs([entry], **options)
    assert not parsed.problems
    return parsed.jobs[0][1]


def coordinator_job(*args: str, **changes: Any) -> dict[str, Any]:
    return {"job_id": "j", "script": "s.py", "args": list(args), "node": "rig", **changes}


@pytest.mark.parametrize(
    ("args", "output"),
    [
        (("--output-file", "a.json"), "a.json"),
        (("--output", "a.json", "--mod", "1000"), "a.json"),
        (("-o", "a.json"), "a.json"),
        (("--output-file=a.json",), "a.json"),
        (("--output=out/a=b.json",), "out/a=b.json"),
        (("-o", "c", "--output", "b", "--output-file", "a"), "a"),
        (("--output", "first", "--output", "last"), "last"),
        (("--output-dir", "models", "--fold", "3"), "models/j.json"),
        (("--output-dir=models",), "models/j.json"),
        (("--output-dir", "models", "-o", "a"), "a"),
        (("--fold", "3"), "runs/j.json"),
        (("--fold", "-o"), "runs/j.json"),
        (("--output-filex", "a", "--outputs=b"), "runs/j.json"),
        ((), "runs/j.json"),
    ],
)
def test_the_output_of_a_job_without_expected_output(args: tuple[str, ...], output: str) -> None:
    job = job_of(coordinator_job(*args), output_dir="runs")
    assert job.expected_output == output
    assert (job.args, job.node) == (args, "rig")


def test_a_gpu_alone_makes_a_coordinator_job_and_neither_makes_none() -> None:
    entry = coordinator_job("-o", "a")
    del entry["node"]
    assert job_of(entry | {"gpu_id": 2}).gpu_id == 2
    assert parse_jobs([entry]).problems == ("$[0]: expected_output is missing",)


def test_other_problems_of_a_coordinator_job_keep_their_places() -> None:
    found = parse_jobs([coordinator_job(1, 2, gpu_id=-1, job_id=7)]).problems  # type: ignore[arg-type]
    assert [text.split(":")[0] for text in found] == [
        *(f"$[0].{key}" for key in ("job_id", "args[0]", "args[1]", "gpu_id"))
    ]


def test_a_sieve_job_gets_its_worker_and_carries_all_of_itself() -> None:
    job = job_of(SIEVE_JOB | {"timeout": 60, "node": "rig", "gpu_id": 1})
    assert job == Job(
        job_id="sieve-1",
        script="sieve_filter.py",
        args=("--job-file", "{job_file}", "--gpu-id", "{device}"),
        expected_output="result_sieve-1.json",
        timeout_s=60.0,
        node="rig",
        gpu_id=1,
        job_document=SIEVE_JOB | {"timeout": 60, "node": "rig", "gpu_id": 1},
    )
    assert job.result_from_stdout
    assert not job_of(PLAIN).result_from_stdout


def test_sieve_jobs_without_an_id_are_named_by_their_place() -> None:
    nameless = {key: value for key, value in SIEVE_JOB.items() if key != "job_id"}
    parsed = parse_jobs([PLAIN, nameless, nameless])
    assert [job.job_id for _, job in parsed.jobs] == ["a", "sieve_00001", "sieve_00002"]
    document = parsed.jobs[2][1].job_document
    assert document is not None
    assert document["job_id"] == "sieve_00002"


BAD = [
    ("search_type", "entropy"),
    ("job_id", "a b"),
    ("seed_start", -1),
    ("seed_start", "0"),
    ("seed_end", 1.5),
    ("prng_families", []),
    ("prng_families", "java_lcg"),
    ("skip_range", [0]),
    ("skip_range", [0, 1, 2]),
    ("skip_range", [9, 3]),
    ("offset", True),
    ("window_size", 0),
    ("min_match_threshold", 1.5),
    ("sessions", "midday"),
    ("timeout", -5),
]


@pytest.mark.parametrize(("key", "value"), BAD)
def test_a_wrong_value_in_a_sieve_job_is_named(key: str, value: object) -> None:
    (text,) = parse_jobs([PLAIN, SIEVE_JOB | {key: value}]).problems
    assert text.startswith(f"$[1].{key}: ")


def test_more_in_a_sieve_job() -> None:
    for key in ("seed_start", "seed_end"):
        entry = {name: value for name, value in SIEVE_JOB.items() if name != key}
        assert parse_jobs([entry]).problems == (f"$[0]: {key} is missing",)
    (text,) = parse_jobs([SIEVE_JOB | {"seed_start": 5, "seed_end": 4}]).problems
    assert text == "$[0].seed_end: 4 is less than seed_start 5"
    found = parse_jobs([SIEVE_JOB | dict(BAD[2:])]).problems
    assert len(found) == len({key for key, _ in BAD[2:]}), "all at once"


def test_a_mixed_file_is_split_and_counted(tmp_path: Path) -> None:
    entries = [PLAIN, PLAIN | {"job_id": "b", "gpus": 0}, SIEVE_JOB, coordinator_job("-o", "y")]
    path = tmp_path / "jobs.json"
    path.write_text(json.dumps([*entries, PLAIN | {"job_id": "c"}]))
    parsed = read_jobs(path)
    assert not parsed.problems
    assert [job.job_id for _, job in parsed.jobs] == ["a", "b", "sieve-1", "j", "c"]
    assert parsed.dialects == {SCRIPT_JOB_V10: 2, SCRIPT_JOB_V11: 1, SIEVE: 1, COORDINATOR_JOB: 1}


def test_ids_repeat_across_dialects() -> None:
    parsed = parse_jobs([SIEVE_JOB, PLAIN | {"job_id": "SIEVE-1"}])
    assert parsed.problems == ("$[1].job_id: 'SIEVE-1' is also $[0] (case does not count)",)


@given(st.sampled_from(["--output", "-o", "--output-dir", "--fold"]), st.integers(0, 9))
def test_a_job_of_any_dialect_written_out_reads_the_same(option: str, number: int) -> None:
    entries = [coordinator_job(option, str(number)), SIEVE_JOB | {"offset": number}]
    first = parse_jobs(entries, output_dir="one")
    recorded = json.loads(json.dumps([job.to_document() for _, job in first.jobs]))
    assert parse_jobs(recorded, output_dir="another").jobs == first.jobs


def test_the_examples_of_the_manual_are_what_they_say() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "jobs.md").read_text()
    sieve, results = (json.loads(part.split("```")[0]) for part in manual.split("```json\n")[1:])
    parsed = parse_jobs(sieve)
    assert (parsed.problems, parsed.dialects) == ((), {SIEVE: 1})
    old = {"job_id": "a", "host": "rig", "gpu": 3, "success": True, "runtime": 2.5}
    assert results_document([old | {"returncode": 0, "output_file": "a.json"}]) == results
