"""What the pages for users tell them to type, typed, against real OpenSSH servers."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ssh.ssh_house import House

pytestmark = [pytest.mark.ssh, pytest.mark.slow]

REPOSITORY = Path(__file__).parents[2]
EXAMPLES = REPOSITORY / "examples"


def user_folder(house: House) -> dict[str, str]:
    """Make the head as a user has it: `seedfleet` and `ssh` on the PATH, the examples at hand."""
    house.node("192.0.2.10")
    shutil.copytree(EXAMPLES, house.root / "examples")
    programs = house.folder / "programs"
    programs.mkdir()
    ssh = shutil.which("ssh")
    words = {
        "seedfleet": [sys.executable, "-m", "seedfleet"],
        # The user's own ssh, which knows the machines of this test.
        "ssh": [str(ssh), *house.network.ssh_command[1:]],
    }
    for name, command in words.items():
        script = programs / name
        script.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
        script.chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return {**house.environment, "PATH": path, "SEEDFLEET_LOCKS": str(house.folder / "locks")}


def test_the_first_runs_of_the_readme(house: House) -> None:
    environment = user_folder(house)
    text = (REPOSITORY / "README.md").read_text("utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text.split("## Your own scripts")[1], re.DOTALL)
    done = subprocess.run(
        ["sh", "-eux", "-c", "\n".join(blocks)],
        cwd=house.root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    runs = house.root / "runs"
    manifests = {path.parent.name[:10]: json.loads(path.read_text()) for path in runs.glob("*/m*")}
    assert set(manifests) == {"fleet_jobs", "cluster_jo"}
    jobs = manifests["cluster_jo"]["jobs"]
    assert {job["outcome"] for job in jobs.values()} == {"succeeded"}
    (there,) = runs.glob("cluster_jobs_*/results/where-there.json")
    assert json.loads(there.read_text())["node"] == "192.0.2.10"
    assert (house.nodes["192.0.2.10"].home / "seedfleet-example").is_dir()


def test_the_example_of_nodes_from_python(house: House) -> None:
    environment = user_folder(house)
    text = (REPOSITORY / "docs" / "fleet.md").read_text("utf-8")
    code = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[1]
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=house.root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "{'succeeded': 4}\n"


def test_the_contract_holds_over_the_servers_of_the_page(house: House, tmp_path: Path) -> None:
    text = (REPOSITORY / "docs" / "writing_an_engine.md").read_text("utf-8")
    code = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[2]
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=house.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "the contract holds over ssh\n"
