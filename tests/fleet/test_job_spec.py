"""Job files: the published schemas, the parser and its messages say the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from seedfleet.fleet import BadInputError, Job, run_sync
from seedfleet.fleet._keys import KEYS_V11, job_schema, sieve_schema
from seedfleet.fleet.dialects import COORDINATOR_JOB
from seedfleet.fleet.spec import parse_jobs, read_jobs

if TYPE_CHECKING:
    from fleet_house import House

DOCS = Path(__file__).parents[2] / "docs"
PLAIN = {"job_id": "a", "script": "s.py", "args": ["-o", "x"], "expected_output": "x"}


def problems(*entries: object) -> list[str]:
    return list(parse_jobs(list(entries)).problems)


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_the_published_schema_is_the_one_in_use(version: str) -> None:
    published = json.loads((DOCS / "schemas" / f"script-job-v{version}.schema.json").read_text())
    assert published == job_schema(version)
    jsonschema.Draft202012Validator.check_schema(published)


def test_the_published_schema_of_sieve_jobs_is_the_one_in_use() -> None:
    published = json.loads((DOCS / "schemas" / "sieve-job.schema.json").read_text())
    assert published == sieve_schema()
    jsonschema.Draft202012Validator.check_schema(published)


def test_a_plain_job_has_the_defaults() -> None:
    ((where, job),) = parse_jobs([PLAIN]).jobs
    assert where == "$[0]"
    assert (job.timeout_s, job.ok_exit_codes, job.rerun, job.retries) == (7200.0, (0,), True, None)
    assert job.args == ("-o", "x")


def test_old_keys_are_accepted_and_ignored() -> None:
    parsed = parse_jobs([PLAIN | {"chunk_file": {"any": 1}, "seed_count": "many"}])
    assert not parsed.problems
    assert parsed.jobs == parse_jobs([PLAIN]).jobs


# Without whole numbers written as 2.0: JSON Schema counts them as integers, a job file may not.
VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(None, True, False, 0, 1, -1, 2.5, 256, "", "a", "a.", "x\n", ".a", "a b", "json", "cuda"),
        *("a" * 128, "a" * 129, [], ["a"], ["a", 1], [0], [256], [-1], {}, {"A": "b"}, {"A": 1}),
        *({"": "b"}, {"A=B": "c"}, "nul\0", ["nul\0"], "7200", [[]], {"nul\0": "x"}, 7.25),
    ]
)
KEYS = st.sampled_from([*job_schema("1.1")["items"]["properties"], "unknown", "Job_id"])


@pytest.mark.slow
@settings(max_examples=600)
@given(st.dictionaries(KEYS, VALUES, max_size=3), st.sets(st.sampled_from(list(PLAIN)), max_size=1))
def test_the_parser_accepts_exactly_what_the_schema_accepts(
    changes: dict[str, Any], without: set[str]
) -> None:
    entry = {key: value for key, value in (PLAIN | changes).items() if key not in without}
    assume(COORDINATOR_JOB not in parse_jobs([entry]).dialects)
    by_schema = jsonschema.Draft202012Validator(job_schema("1.1")).is_valid([entry])
    assert (not problems(entry)) == by_schema


@given(st.dictionaries(st.sampled_from([*PLAIN, *KEYS_V11, "timeout"]), VALUES))
def test_a_job_written_out_reads_the_same(changes: dict[str, Any]) -> None:
    parsed = parse_jobs([PLAIN | changes])
    for _, job in parsed.jobs:
        again = parse_jobs(json.loads(json.dumps([job.to_document()])))
        assert again.jobs[0][1] == job


def test_every_problem_is_listed_with_its_place() -> None:
    found = problems(
        {"job_id": "bad id", "script": "", "args": "-o x", "timeout": 0, "tiemout": 5},
        17,
        PLAIN | {"args": ["ok", 3, None], "env": {"A": 1}},
        PLAIN | {"job_id": "A", "gpus": True, "timeout": float("nan")},
        {"search_type": "residue_sieve"},
    )
    assert [text.split(":")[0] for text in found] == [
        *("$[0]", "$[0].job_id", "$[0].script", "$[0].args", "$[0].timeout", "$[0]"),
        "$[1]",
        *("$[2].args[1]", "$[2].args[2]", "$[2].env.A"),
        *("$[3].gpus", "$[3].timeout"),
        *("$[4]", "$[4]"),
        "$[3].job_id",
    ]
    text = "\n".join(found)
    assert "expected_output is missing" in text
    assert "unknown key 'tiemout'; valid are job_id, script" in text
    assert "is also $[2] (case does not count)" in text


def test_good_jobs_beside_bad_ones_are_still_given() -> None:
    parsed = parse_jobs([PLAIN, 5])
    assert [where for where, _ in parsed.jobs] == ["$[0]"]
    assert len(parsed.problems) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not JSON"),
        (b"[{]", "not JSON"),
        (b"{}", "this is an object"),
        (b"[]", "there are no jobs"),
        (b"null", "this is null"),
        (b'[{"job_id": "a", "job_id": "b"}]', "key twice: 'job_id'"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'[{"job_id": "\\ud800"}]', "surrogate"),
    ],
)
def test_files_that_are_no_job_files(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "jobs.json"
    path.write_bytes(content)
    parsed = read_jobs(path)
    assert words in "\n".join(parsed.problems)


def test_a_byte_order_mark_is_no_problem(tmp_path: Path) -> None:
    path = tmp_path / "jobs.json"
    path.write_text(json.dumps([PLAIN]), "utf-8-sig")
    assert len(read_jobs(path).jobs) == 1


def test_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    assert "No such file" in read_jobs(tmp_path / "none.json").problems[0]


def test_all_outputs_start_with_the_expected_one() -> None:
    job = Job(job_id="a", script="s", args=(), expected_output="x", outputs=("y",))
    assert job.all_outputs == ("x", "y")


def test_what_is_wrong_in_one_key_hides_nothing_wrong_elsewhere(house: House) -> None:
    entry = {
        "job_id": "a",
        "script": "missing.py",
        "args": ["no output named"],
        "expected_output": "/elsewhere/a.json",
        "timeout": -1,
        "surprise": 1,
    }
    with pytest.raises(BadInputError) as caught:
        run_sync([entry], house.options(), engine=house.engine())
    told = "\n".join(caught.value.problems)
    for part in ("timeout", "surprise", "missing.py", "/elsewhere/a.json", "no argument names"):
        assert part in told, part
    assert not (house.root / "out").exists()
