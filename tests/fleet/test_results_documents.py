"""Result files of older coordinators: every shape says the same, and nothing is made up."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fleet_house import GOOD, House

from seedfleet.fleet import BadInputError
from seedfleet.fleet.results_documents import is_results, results_document

A = {"job_id": "a", "node": "rig", "gpu_id": 3, "success": True, "runtime": 2.5, "output": "a.json"}
B = {"job_id": "b", "hostname": "rig", "status": "FAILED", "duration": 1, "error": "out of memory"}


def without_id(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "job_id"}


@pytest.mark.parametrize(
    "document",
    [
        [A, B],
        {"results": [A, B], "total_runtime": 3.5},
        {"jobs": {"a": without_id(A), "b": without_id(B)}, "run_id": "r"},
        {"a": without_id(A), "b": without_id(B)},
        {"completed": [A], "failed": [B]},
        {"successful": [without_id(A) | {"job_id": "a"}], "errors": {"b": without_id(B)}},
    ],
)
def test_every_shape_becomes_the_same_document(document: object) -> None:
    assert is_results(document)
    made = results_document(document)
    assert made["counts"] == {"succeeded": 1, "failed": 1}
    assert made["jobs"]["a"] == {
        **dict.fromkeys(("attempts", "exit_code", "started_utc", "ended_utc", "error", "results")),
        "outcome": "succeeded",
        "node": "rig",
        "gpu_ids": [3],
        "run_s": 2.5,
        "outputs": ["a.json"],
        "more": {},
    }
    b = made["jobs"]["b"]
    assert (b["outcome"], b["node"], b["run_s"], b["error"]) == (
        *("failed", "rig", 1, "out of memory"),
    )


def test_what_is_nested_and_what_is_unknown_is_kept() -> None:
    entry = A | {"results": {"survivors": [1, 2]}, "vram": 7, "exit_code": 0, "gpu_ids": [0, 1]}
    job = results_document([entry])["jobs"]["a"]
    assert job["results"] == {"survivors": [1, 2]}
    assert (job["exit_code"], job["gpu_ids"], job["more"]) == (0, [0, 1], {"vram": 7, "gpu_id": 3})


def test_a_list_of_names_under_how_they_ended_is_enough() -> None:
    made = results_document({"completed": ["a", "b"], "timeout": ["c"]})
    assert {name: job["outcome"] for name, job in made["jobs"].items()} == {
        "a": "succeeded",
        "b": "succeeded",
        "c": "timed_out",
    }


@pytest.mark.parametrize("order", [1, -1])
def test_a_success_counts_among_several_tries(order: int) -> None:
    tries = [B | {"job_id": "a"}, A][::order]
    assert results_document(tries)["counts"] == {"succeeded": 1}


def test_of_several_successes_the_last_counts() -> None:
    assert results_document([A, A | {"runtime": 9}])["jobs"]["a"]["run_s"] == 9


def test_an_outcome_beside_success_false_is_kept() -> None:
    made = results_document([{"job_id": "a", "success": False, "status": "timeout"}])
    assert made["counts"] == {"timed_out": 1}


def test_what_contradicts_itself_or_says_nothing_is_listed_with_its_place() -> None:
    with pytest.raises(BadInputError) as caught:
        results_document(
            {
                "results": [
                    A | {"status": "failed"},
                    {"success": True},
                    B | {"status": "purple"},
                    {"job_id": "d", "error": ""},
                    A | {"runtime": -1, "node": 4},
                    A | {"success": "yes"},
                ]
            }
        )
    assert [text.split(": ")[0] for text in caught.value.problems] == [
        *("$.results[0]", "$.results[1]", "$.results[2].status", "$.results[3]"),
        *("$.results[4].node", "$.results[4].runtime", "$.results[5].success"),
    ]


@pytest.mark.parametrize(
    "document",
    [
        *([], {}, None, 5, "a", ["a"], {"results": []}, [{"job_id": "a"}], {"nodes": [{}]}),
        [{"job_id": "a", "script": "s.py", "args": [], "expected_output": "a"}],
        [A, {"job_id": "s", "search_type": "residue_sieve", "error": None}],
    ],
)
def test_what_is_no_result_file(document: object) -> None:
    assert not is_results(document)
    with pytest.raises(BadInputError, match="no list of job results"):
        results_document(document)


@pytest.mark.slow
def test_our_own_manifest_is_one_too(house: House) -> None:
    report = house.run(house.job(GOOD), house.job("sys.exit(3)", "b"))
    manifest = json.loads((report.folder / "manifest.json").read_text())
    made = results_document(manifest)
    assert made["counts"] == manifest["counts"]
    assert made["jobs"]["a"]["outputs"] == list(manifest["jobs"]["a"]["outputs"])
    assert made["jobs"]["b"]["exit_code"] == 3
