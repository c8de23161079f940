"""`seedfleet run` as a user meets it: exit codes, output forms, the plan, refusals."""

from __future__ import annotations

import ast
import json
import os
import pty
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result
from fleet_house import GOOD, House

import seedfleet
from seedfleet.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def command(house: House) -> Callable[..., Result]:
    assert Path.cwd() == house.root

    def invoke(*words: str) -> Result:
        slots = ("--engine-option", "slots=2")
        return CliRunner().invoke(main, ["run", *words, *slots], catch_exceptions=False)

    return invoke


def write(house: House, *entries: Any) -> str:
    (house.root / "jobs.json").write_text(json.dumps(entries))
    return "jobs.json"


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.slow
def test_all_succeeded_is_exit_code_0_with_one_json_value(
    house: House, command: Callable[..., Result]
) -> None:
    jobs = write(house, house.job(GOOD).to_document())
    done = command(jobs, "--output-dir", "out", "--output", "json")
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    assert document["counts"] == {"succeeded": 1}
    manifest = json.loads(Path(document["folder"], "manifest.json").read_text())
    assert manifest == document
    assert document["run_id"].startswith("jobs_")


@pytest.mark.slow
def test_some_failed_is_exit_code_1_and_says_why(
    house: House, command: Callable[..., Result]
) -> None:
    bad = house.job("sys.exit('the disk is on fire')", "bad")
    jobs = write(house, bad.to_document(), house.job(GOOD, "good").to_document())
    done = command(jobs, "--output-dir", "out", "--retries", "0")
    assert done.exit_code == 1
    assert (
        "  bad: failed on localhost slot 0, ended with exit code 1\n      the disk" in done.stdout
    )
    assert f"logs: {next((house.root / 'out').iterdir())}/attempts/bad/1\n" in done.stdout
    assert "🔀 PARALLEL: localhost | 2 CPU workers | 2 jobs | distribution: {" in done.stdout
    assert "[2/2]" in done.stderr


def test_bad_jobs_are_exit_code_2_with_every_problem_and_nothing_written(
    house: House, command: Callable[..., Result]
) -> None:
    jobs = write(
        house,
        {"job_id": "a b", "script": "s.py"},
        house.job(GOOD, "ok", args=()).to_document(),
        {"job_id": "c", "script": "none.py", "args": ["{output}"], "expected_output": "../c"},
    )
    before = files_below(house.root)
    refused = command(jobs, "--output-dir", "out", "--output", "json")
    assert refused.exit_code == 2
    problems = json.loads(refused.stdout)["problems"]
    assert [text.split(":")[0] for text in problems] == [
        *("$[0]", "$[0]", "$[0].job_id"),
        "$[1]",
        *("$[2].script", "$[2].expected_output"),
    ]
    text = command(jobs, "--output-dir", "out")
    assert text.exit_code == 2
    assert all(problem in text.stderr for problem in problems)
    assert text.stdout == ""
    assert files_below(house.root) == before


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ((), "name a job file"),
        (("jobs.json", "--engine", "pbs"), "known are local, ssh"),
        (("jobs.json", "--engine-option", "slots=0"), "slots is given twice"),
        (("jobs.json", "--engine-option", "python="), "python=: it takes PATH, the"),
        (("jobs.json", "--engine-option", "speed=high"), "speed=high: local knows slots, python"),
        (
            ("jobs.json", "--engine", "slurm", "--engine-option", "poll_s=abc"),
            "poll_s=abc: it takes SECONDS, between two questions to the scheduler (a number > 0)\n",
        ),
        (("jobs.json", "--engine-option", "slot=1"), "slot=1: did you mean slots? local knows"),
        (("jobs.json", "--accept-changes"), "goes with --resume"),
        (("jobs.json", "--no-retry-failed"), "goes with --resume"),
        (("--resume", "x", "--dry-run"), "does not go with --resume"),
        (("--resume", "../x"), "there is no run"),
        (("none.json",), "No such file"),
    ],
)
def test_flags_that_cannot_be_honoured_are_refused(
    house: House, command: Callable[..., Result], words: tuple[str, ...], problem: str
) -> None:
    write(house, house.job(GOOD).to_document())
    before = files_below(house.root)
    refused = command(*words)
    assert refused.exit_code == 2
    assert problem in refused.stderr
    assert files_below(house.root) == before


