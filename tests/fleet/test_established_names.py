"""The scripts with established names and flags, as the processes that people start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from fleet_house import GOOD, House

import seedfleet
from seedfleet.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

    Start = Callable[..., subprocess.CompletedProcess[str]]

COMPAT = Path(__file__).parents[2] / "compat"


@pytest.fixture
def start(house: House) -> Start:
    def run(script: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(COMPAT / script), *words],
            cwd=house.root,
            env=os.environ | {"PYTHONPATH": str(Path(seedfleet.__file__).parents[1])},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def write(house: House, *entries: Any, name: str = "scoring_jobs.json") -> str:
    (house.root / name).write_text(json.dumps(entries))
    return name


@pytest.mark.slow
@pytest.mark.parametrize("script", ["scripts_coordinator.py", "coordinator_adapter.py"])
def test_the_shortest_command_line_runs_the_jobs(house: House, start: Start, script: str) -> None:
    jobs = write(house, house.job(GOOD).to_document())
    done = start(script, "--jobs-file", jobs)
    assert done.returncode == 0, done.stderr
    assert "1 succeeded" in done.stdout
    assert "🔀 PARALLEL: localhost" in done.stdout
    output_dir = house.root / "full_scoring_results"
    (result,) = output_dir.glob("scoring_jobs_*/results/a.json")
    own = json.loads(result.with_name("a.json.done").read_text())
    established = json.loads((output_dir / "a.json.done").read_text())
    assert established == own
    assert own["job_id"] == "a"


@pytest.mark.slow
def test_paths_are_preserved_and_markers_stand_under_both_names(house: House, start: Start) -> None:
    at_home = house.job(GOOD, "fold_0", expected_output="anti_overfit_results/fold_0.json")
    elsewhere = house.job(GOOD, "fold_1", expected_output="models/one.json")
    jobs = write(house, at_home.to_document(), elsewhere.to_document(), name="jobs.json")
    done = start(
        *("scripts_coordinator.py", "--jobs-file", jobs),
        *("--output-dir", "anti_overfit_results", "--preserve-paths", "-v"),
    )
    assert done.returncode == 0, done.stderr
    assert "seedfleet run --output-dir anti_overfit_results --preserve-paths" in done.stderr
    folder = house.root / "anti_overfit_results"
    assert json.loads((folder / "fold_0.json").read_text()) == {"good": True}
    assert json.loads((folder / "fold_0.json.done").read_text())["job_id"] == "fold_0"
    assert json.loads((folder / "fold_1.json.done").read_text())["job_id"] == "fold_1"
    assert (house.root / "models/one.json.done").exists()


@pytest.mark.slow
def test_a_dry_run_shows_the_plan_and_writes_nothing(house: House, start: Start) -> None:
    jobs = write(house, house.job(GOOD).to_document())
    before = sorted(house.root.rglob("*"))
    done = start("scripts_coordinator.py", "--jobs-file", jobs, "--dry-run")
    assert done.returncode == 0
    assert "🔀 PARALLEL: localhost" in done.stdout
    assert sorted(house.root.rglob("*")) == before


@pytest.mark.slow
def test_failed_jobs_are_exit_code_1_and_lose_a_stale_marker(house: House, start: Start) -> None:
    script = "print(json.dumps({'success': True}))"
    entries = [
        house.job(script, "liar", expected_output="r/liar.json").to_document(),
        house.job("sys.exit(3)", "old", expected_output="r/old.json").to_document(),
    ]
    (house.root / "r").mkdir()
    for name in ("liar.json.done", "old.json", "old.json.done"):
        (house.root / "r" / name).write_text('"stale"')
    done = start(
        *("scripts_coordinator.py", "--jobs-file", write(house, *entries), "--output-dir", "r"),
        *("--preserve-paths", "--max-retries", "0"),
    )
    assert done.returncode == 1
    assert "liar: output missing" in done.stdout
    left = sorted(path.name for path in (house.root / "r").glob("*.json*"))
    assert left == ["old.json", "old.json.done"], "an old result keeps its marker"


@pytest.mark.slow
@pytest.mark.parametrize("script", ["scripts_coordinator.py", "coordinator_adapter.py"])
def test_bad_input_is_exit_code_2_with_every_problem(
    house: House, start: Start, script: str
) -> None:
    jobs = write(house, {"job_id": "a b"}, {"search_type": "residue_sieve", "seed_start": "0"})
    done = start(script, "--jobs-file", jobs)
    assert done.returncode == 2
    for place in ("$[0].job_id", "$[0]: script is missing", "$[1].seed_start", "$[1]: seed_end"):
        assert place in done.stderr
    assert start(script, "--jobs-file", "none.json").returncode == 2
    assert start(script).returncode == 2
    assert not (house.root / "full_scoring_results").exists()


@pytest.mark.slow
def test_the_adapter_runs_older_jobs_beside_new_ones(house: House, start: Start) -> None:
    old = house.job(GOOD, "old", args=("-o", "old.json")).to_document() | {"node": "localhost"}
    del old["expected_output"]
    jobs = write(house, house.job(GOOD, "new").to_document(), old)
    done = start("coordinator_adapter.py", "--jobs-file", jobs)
    assert done.returncode == 0, done.stderr
    assert "1 script jobs v1.0" in done.stderr
    assert "1 coordinator jobs without expected_output" in done.stderr
    assert "2 succeeded" in done.stdout


@pytest.mark.slow
def test_the_adapter_writes_and_prints_one_form_of_old_results(house: House, start: Start) -> None:
    results = [{"job_id": "a", "success": True}, {"job_id": "b", "success": False}]
    name = write(house, *results, name="old_results.json")
    done = start("coordinator_adapter.py", "--jobs-file", name, "--output-dir", "r")
    assert done.returncode == 0
    printed = json.loads(done.stdout)
    assert printed["counts"] == {"succeeded": 1, "failed": 1}
    assert json.loads((house.root / "r" / "old_results.results.json").read_text()) == printed
    assert start("coordinator_adapter.py", "--jobs-file", name, "--dry-run").stdout == done.stdout
    assert not (house.root / "full_scoring_results").exists()


def test_the_scripts_are_installed_as_they_are(tmp_path: Path) -> None:
    def install(*words: str) -> int:
        return CliRunner().invoke(main, ["compat", "install", *words]).exit_code

    folder = tmp_path / "new" / "bin"
    assert install(str(folder)) == 0
    scripts = (path for path in COMPAT.iterdir() if path.suffix in {".py", ".sh"})
    names = sorted(path.name for path in scripts)
    assert sorted(path.name for path in folder.iterdir()) == names
    assert os.access(folder / names[0], os.X_OK)
    assert install(str(folder)) == 0, "the same files are no obstacle"
    (folder / names[0]).write_text("mine")
    assert install(str(folder)) == 2
    assert (folder / names[0]).read_text() == "mine"
    assert install(str(folder), "--force") == 0
    assert (folder / names[0]).read_bytes() == (COMPAT / names[0]).read_bytes()


@pytest.fixture
def sieve_house(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """Give a house the examples of sieve jobs and their worker."""
    monkeypatch.setenv("PYTHONPATH", str(Path(seedfleet.__file__).parents[1]))
    examples = COMPAT.parent / "examples"
    (house.root / "data").mkdir()
    for name in ("sieve_jobs.json", "data/sieve_draws.json"):
        (house.root / name).write_bytes((examples / name).read_bytes())
    return house


@pytest.mark.slow
def test_sieve_jobs_find_what_made_the_draws(sieve_house: House, start: Start) -> None:
    manual = (COMPAT.parent / "docs" / "sieve_jobs.md").read_text("utf-8")
    into, *commands = manual.split("```sh\n")[1].split("```")[0].splitlines()
    assert into == "cd examples"  # which the house stands for
    for line in commands:
        done = CliRunner().invoke(main, [*line.split()[1:], "--output", "json"])
        assert done.exit_code == 0, done.output
    jobs = json.loads(done.stdout)["jobs"]
    results = {
        job_id: json.loads(Path(next(iter(job["outputs"]))).read_text())
        for job_id, job in jobs.items()
    }
    (run,) = Path("full_scoring_results").glob("*/manifest.json")
    results_folder = run.parent.resolve() / "results"
    for job in jobs.values():
        assert [Path(path).parent for path in job["outputs"]] == [results_folder]
    searches = ("", "_hybrid", "_reverse", "_hybrid_reverse")
    for job_id, found in (("sieve-1", []), ("sieve-100000", [140_001])):
        families = results[job_id]["families"]
        assert list(families) == [f"xorshift32{search}" for search in searches]
        for family in families.values():
            assert [row["seed"] for row in family["survivors"]] == found
            assert {row["skip"] for row in family["survivors"]} <= {3, None}
    tested = [sum(f["seeds_tested"] for f in r["families"].values()) for r in results.values()]
    assert sum(tested) == 4 * 199_999
    collected = start(
        *("coordinator_adapter.py", "--dry-run", "--jobs-file"),
        write(sieve_house, *results.values(), name="collected.json"),
    )
    assert json.loads(collected.stdout)["counts"] == {"succeeded": 2}


@pytest.mark.slow
def test_a_sieve_job_that_cannot_be_run_fails_with_its_reason(sieve_house: House) -> None:
    CliRunner().invoke(main, ["compat", "install", "."])
    job = json.loads((sieve_house.root / "sieve_jobs.json").read_text())[0]
    jobs = write(sieve_house, job | {"prng_families": ["xorshift23"]}, name="jobs.json")
    done = CliRunner().invoke(main, ["run", jobs, "--retries", "0", "--output", "json"])
    assert done.exit_code == 1
    document = json.loads(done.stdout)
    assert document["jobs"]["sieve-1"]["outcome"] == "failed"
    assert document["jobs"]["sieve-1"]["exit_code"] == 2
    text = CliRunner().invoke(main, ["logs", document["run_id"], "sieve-1"]).output
    assert "$.prng_families[0]: there is no generator or search 'xorshift23'" in text
