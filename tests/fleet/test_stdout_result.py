"""Results of sieve jobs: taken from the log of stdout, after the end, and from nowhere stale."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seedfleet.fleet.node.layout import AttemptFolder
from seedfleet.fleet.node.outputs import UnsuccessfulError
from seedfleet.fleet.node.stdout_result import StdoutResult

DOCUMENT = {"search_type": "residue_sieve", "job_id": "s1", "seed_start": 0, "seed_end": 9}


class Attempt:
    """A sieve attempt around which a test writes the files that its worker would write."""

    def __init__(self, top: Path, *, preserve: bool = False, **changes: Any) -> None:
        self.folder = AttemptFolder(top / "attempt")
        self.root = top / "root"
        self.left = self.root / "result_s1.json"
        self.place = self.left if preserve else self.folder.outputs / "0"
        self.folder.outputs.mkdir(parents=True)
        self.root.mkdir()
        self.order = {
            "job_id": "s1",
            "root": str(self.root),
            "folder": str(self.folder.path),
            "job_document": DOCUMENT,
            "outputs": [{"declared": "result_s1.json", "path": str(self.place)}],
            **changes,
        }
        self.result = StdoutResult(self.order, self.folder)

    def print(self, stdout: bytes) -> None:
        self.result.prepare()
        self.folder.stdout.write_bytes(stdout)

    def taken(self) -> Any:
        self.result.take()
        return json.loads(self.place.read_bytes())

    def refused(self) -> UnsuccessfulError:
        with pytest.raises(UnsuccessfulError) as caught:
            self.result.take()
        return caught.value


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    return Attempt(tmp_path)


def test_the_worker_gets_its_job_in_a_file(attempt: Attempt) -> None:
    attempt.result.prepare()
    path = StdoutResult.tokens(attempt.order)["job_file"]
    assert json.loads(Path(path).read_bytes()) == DOCUMENT


@pytest.mark.parametrize(
    "stdout",
    [
        b'{"survivors": [7]}',
        b'\n{\n "survivors": [\n  7\n ]\n}\n',
        b'starting\n{"survivors": [1]}\n{"survivors": [7]}\ndone\n',
        b'10%\r50%\r{"survivors": [7]}\r\n',
        b'\xff\xfe noise\n{"survivors": [7]}\n[1, 2]\n"text"\n5\n{"half": \n',
        b'{"survivors": [1]}\n  {"survivors": [7]}  ',
        b"{" * 100_000 + b'\n{"survivors": [7]}\n' + b'{"a":' * 100_000,
    ],
)
def test_the_whole_of_stdout_or_its_last_object_is_the_result(
    attempt: Attempt, stdout: bytes
) -> None:
    attempt.print(stdout)
    assert attempt.taken() == {"survivors": [7]}


def test_stdout_is_believed_before_a_file(attempt: Attempt) -> None:
    attempt.print(b'{"from": "stdout"}')
    attempt.left.write_text('{"from": "file"}')
    assert attempt.taken() == {"from": "stdout"}


@pytest.mark.parametrize("preserve", [False, True])
def test_a_file_of_this_worker_is_taken_when_nothing_is_printed(
    tmp_path: Path, preserve: bool
) -> None:
    attempt = Attempt(tmp_path, preserve=preserve)
    attempt.print(b"done, see the file\n")
    attempt.left.write_text('{"from": "file"}')
    assert attempt.taken() == {"from": "file"}
    assert attempt.left.exists() == preserve


def test_a_file_of_an_earlier_worker_never_counts(attempt: Attempt) -> None:
    attempt.left.write_text('{"from": "yesterday"}')
    attempt.print(b"crashed without a word\n")
    assert attempt.refused().kind == "output_missing"
    assert attempt.left.exists()
    attempt.left.write_text('{"from": "today, longer"}')
    assert attempt.taken() == {"from": "today, longer"}


@pytest.mark.parametrize("stdout", [b"", b"[1]\n", b"null", b'{"half": ', b'"{}"'])
def test_without_an_object_the_output_is_missing(attempt: Attempt, stdout: bytes) -> None:
    attempt.print(stdout)
    problem = attempt.refused()
    assert (problem.kind, problem.paths) == ("output_missing", ["result_s1.json"])
    assert not attempt.place.exists()


def test_a_link_in_the_working_directory_is_no_result(attempt: Attempt) -> None:
    attempt.print(b"")
    (attempt.root / "secret.json").write_text("{}")
    attempt.left.symlink_to(attempt.root / "secret.json")
    assert attempt.refused().kind == "output_missing"


def test_a_result_that_says_it_failed_is_a_failure(attempt: Attempt) -> None:
    attempt.print(b'{"success": false, "error": "no GPU"}\n')
    problem = attempt.refused()
    assert problem.kind == "failed"
    assert "no GPU" in str(problem)
    attempt.folder.stdout.write_bytes(b"")
    attempt.left.write_text('{"success": false}')
    assert attempt.refused().kind == "failed"


@pytest.mark.parametrize("success", ["true", "null", "0", '"false"'])
def test_only_false_is_false(attempt: Attempt, success: str) -> None:
    attempt.print(b'{"success": ' + success.encode() + b"}")
    assert "success" in attempt.taken()


def test_other_jobs_are_left_alone(tmp_path: Path) -> None:
    attempt = Attempt(tmp_path, job_document=None)
    attempt.print(b'{"success": false}')
    attempt.result.take()
    assert not attempt.place.exists()
    assert not attempt.folder.job_document.exists()
    assert StdoutResult.tokens(attempt.order) == {}
    del attempt.order["job_document"]
    StdoutResult(attempt.order, attempt.folder).take()
    assert not attempt.place.exists()