def test_every_bad_option_is_told_at_once(house: House, command: Callable[..., Result]) -> None:
    jobs = write(house, house.job(GOOD).to_document())
    words = ("--retries", "x", "--max-fails", "0", "--kill-grace", "-1", "--accept-exit", "no")
    refused = command(jobs, *words, "--engine-option", "nonsense", "--no-retry-failed")
    assert refused.exit_code == 2
    for option in ("--retries", "--max-fails", "--kill-grace", "--accept-exit"):
        assert f"'{option}'" in refused.stderr
    assert "nonsense: is not K=V" in refused.stderr
    assert "--no-retry-failed goes with --resume" in refused.stderr


def test_every_problem_of_a_job_with_a_bad_id_and_a_bad_variable_is_told_at_once(
    house: House, command: Callable[..., Result]
) -> None:
    good = house.job(GOOD).to_document()
    jobs = write(
        house,
        good | {"job_id": "bad id", "script": "none.py"},
        {key: value for key, value in good.items() if key != "job_id"} | {"inputs": ["none.csv"]},
        good | {"env": {"A=B": "c", "CUDA_VISIBLE_DEVICES": 0, "SEEDFLEET_X": "1", "OK": "1"}},
        {"search_type": "residue_sieve", "job_id": "-", "seed_start": 0, "seed_end": 9},
    )
    refused = command(jobs)
    assert refused.exit_code == 2
    places = [line.strip(" -").split(":")[0] for line in refused.stderr.splitlines()]
    for place in ("$[0].job_id", "$[0].script", "$[1].inputs[0]", "$[3].job_id", "$[3].script"):
        assert place in places, (place, refused.stderr)
    assert "$[1]: job_id is missing" in refused.stderr
    assert "$[2].env (a name): 'A=B'" in refused.stderr
    assert "$[2].env: CUDA_VISIBLE_DEVICES is set by the fleet itself" in refused.stderr
    assert "$[2].env: SEEDFLEET_X is set by the fleet itself" in refused.stderr
    assert "job0" not in refused.stderr, "no id but those of the file"


def test_the_help_names_every_engine_option() -> None:
    for words in (("run",), ("nodes", "check"), ("nodes", "clean")):
        text = CliRunner().invoke(main, [*words, "--help"]).stdout
        for name in ("ssh=", "connect_s=", "shared_disks="):
            assert name in text, (words, name)


def test_ssh_needs_nodes_and_nodes_need_ssh(house: House, command: Callable[..., Result]) -> None:
    jobs = write(house, house.job(GOOD).to_document())
    assert "--cluster FILE" in command(jobs, "--engine", "ssh").stderr
    words = ("--cluster", "nodes.json", "--engine", "local")
    assert "--cluster means --engine ssh, not local" in command(jobs, *words).stderr


@pytest.mark.slow
def test_the_end_names_the_commands_that_run_just_the_failed_jobs_again(
    house: House, command: Callable[..., Result]
) -> None:
    body = f"if not os.path.exists('fixed'): sys.exit(1)\n{GOOD}"
    entries = [house.job(body, name).to_document() for name in ("a", "b")]
    entries.append(house.job(GOOD, "good").to_document())
    jobs = write(house, *entries)
    failed = command(jobs, "--output-dir", "my out", "--retries", "0")
    said = [line for line in failed.stdout.splitlines() if "seedfleet run" in line]
    resume, anew = (shlex.split(line.partition(": seedfleet run ")[2]) for line in said)
    (house.root / "fixed").touch()
    assert anew[-4:] == ["--only", "a", "--only", "b"]
    again = CliRunner().invoke(main, ["run", *anew, "--output", "json"])
    assert json.loads(again.stdout)["counts"] == {"succeeded": 2}
    resumed = CliRunner().invoke(main, ["run", *resume, "--output", "json"])
    assert json.loads(resumed.stdout)["counts"] == {"succeeded": 3}


