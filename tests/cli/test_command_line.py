"""The command as a user meets it: help, lightness, and what it exports."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from seedfleet.cli import main
from seedfleet.cli.trace import trace

EXPORTS = {
    "seedfleet": {"__version__"},
    "seedfleet.cli": {"main"},
    "seedfleet.draws": {"DrawsError", "History", "load"},
    "seedfleet.evidence": {"Mixture", "Scored", "Verdict", "decide", "mix", "predictive_bits"},
    "seedfleet.generators": {
        "CATALOGUE",
        "AtState",
        "Bounding",
        "Generator",
        "Leap",
        "LinearState",
        "Monotone",
        "PowerOfTwoLcg",
        "Preset",
        "Residue",
        "Start",
        "Stream",
        "find_preset",
        "find_stream",
        "generators",
        "presets_of",
        "streams",
    },
    "seedfleet.models": {
        "MODEL_TYPES",
        "Model",
        "ModelError",
        "Validation",
        "create",
        "installed",
    },
    "seedfleet.pipeline": {"RunContext", "recovery_document"},
    "seedfleet.recover": {
        "DEEP",
        "MAX_OFFSET",
        "MAX_PREDICTIONS",
        "MAX_SKIP",
        "Options",
        "OptionsError",
        "Recovery",
        "SearchRecord",
        "Status",
        "planned",
        "recover",
    },
    "seedfleet.report": {
        "render_html",
        "render_sieve_text",
        "render_text",
        "render_trace",
        "render_trace_text",
    },
    "seedfleet.scoring": {
        "COMPONENTS",
        "FEATURES",
        "GLOBAL_FEATURES",
        "SURVIVOR_FEATURES",
        "ScoringSettings",
        "SettingsError",
    },
    "seedfleet.sieve": {
        "DEFAULT_ROOM",
        "SURVIVOR",
        "Backend",
        "ConstantSkip",
        "CpuBackend",
        "Direction",
        "Hits",
        "Leg",
        "Question",
        "QuestionError",
        "Rows",
        "Survivors",
        "TooManyHitsError",
        "VariableSkip",
        "Walk",
        "constant_skip_positions",
        "few_seeds_backend",
        "local_backend",
        "one_by_one",
        "sieve",
    },
}


def commands(
    group: click.Group, path: tuple[str, ...]
) -> list[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    found: list[tuple[tuple[str, ...], click.Command]] = [(path, group)]
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            found += commands(command, (*path, name))
        else:
            found.append(((*path, name), command))
    return found


@pytest.mark.parametrize("package", EXPORTS)
def test_each_room_exports_what_it_says_and_nothing_else(package: str) -> None:
    module = importlib.import_module(package)
    assert set(module.__all__) == EXPORTS[package]
    assert all(hasattr(module, name) for name in EXPORTS[package])


def test_every_command_and_option_has_a_help_text() -> None:
    for path, command in commands(main, ()):
        assert command.help, path
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, (*path, parameter.name)
        shown = CliRunner().invoke(main, [*path, "--help"])
        assert shown.exit_code == 0
        assert "Usage:" in shown.output


def test_trace_is_reached_through_the_lazy_table() -> None:
    context = click.Context(main)
    assert isinstance(main, click.Group)
    assert main.get_command(context, "trace") is trace
    assert main.get_command(context, "nonsense") is None


def test_unknown_command_is_a_usage_error() -> None:
    result = CliRunner().invoke(main, ["nonsense"])
    assert result.exit_code == 2


def test_importing_the_command_line_imports_nothing_heavy() -> None:
    code = "import sys, seedfleet.cli; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "seedfleet.cli" in loaded
    assert not loaded & {"numpy", "numba", "jinja2", "rich"}


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_the_answer_does_not_depend_on_who_reads_it(closed: str, tmp_path: Path) -> None:
    (tmp_path / "work.sh").write_text('#!/bin/sh\necho done > "$1"\n')
    (tmp_path / "work.sh").chmod(0o755)
    job = {"job_id": "a", "script": "work.sh", "args": ["{output}"], "expected_output": "a.txt"}
    (tmp_path / "jobs.json").write_text(json.dumps([job]))
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "seedfleet", "run", "jobs.json", "--output-dir", "out"],
            cwd=tmp_path,
            env={**os.environ, "SEEDFLEET_HOME": str(tmp_path / "home")},
            stdout=full if closed == "stdout" else subprocess.PIPE,
            stderr=full if closed == "stderr" else subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert done.returncode == 0, done
    assert not done.stderr or b"Traceback" not in done.stderr


def test_commands_complete_also_where_the_package_of_one_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(name: str) -> None:
        raise AssertionError(f"{name} is loaded to complete a name")

    monkeypatch.setattr("seedfleet.cli._lazy_group.importlib.import_module", missing)
    found = main.shell_complete(click.Context(main), "")
    assert {item.value for item in found} >= {"run", "trace", "status"}
    assert all(item.help for item in found)
