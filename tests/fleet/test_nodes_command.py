"""`seedfleet nodes check` and `clean`, with a real agent on this machine."""

from __future__ import annotations

import json
import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from seedfleet import __version__
from seedfleet.cli import main
from seedfleet.fleet.node.layout import AttemptFolder

if TYPE_CHECKING:
    from pathlib import Path

    from fleet_house import House

pytestmark = pytest.mark.slow


def nodes(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["nodes", *words])
    return result.exit_code, result.stdout


def cluster(house: House, *entries: dict[str, Any]) -> str:
    path = house.root / "cluster.json"
    path.write_text(json.dumps({"nodes": list(entries)}))
    return str(path)


@pytest.fixture
def bare(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """Be on a machine without GPUs."""
    for name in ("nvidia-smi", "rocm-smi", "amd-smi"):
        tool = tmp_path / name
        tool.write_text("#!/bin/sh\nexit 9\n")
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return house


def test_this_machine_is_checked_without_a_cluster_file(bare: House) -> None:
    code, text = nodes("check", "--output", "json")
    document = json.loads(text)
    (node,) = document["nodes"]
    assert (node["node"], node["reachable"], node["host_key"]) == ("localhost", True, "none")
    assert node["survey"]["root"]["path"] == str(bare.root)
    assert node["survey"]["home"]["path"] == str(bare.home)
    assert abs(node["clock_skew_s"]) <= node["clock_uncertain_s"] + 0.01
    assert (code == 0) is (node["problems"] == []) is document["well"]
    assert not bare.home.exists(), "a look leaves nothing"


def test_this_machine_in_a_cluster_file_runs_scripts_as_the_head_does(bare: House) -> None:
    words = ("check", "--cluster", cluster(bare, {"hostname": "localhost"}), "--output", "json")
    (node,) = json.loads(nodes(*words)[1])["nodes"]
    assert node["survey"]["python"]["path"] == sys.executable


def test_whether_a_node_can_run_jobs_of_trace_is_shown_and_is_no_problem(
    bare: House, tmp_path: Path
) -> None:
    def shown(entry: dict[str, Any]) -> tuple[int, str]:
        code, text = nodes("check", "--cluster", cluster(bare, entry))
        heading, row, *_ = text.splitlines()
        return code, row[heading.index("trace") : heading.index("GPUs")].strip()

    node = {"hostname": "localhost"}
    well, told = shown(node)
    assert told == __version__
    package, other = tmp_path / "own" / "seedfleet", tmp_path / "python"
    package.mkdir(parents=True)
    other.write_text(
        f'#!/bin/sh\nexport PYTHONPATH={package.parent}\nexec {sys.executable} $DOES "$@"\n'
    )
    other.chmod(0o755)
    (package / "__init__.py").write_text('__version__ = "0.0.1"\n')
    assert shown({**node, "python_env": str(other)}) == (well, "other: 0.0.1")
    other.write_text(other.read_text().replace("$DOES", "-S"))
    code, told = shown({**node, "python_env": str(other)})
    assert (code, told.startswith("lacks numpy, numba")) == (well, True)
    shutil.rmtree(package)
    assert shown({**node, "python_env": str(other)}) == (well, "not installed")


def test_problems_are_listed_with_what_to_do(bare: House) -> None:
    entries = (
        {"hostname": "localhost", "script_path": str(bare.root / "none"), "gpu_count": 2},
        {"hostname": "far.invalid", "username": "me", "port": 2222},
    )
    words = ("check", "--cluster", cluster(bare, *entries), "--engine-option", "ssh=false")
    code, text = nodes(*words)
    assert code == 1
    table, problems = text.splitlines()[:3], text.splitlines()[3:]
    assert [line.split()[:2] for line in table[1:]] == [["localhost", "yes"], ["far.invalid", "no"]]
    assert "0 of 2" in table[1]
    assert "missing" in table[1]
    assert any("does not exist" in line for line in problems)
    assert any(line.startswith("far.invalid: ") for line in problems)
    assert any("`false -p 2222 me@far.invalid`" in line for line in problems), "what to try"
    code, text = nodes(*words, "--output", "json")
    assert code == 1
    local, far = json.loads(text)["nodes"]
    assert all(each["problem"] and each["advice"] for each in local["problems"] + far["problems"])
    assert (far["reachable"], far["platform"], far["clock_skew_s"]) == (False, None, None)


def test_everything_wrong_with_the_flags_is_told_at_once(bare: House) -> None:
    words = ("--cluster", "none.json", "--engine-option", "x=1", "--engine-option", 'ssh="')
    code, text = nodes("clean", *words, "--run", "a/b", "--output", "json")
    assert code == 2
    problems = json.loads(text)["problems"]
    assert [problem.split()[0] for problem in problems] == [
        "none.json:",
        "engine",
        "engine",
        "--run",
    ]
    assert problems[1] == "engine option x=1: ssh knows ssh, connect_s, shared_disks"
    assert nodes("clean", "--older-than", "-1")[0] == 2
    assert not bare.home.exists()


def test_what_a_failed_job_left_is_cleaned_by_name(bare: House) -> None:
    report = bare.run(bare.job("sys.exit(3)"))
    run_id = report.run_id
    left = AttemptFolder(bare.home / "runs" / run_id / "attempts/a/1")
    assert left.path.exists()
    code, text = nodes("clean")
    assert code == 0
    assert f"kept {run_id}/a/1: it ended too short a time ago" in text
    code, text = nodes("clean", "--run", run_id, "--dry-run")
    assert code == 0
    assert "would free" in text
    assert left.path.exists()
    code, text = nodes("clean", "--run", run_id, "--output", "json")
    document = json.loads(text)
    assert [each["what"] for each in document["nodes"][0]["removed"]] == [f"{run_id}/a/1", run_id]
    assert document["freed_bytes"] > 0
    assert not (bare.home / "runs" / run_id).exists()
    assert nodes("clean", "--run", run_id)[0] == 0


def test_a_node_that_cannot_be_reached_was_not_cleaned(bare: House) -> None:
    path = cluster(bare, {"hostname": "localhost"}, {"hostname": "far.invalid"})
    words = ("--cluster", path, "--engine-option", "ssh=false", "--output", "json")
    code, text = nodes("clean", *words)
    assert code == 1
    local, far = json.loads(text)["nodes"]
    assert local["problems"] == []
    assert far["problems"]