@pytest.mark.slow
def test_a_job_that_was_retried_counts_once_where_it_ran_last(
    house: House, command: Callable[..., Result]
) -> None:
    body = f"if os.environ['SEEDFLEET_ATTEMPT'] == '1': sys.exit(1)\n{GOOD}"
    done = command(write(house, house.job(body).to_document()), "--retries", "1")
    line = next(line for line in done.stdout.splitlines() if "PARALLEL" in line)
    assert "| 1 jobs |" in line
    assert sum(ast.literal_eval(line.partition("distribution: ")[2]).values()) == 1


def test_a_dry_run_shows_the_plan_and_writes_nothing(
    house: House, command: Callable[..., Result]
) -> None:
    entries = [house.job(GOOD, name).to_document() for name in ("a", "b", "c")]
    jobs = write(house, *entries)
    before = files_below(house.root)
    shown = command(jobs, "--output-dir", "out", "--dry-run", "--output", "json")
    assert shown.exit_code == 0
    document = json.loads(shown.stdout)
    assert document["order"] == ["a", "b", "c"]
    assert document["distribution"] == {"localhost": {"0": 2, "1": 1}}
    text = command(jobs, "--output-dir", "out", "--dry-run")
    assert (
        "🔀 PARALLEL: localhost | 2 CPU workers | 3 jobs | distribution: {0: 2, 1: 1}"
        in text.stdout
    )
    assert files_below(house.root) == before
    assert not house.home.exists()


@pytest.mark.slow
def test_a_failed_run_is_resumed_by_its_id(house: House, command: Callable[..., Result]) -> None:
    body = f"if not os.path.exists('fixed'): sys.exit(1)\n{GOOD}"
    jobs = write(house, house.job(body).to_document())
    failed = command(jobs, "--output-dir", "out", "--retries", "0", "--output", "json")
    run_id = json.loads(failed.stdout)["run_id"]
    (house.root / "fixed").touch()
    contradiction = command("--resume", run_id, "--output-dir", "out", "--retries", "2")
    assert contradiction.exit_code == 2
    assert "retries is 2, the run was started with 0" in contradiction.stderr
    done = command("--resume", run_id, "--output-dir", "out")
    assert done.exit_code == 0
    again = command(jobs, "--resume", run_id, "--output-dir", "out")
    assert again.exit_code == 0


@pytest.mark.slow
def test_a_damaged_journal_is_refused_with_its_place(
    house: House, command: Callable[..., Result]
) -> None:
    report = house.run(house.job(GOOD))
    journal = report.folder / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"ended"', b'"Ended"', 1))
    refused = command("--resume", report.run_id, "--output-dir", "out")
    assert refused.exit_code == 2
    assert "journal.jsonl is damaged at line 2" in refused.stderr


@pytest.mark.slow
def test_a_terminal_gets_a_live_view(house: House) -> None:
    jobs = write(house, house.job("time.sleep(0.5); " + GOOD, "the-job").to_document())
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", "from seedfleet.cli import main; main()", "run", jobs],
        env=os.environ | {"PYTHONPATH": str(Path(seedfleet.__file__).parents[1]), "TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        seen = b""
        while True:
            try:
                block = os.read(ours, 4096)
            except OSError:  # the other side is closed
                break
            if not block:
                break
            seen += block
    os.close(ours)
    assert process.returncode == 0
    assert b"the-job" in seen
    assert b"0 of 1 jobs done" in seen
    assert b"\x1b[" in seen, "drawn over, not scrolled"


@pytest.mark.slow
def test_the_shipped_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEDFLEET_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(REPOSITORY)
    words = ["run", "examples/fleet_jobs.json", "--output-dir", str(tmp_path), "--output", "json"]
    done = CliRunner().invoke(main, words, catch_exceptions=False)
    assert done.exit_code == 0
    results = Path(json.loads(done.stdout)["folder"], "results")
    assert json.loads((results / "primes-small.json").read_text()) == {
        "below": 100_000,
        "primes": 9592,
    }
    assert "$(nothing run)" in (results / "greeting.txt").read_text()


def test_help_names_the_exit_codes() -> None:
    shown = CliRunner().invoke(main, ["run", "--help"])
    assert "3 interrupted" in shown.stdout
    assert "--preserve-paths" in shown.stdout
