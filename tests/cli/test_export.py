"""`seedfleet export`: tasks for schedulers that people use themselves, and their results."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from seedfleet.cli import main
from seedfleet.fleet.engines.queued.scheduler import Request
from seedfleet.fleet.submissions import FORMS, TaskList

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedfleet.fleet.testing.slurm import SlurmCluster

# Notes each start in a file of its own, says what it was given, and fails where it is told to.
SCRIPT = """\
import json, os, pathlib, sys, time
job, out = sys.argv[1], sys.argv[2]
pathlib.Path(f"started.{job}.{time.time_ns()}").touch()
if job == "bad" and not os.path.exists("mended"): sys.exit("it is broken")
json.dump({name: os.environ.get(name) for name in sorted(os.environ)}, open(out, "w"))
"""

COMMENT = '--comment="it\'s two; \\$HOME"'


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "it's a place; with $HOME"
    folder.mkdir()
    (folder / "work.py").write_text(SCRIPT)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SEEDFLEET_LOCKS", str(tmp_path / "locks"))
    return folder


def jobs_of(*wishes: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "job_id": f"j{number}",
            "script": "work.py",
            "args": [f"j{number}", "{output}"],
            "expected_output": f"out/j{number}.json",
            "timeout": 60,
            **wish,
        }
        for number, wish in enumerate(wishes)
    ]


def invoke(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, list(words))
    return result.exit_code, result.output


def export(form: str, jobs: list[dict[str, Any]], *words: str) -> dict[str, Any]:
    Path("jobs.json").write_text(json.dumps(jobs))
    python = ("--python", sys.executable)
    code, text = invoke("export", "jobs.json", "--to", form, *python, "--output=json", *words)
    assert code == 0, text
    document: dict[str, Any] = json.loads(text)
    return document


def task_file(made: dict[str, Any]) -> Path:
    (found,) = Path(made["folder"], "queue").glob("task-*.pyz")
    return found


def take_in(run_id: str) -> dict[str, Any]:
    code, text = invoke("run", "--resume", run_id, "--output=json")
    assert code in {0, 1}, text
    jobs: dict[str, Any] = json.loads(text)["jobs"]
    return jobs


def status(run_id: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(invoke("status", run_id, "--output=json")[1])
    return document


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.1)


def given(made: dict[str, Any], job_id: str) -> dict[str, str]:
    text = (Path(made["folder"]) / "results" / "out" / f"{job_id}.json").read_text()
    variables: dict[str, str] = json.loads(text)
    return variables


@pytest.mark.slow
@pytest.mark.usefixtures("gnu_parallel")
def test_gnu_parallel_runs_the_tasks_and_a_resume_takes_them_in(root: Path) -> None:
    bad = {"job_id": "bad", "args": ["bad", "{output}"]}
    made = export("parallel", jobs_of({}, {}, {"gpus": 0}, bad))
    made_command = made["submit"][0].replace("JOBS", "2")
    words = ["sh", "-c", made_command]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    told = status(made["run_id"])
    assert (told["arrived"], told["counts"]) == (4, {"not_run": 4})
    jobs = take_in(made["run_id"])
    assert status(made["run_id"])["arrived"] == 0
    assert [jobs[f"j{number}"]["outcome"] for number in range(3)] == ["succeeded"] * 3
    assert jobs["bad"]["outcome"] == "failed", "and it was not started a second time"
    used = {given(made, f"j{number}")["SEEDFLEET_GPU_IDS"] for number in (0, 1)}
    assert used <= {"0", "1"}
    assert given(made, "j2")["SEEDFLEET_GPU_IDS"] == ""
    subprocess.run(words, check=True, capture_output=True, timeout=60)
    starts = len(list(root.glob("started.*")))
    assert starts == 4, "what has run is left alone when files are handed in again"


@pytest.mark.slow
@pytest.mark.slurm
def test_array_scripts_run_on_slurm_and_a_resume_waits_for_what_nobody_has_handed_in(
    root: Path, slurm_cluster: SlurmCluster
) -> None:
    words = ("--engine-option", "partition=urgent", "--engine-option", f"extra={COMMENT}")
    made = export("slurm", jobs_of({}, {"gpus": 2}, {"gpus": 0, "node": "beta"}, {}), *words)
    assert len(made["submit"]) == 3, "one for each kind of request"
    alone = [line for line in made["submit"] if "array-3" not in line]
    for line in alone:
        subprocess.run(["sh", "-c", line], check=True, capture_output=True, timeout=90)
    listed = slurm_cluster.run("squeue", "--noheader", "--states=all", "--format=%P|%k")
    assert set(listed.splitlines()) == {"urgent|it's two; $HOME"}
    wait_until(lambda: status(made["run_id"])["arrived"] == 3, "three tasks have ended")
    head = subprocess.Popen(
        [sys.executable, "-m", "seedfleet", "run", "--resume", made["run_id"], "--output=json"],
        stdout=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: status(made["run_id"])["counts"].get("succeeded") == 3, "they are taken in")
    assert head.poll() is None, "it waits for the fourth, which nobody has handed in"
    for line in made["submit"]:
        subprocess.run(["sh", "-c", line], check=True, capture_output=True, timeout=90)
    text, _ = head.communicate(timeout=60)
    jobs = json.loads(text)["jobs"]
    assert {job["outcome"] for job in jobs.values()} == {"succeeded"}
    assert jobs["j2"]["node"] == "beta"
    assert given(made, "j1")["SEEDFLEET_GPU_IDS"] == "0,1"
    assert len(list(root.glob("started.*"))) == 4


@pytest.mark.slow
def test_a_failed_job_is_asked_for_again_by_name_of_its_task(root: Path) -> None:
    made = export("parallel", jobs_of({"job_id": "bad", "args": ["bad", "{output}"]}))
    task = task_file(made)
    subprocess.run([sys.executable, task, "1"], check=True, timeout=90)
    assert take_in(made["run_id"])["bad"]["outcome"] == "failed"
    (root / "mended").touch()
    words = [sys.executable, "-m", "seedfleet", "run", "--resume", made["run_id"]]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as head:
        assert head.stderr is not None
        asked = next(line for line in head.stderr if "somebody has to start" in line)
        told = CliRunner().invoke(main, ["status", made["run_id"]]).output
        assert "bad: attempt 2 waits for somebody to start it" in told
        subprocess.run(["sh", "-c", asked.split("were: ")[1]], check=True, timeout=90)
        assert head.wait(30) == 0


@pytest.mark.slow
def test_a_head_that_leaves_loses_no_task(root: Path) -> None:
    made = export("parallel", jobs_of({}, {}))
    task = task_file(made)
    words = [sys.executable, "-m", "seedfleet", "run", "--resume", made["run_id"]]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as head:
        subprocess.run([sys.executable, task, "1"], check=True, timeout=90)
        wait_until(lambda: status(made["run_id"])["counts"].get("succeeded") == 1, "one is in")
        head.send_signal(signal.SIGTERM)
        assert head.wait(30) == 3
    subprocess.run([sys.executable, task, "2"], check=True, timeout=90)
    assert {job["outcome"] for job in take_in(made["run_id"]).values()} == {"succeeded"}
    assert len(list(root.glob("started.*"))) == 2


@pytest.mark.usefixtures("root")
def test_an_exported_run_is_handed_over_and_not_interrupted() -> None:
    made = export("parallel", jobs_of({}, {}), "--default-gpus", "0")
    assert made["notes"] == ["JOBS: at least 1; the number of this machine's cores"]
    (Path(made["folder"]) / "queue" / "ended").mkdir(exist_ok=True)
    (Path(made["folder"]) / "queue" / "ended" / "2").touch()
    told = "handed over for submission by hand; 1 task ended, not yet taken in"
    assert f"{made['run_id']}  {told}\n" in invoke("status")[1]
    alone = invoke("status", made["run_id"])[1]
    assert f"{made['run_id']}: {told}\n" in alone
    assert "no head" not in alone
    assert "interrupted" not in alone
    assert status(made["run_id"])["state"] == "handed_over"


@pytest.mark.usefixtures("root")
def test_a_job_file_of_hyperqueue_asks_what_each_job_asks() -> None:
    wishes: list[dict[str, Any]] = [{"platform": "rocm"}, {"gpus": 2}, {"platform": "cpu"}]
    made = export("hq", jobs_of(*wishes, {}), "--default-gpus", "0")
    assert made["submit"][0].startswith("hq job submit-file ")
    job = tomllib.loads(Path(made["files"][0]).read_text())
    assert job["name"] == made["run_id"]
    tasks = job["task"]
    assert [task["id"] for task in tasks] == [1, 2, 3, 4]
    assert tasks[1]["command"] == [sys.executable, str(task_file(made)), "2"]
    asked = [[request["resources"] for request in task["request"]] for task in tasks]
    assert asked == [
        [{"cpus": 1, "gpus/amd": 1}],
        [{"cpus": 1, "gpus/nvidia": 2}, {"cpus": 1, "gpus/amd": 2}],
        [{"cpus": 1}],
        [{"cpus": 1}],
    ]


def test_what_a_form_cannot_pass_on_is_refused_at_once_and_nothing_is_written(root: Path) -> None:
    jobs = jobs_of({"node": "a"}, {"gpus": 2}, {"gpu_id": 1}, {})
    Path("jobs.json").write_text(json.dumps(jobs))
    for form, at_fault in (("parallel", ("j0", "j1")), ("hq", ("j0",)), ("slurm", ())):
        Path("jobs.json").write_text(json.dumps([*jobs[:2], jobs[3]]))
        code, text = invoke("export", "jobs.json", "--to", form, "--output-dir", f"runs-{form}")
        assert (code == 2) == bool(at_fault), text
        assert [name for name in ("j0:", "j1:", "j3:") if name in text] == [
            f"{each}:" for each in at_fault
        ]
        assert Path(f"runs-{form}").exists() == (not at_fault)
    Path("jobs.json").write_text(json.dumps([jobs[2], {**jobs[3], "script": "none.py"}]))
    code, text = invoke("export", "jobs.json", "--to", "slurm", "--output-dir", "runs")
    assert code == 2
    assert "gpu_id" in text
    assert "none.py" in text
    assert not Path("runs").exists()
    assert not (root / "runs").exists()


@pytest.mark.parametrize("form", ["slurm", "parallel", "hq"])
@pytest.mark.parametrize("node", ["a\ntouch injected", "a b", "a;b", "$(b)", "a\n", "#"])
def test_a_node_that_is_no_one_word_is_refused_for_every_job_and_nothing_is_written(
    root: Path, form: str, node: str
) -> None:
    jobs = jobs_of({"node": node}, {"node": node, "gpus": 0}, {"node": "gpu[01-04],b.c_d"})
    (root / "jobs.json").write_text(json.dumps(jobs))
    code, text = invoke("export", "jobs.json", "--to", form, "--output-dir", "runs")
    assert code == 2
    told = [line for line in text.splitlines() if "no node has" in line]
    assert [line.split(":")[0].strip(" -") for line in told] == ["$[0]", "$[1]"]
    assert not (root / "runs").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("form", "seen"), [("parallel", "1"), ("hq", "1"), ("slurm", "0")])
@pytest.mark.usefixtures("root")
def test_what_shares_out_an_allocation_of_slurm_says_by_masks_who_has_which_gpu(
    monkeypatch: pytest.MonkeyPatch, form: str, seen: str
) -> None:
    for name in ("SLURM_STEP_GPUS", "SLURM_JOB_GPUS"):
        monkeypatch.setenv(name, "0,1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    made = export(form, jobs_of({"gpus": 1, "platform": "cuda"}))
    subprocess.run([sys.executable, task_file(made), "1"], check=True, timeout=90)
    assert take_in(made["run_id"])["j0"]["outcome"] == "succeeded"
    assert given(made, "j0")["SEEDFLEET_GPU_IDS"] == seen


@pytest.mark.usefixtures("root")
def test_nobody_else_reads_what_jobs_have_in_their_environment() -> None:
    made = export("slurm", jobs_of({"env": {"API_TOKEN": "hunter-2"}}))
    holding = [each for each in Path(made["folder"]).rglob("*") if _holds(each, b"hunter-2")]
    assert {each.name for each in holding} == {"1.json", "jobs.json"}
    for each in holding:
        above = [each, *list(each.parents)[: len(each.relative_to(made["folder"]).parts) - 1]]
        assert any(not place.stat().st_mode & 0o077 for place in above), each


def _holds(path: Path, text: bytes) -> bool:
    return path.is_file() and text in path.read_bytes()


def test_a_disk_that_refuses_leaves_no_half_a_run(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: object, data: bytes, **_: object) -> None:
        del path, data
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("seedfleet.fleet.exporting.write_atomically", full)
    (root / "jobs.json").write_text(json.dumps(jobs_of({})))
    code, text = invoke("export", "jobs.json", "--to", "slurm", "--output-dir", "runs")
    assert code == 2
    assert "No space left" in text
    assert not list((root / "runs").iterdir())


@pytest.mark.usefixtures("root")
def test_what_slurm_is_to_be_asked_is_in_every_array_script() -> None:
    wishes = ("partition=gpu", "account=a&b", "cuda=v100", "gres_type=big", "gpus_flag=gpus")
    words = [word for wish in wishes for word in ("--engine-option", wish)]
    made = export("slurm", jobs_of({"gpus": 0}, {"platform": "cuda"}), *words)
    plain, cuda = (Path(name).read_text().splitlines() for name in made["files"])
    for text in (plain, cuda):
        assert "#SBATCH --partition=gpu" in text
        assert "#SBATCH '--account=a&b'" in text
    assert "#SBATCH --constraint=v100" in cuda
    assert "#SBATCH --gpus=big:1" in cuda
    assert not any("constraint" in line or "gpus" in line for line in plain)
    assert made["notes"] == [], "which machines have that was said"


@pytest.mark.parametrize(
    ("form", "word", "why"),
    [
        ("slurm", "slots=3", "--default-gpus and --python"),
        ("slurm", "default_gpus=0", "--default-gpus and --python"),
        ("slurm", "gpus_flag=x", "it takes gres or gpus"),
        ("slurm", "partition=a\n#SBATCH -w x", "printable"),
        ("slurm", "partition", "is not K=V"),
        ("hq", "partition=gpu", "goes with --to slurm"),
        ("parallel", "partition=gpu", "goes with --to slurm"),
    ],
)
def test_a_wish_that_an_export_cannot_pass_on_is_refused_and_nothing_is_written(
    root: Path, form: str, word: str, why: str
) -> None:
    Path("jobs.json").write_text(json.dumps(jobs_of({})))
    code, text = invoke("export", "jobs.json", "--to", form, "--engine-option", word)
    assert code == 2
    assert why in text
    assert not (root / "full_scoring_results").exists()


def test_arrays_are_no_longer_than_slurm_takes_by_default_and_leave_out_no_task() -> None:
    requests = [Request(number % 2, 60.0) for number in range(4101)]
    tasks = TaskList(run_id="r", words=("p",), folder="/f", logs="/l", requests=requests)
    files = FORMS["slurm"].write(tasks).files
    seen: list[int] = []
    for text in files.values():
        numbers = [int(word) for word in text.split("\nset -- ")[1].split("\n")[0].split()]
        assert f"--array=0-{len(numbers) - 1}\n" in text
        assert len(numbers) <= 1000
        assert {requests[number - 1].gpus for number in numbers} == {int("gres=gpu:1" in text)}
        seen += numbers
    assert sorted(seen) == list(range(1, 4102))
