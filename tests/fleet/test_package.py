"""What the fleet imports, exports and needs."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import seedfleet
from seedfleet import fleet
from seedfleet.fleet import node

SOURCE = Path(seedfleet.__file__).parents[1]
NODE_FILES = sorted(Path(node.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("path", NODE_FILES, ids=lambda path: path.name)
def test_node_code_is_python_3_8_and_standard_library_only(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 8))
    for entry in ast.walk(tree):
        if isinstance(entry, ast.Import):
            tops = [name.name.partition(".")[0] for name in entry.names]
            assert all(top in sys.stdlib_module_names for top in tops)
        elif isinstance(entry, ast.ImportFrom) and entry.level == 0:
            assert entry.module in sys.stdlib_module_names
    newer = (
        "removeprefix",
        "removesuffix",
        "is_relative_to",
        "waitstatus_to_exitcode",
        "zip_strict",
    )
    used = {entry.attr for entry in ast.walk(tree) if isinstance(entry, ast.Attribute)}
    assert not used & set(newer), "these came with Python 3.9 or later"


@pytest.mark.slow
def test_the_fleet_imports_quickly_and_without_the_parts_of_trace() -> None:
    code = (
        "import sys, time, json; began = time.process_time(); import seedfleet.cli.run; "
        "took = time.process_time() - began; print(json.dumps([took, sorted(sys.modules)]))"
    )
    tries = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONPATH": str(SOURCE)},
            capture_output=True,
            check=True,
        )
        took_s, modules = json.loads(done.stdout)
        tries.append(took_s)
    assert not {"numpy", "numba", "jinja2", "rich"} & set(modules)
    assert min(tries) < 0.25


def test_the_public_names_are_what_we_say() -> None:
    assert set(fleet.__all__) == {
        *("run", "run_sync", "resume", "resume_sync"),
        *("Job", "RunOptions", "ResumeOptions", "RunControl", "RunReport", "JobReport"),
        *("Progress", "RunStarted", "AttemptStarted", "AttemptEnded", "JobDone", "Notice"),
        *("NodeContact",),
        *("FleetError", "BadInputError", "RunExistsError", "RunHeldError"),
        *("JournalDamagedError", "HeadLostError", "LocalEngine"),
    }
    for name in fleet.__all__:
        assert getattr(fleet, name).__module__.startswith("seedfleet.") or name == "Progress"
