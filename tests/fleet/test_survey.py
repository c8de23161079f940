"""What a survey sees of a machine, and what is judged to be wrong with it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedfleet import __version__
from seedfleet.fleet.checking import Clock, judge
from seedfleet.fleet.cluster import NodeConfig
from seedfleet.fleet.node import survey as survey_module
from seedfleet.fleet.node.commands import Answer
from seedfleet.fleet.node.processes import TOKEN_VARIABLE
from seedfleet.fleet.node.processes_on_gpus import gpu_processes
from seedfleet.fleet.node.survey import read_logind, survey

ROOT = Path(__file__).parents[2]
PARTS = {
    *("agent", "python", "trace", "system", "cores", "memory", "gpus", "gpu_processes"),
    *("home", "root", "logout", "limits", "clock"),
}
SILENT = {name: Answer("", "not installed") for name in ("nvidia processes", "rocm processes")}


def seen(tmp_path: Path, **settings: Any) -> dict[str, Any]:
    found = {"platform": "cpu", "gpus": [], "tools": {"nvidia-smi": "not installed"}}
    places = {"home": str(tmp_path / "home"), "root": str(tmp_path), "python": sys.executable}
    return survey(places | {"found": found} | settings)


def config(**settings: Any) -> NodeConfig:
    return NodeConfig(name="n", hostname="n", **settings)


def problems(survey_of: dict[str, Any], clock: Clock | None = None, **settings: Any) -> list[str]:
    _, findings = judge(config(**settings), survey_of, clock or Clock(0.0, 0.01))
    assert all(finding.advice for finding in findings)
    return [finding.problem for finding in findings]


def test_a_survey_tells_all_its_parts_and_leaves_nothing(tmp_path: Path) -> None:
    found = seen(tmp_path)
    assert set(found) == PARTS
    assert json.loads(json.dumps(found)) == found
    assert not [name for name, part in found.items() if "unknown" in part]
    assert found["python"]["version"] == "{}.{}.{}".format(*sys.version_info[:3])
    assert found["home"]["writable"]
    assert not found["home"]["exists"]
    assert list(tmp_path.iterdir()) == []
    assert found["clock"]["began_utc_s"] < found["clock"]["ended_utc_s"]
    assert problems(found) == []


def test_an_interpreter_that_is_missing_or_broken_is_told(tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho no module named encodings >&2\nexit 1\n")
    broken.chmod(0o755)
    (problem,) = problems(seen(tmp_path, python=str(broken)))
    assert "no module named encodings" in problem
    (problem,) = problems(seen(tmp_path, python=None))
    assert "there is no such interpreter" in problem


def test_an_interpreter_says_what_it_lacks_for_jobs_of_the_pipeline(tmp_path: Path) -> None:
    assert seen(tmp_path)["trace"] == {"version": __version__, "missing": [], "problem": ""}
    other = tmp_path / "python"  # with packages of its own, and Python's
    (tmp_path / "packages" / "seedfleet").mkdir(parents=True)
    (tmp_path / "packages" / "seedfleet" / "__init__.py").write_text('__version__ = "0.0.1"\n')
    other.write_text(
        f'#!/bin/sh\nexport PYTHONPATH={tmp_path}/packages\nexec {sys.executable} -S "$@"\n'
    )
    other.chmod(0o755)
    found = seen(tmp_path, python=str(other))
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.split("[>=<]", each)[0] for each in wanted["optional-dependencies"]["trace"]}
    imported = {name.removeprefix("python-") for name in names}
    assert found["trace"]["version"] == "0.0.1"
    assert set(found["trace"]["missing"]) == imported
    assert problems(found) == []
    shutil.rmtree(tmp_path / "packages" / "seedfleet")
    bare = seen(tmp_path, python=str(other))["trace"]
    assert (bare["version"], bare["missing"][0]) == (None, "seedfleet")


def test_folders_that_are_missing_or_closed_are_told(tmp_path: Path) -> None:
    (problem,) = problems(seen(tmp_path, root=str(tmp_path / "none")), script_path="none")
    assert "script_path" in problem
    assert "does not exist" in problem
    closed = "/proc/self"  # nobody can make files there, not even root
    found = seen(tmp_path, root=closed, home=closed + "/state")
    assert [text.split(": ")[0] for text in problems(found)] == [
        f"the working folder {closed} cannot be written",
        f"{closed}/state cannot be written",
    ]
    file = tmp_path / "file"
    file.touch()
    assert "a file stands in its place" in problems(seen(tmp_path, home=str(file / "x")))[0]


def test_a_part_that_fails_is_unknown_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise RuntimeError("no such thing here")

    monkeypatch.setattr(survey_module, "_memory", broken)
    found = seen(tmp_path)
    assert found["memory"] == {"unknown": "RuntimeError: no such thing here"}
    assert set(found) == PARTS
    assert problems(found) == ["cannot look at memory: RuntimeError: no such thing here"]
    for name in PARTS - {"clock"}:
        assert any(name in text for text in problems({**found, name: {"unknown": "x"}}))


def test_disks_without_room_or_locks_are_told(tmp_path: Path) -> None:
    found = seen(tmp_path)
    full = {**found["root"], "free_bytes": 5 << 20, "free_files": 3, "locks": "not supported"}
    texts = problems({**found, "root": full})
    assert len(texts) == 2
    assert "5 MiB" in texts[0]
    assert "3 more files" in texts[1]
    (text,) = problems({**found, "home": {**found["home"], "locks": "not supported"}})
    assert "no locks" in text


def test_gpus_found_are_held_against_those_configured(tmp_path: Path) -> None:
    (text,) = problems(seen(tmp_path), gpu_count=2, gpu_type="RTX 4090")
    assert text == "2 GPUs configured, no tool found any: they are believed"
    card = {"index": 0, "uuid": "GPU-a", "pci_address": None, "memory_gib": 24.0}
    one = {"platform": "cuda", "gpus": [card], "tools": {}}
    (text,) = problems(seen(tmp_path, found=one), gpu_count=2)
    assert text == "2 GPUs configured, 1 found: using 1"
    assert problems(seen(tmp_path, found=one), gpu_count=1) == []


def test_a_node_that_ends_processes_at_logout_is_told_of(tmp_path: Path) -> None:
    found = seen(tmp_path)
    (text,) = problems({**found, "logout": {"kills": True, "linger": False, "source": "x"}})
    assert "KillUserProcesses" in text
    assert problems({**found, "logout": {"kills": True, "linger": True, "source": "x"}}) == []


def test_low_limits_are_told(tmp_path: Path) -> None:
    found = {**seen(tmp_path), "limits": {"open_files": 64, "processes": 10}}
    assert len(problems(found)) == 2
    assert problems({**found, "limits": {"open_files": None, "processes": None}}) == []


@pytest.mark.parametrize(
    ("files", "kills"),
    [
        ({}, None),
        ({"usr/logind.conf": "[Login]\n#KillUserProcesses=no\n"}, False),
        ({"usr/logind.conf": "#KillUserProcesses=yes\n"}, True),
        ({"usr/logind.conf": "#KillUserProcesses=no\nKillUserProcesses = yes\n"}, True),
        # /etc replaces the whole of /usr/lib ...
        ({"usr/logind.conf": "KillUserProcesses=yes\n", "etc/logind.conf": "\n"}, None),
        # ... pieces come after it, in the order of their names, wherever they are ...
        (
            {
                "etc/logind.conf": "KillUserProcesses=no\n",
                "usr/logind.conf.d/20.conf": "KillUserProcesses=1\n",
                "etc/logind.conf.d/10.conf": "KillUserProcesses=off\n",
            },
            True,
        ),
        # ... and a piece hides one of the same name.
        (
            {
                "usr/logind.conf.d/a.conf": "KillUserProcesses=yes\n",
                "etc/logind.conf.d/a.conf": "# nothing\n#KillUserProcesses=no",
            },
            False,
        ),
    ],
)
def test_logind_is_read_as_logind_reads(
    tmp_path: Path, files: dict[str, str], kills: bool | None
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert read_logind([tmp_path / "usr", tmp_path / "etc"]) is kills


TIMES = st.floats(-1e5, 1e5)
DELAYS = st.floats(0, 30)


@given(TIMES, DELAYS, DELAYS, DELAYS)
def test_a_clocks_skew_is_within_what_is_said_to_be_uncertain(
    skew: float, there: float, looking: float, back: float
) -> None:
    asked = 1.8e9
    began = asked + there + skew
    ended = began + looking
    answered = ended - skew + back
    clock = Clock.between(asked, answered, {"began_utc_s": began, "ended_utc_s": ended})
    assert abs(clock.skew_s - skew) <= clock.uncertain_s + 1e-4
    assert abs(clock.uncertain_s - (there + back) / 2) < 1e-4


def test_only_a_skew_beyond_doubt_is_a_problem(tmp_path: Path) -> None:
    found = seen(tmp_path)
    assert problems(found, Clock(5.0, 4.0)) == []
    assert problems(found, Clock(-5.0, 0.1)) == ["its clock is 5.0 s behind of this machine's"]


# --- who uses the GPUs ---


def process(proc: Path, pid: int, name: str, device: str | None = None, token: str = "") -> None:
    (proc / str(pid) / "fd").mkdir(parents=True)
    (proc / str(pid) / "comm").write_text(name + "\n")
    (proc / str(pid) / "environ").write_bytes(f"A=b\0{TOKEN_VARIABLE}={token}\0".encode())
    if not token:
        (proc / str(pid) / "environ").write_bytes(b"A=b\0")
    (proc / str(pid) / "fd" / "0").symlink_to("/dev/null")
    if device:
        (proc / str(pid) / "fd" / "3").symlink_to(device)


def test_processes_on_gpus_are_found_by_tools_and_by_open_devices(tmp_path: Path) -> None:
    process(tmp_path, 11, "train", "/dev/nvidia0")
    process(tmp_path, 12, "shell")
    process(tmp_path, 13, "ours", "/dev/kfd", token="run/a/1")
    process(tmp_path, 14, "nvidia-persiste", "/dev/nvidia0")
    process(tmp_path, 15, "monitor", "/dev/nvidiactl")
    (tmp_path / "self").mkdir()
    nvidia = (
        "11, GPU-aa, 512, /usr/bin/python3\n"
        "11, GPU-bb, 256, /usr/bin/python3\n"
        "99, GPU-bb, [N/A], elsewhere, with a comma\n"
        "No running processes found\n"
    )
    rocm = {"system": {"PID21": "sglang, 1, 209715200, 0, 88", "Driver version": "6.7"}}
    found = gpu_processes(
        {
            "nvidia processes": Answer(nvidia, ""),
            "rocm processes": Answer("WARNING: low power\n" + json.dumps(rocm), ""),
        },
        tmp_path,
    )
    told = {each["pid"]: (each["where"], each["memory_mib"]) for each in found["processes"]}
    assert told == {
        11: ("GPU-aa GPU-bb", 768),
        13: ("/dev/kfd", None),
        21: ("rocm", 200),
        99: ("GPU-bb", None),
    }
    attempts = {each["pid"]: each["attempt"] for each in found["processes"]}
    assert attempts == {11: None, 13: "run/a/1", 21: None, 99: None}
    assert found["complete"]


def test_foreign_processes_are_problems_and_our_own_are_not(tmp_path: Path) -> None:
    process(tmp_path, 11, "train", "/dev/nvidia0")
    process(tmp_path, 13, "ours", "/dev/nvidia0", token="run/a/1")
    users = gpu_processes(SILENT, tmp_path)
    home = tmp_path / "other"
    home.mkdir()
    (text,) = problems({**seen(home), "gpu_processes": users})
    assert "process 11 (train" in text
    assert "/dev/nvidia0" in text


def test_the_real_proc_is_read() -> None:
    found = gpu_processes(SILENT)
    assert all(each["pid"] > 0 for each in found["processes"])


@pytest.mark.parametrize(
    "text", ["", "{}", '{"system": 3}', '{"system": {"PIDx": "a"}}', "{{", "[]"]
)
def test_no_answer_of_rocm_smi_stops_the_survey(tmp_path: Path, text: str) -> None:
    answers = {**SILENT, "rocm processes": Answer(text, "")}
    assert gpu_processes(answers, tmp_path)["processes"] == []


OLD_PYTHON = os.environ.get("SEEDFLEET_OLD_PYTHON")


@pytest.mark.skipif(OLD_PYTHON is None, reason="SEEDFLEET_OLD_PYTHON names no Python 3.8")
def test_a_survey_runs_on_an_old_python() -> None:
    package = Path(survey_module.__file__).parents[1]
    code = (
        "import json, sys; sys.path.append(sys.argv[1]); from node.survey import survey\n"
        "print(json.dumps(survey({'home': '/', 'root': '/', 'python': None})))"
    )
    words = [str(OLD_PYTHON), "-I", "-S", "-c", code, str(package)]
    done = subprocess.run(words, capture_output=True, check=True)
    assert set(json.loads(done.stdout)) == PARTS
