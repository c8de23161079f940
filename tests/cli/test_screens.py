"""The live table and the estimate in it, and Ctrl-C before there is anything to interrupt."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from seedfleet.cli import main
from seedfleet.cli._forecast import Forecast
from seedfleet.cli._picture import RunPicture
from seedfleet.cli._run_table import RunTable
from seedfleet.cli._run_view import line_of, parallel_lines
from seedfleet.cli._words import duration
from seedfleet.fleet.engines.base import Allocation, Ended, Gpu, Node
from seedfleet.fleet.outcome import Cancelled, Failed, Outcome, Succeeded, Superseded
from seedfleet.fleet.progress import (
    AttemptEnded,
    AttemptStarted,
    JobDone,
    NodeContact,
    RunStarted,
)

SECONDS = st.floats(0, 1e6)


def picture(nodes: int = 3, jobs: int = 10_000, running: int = 100) -> RunPicture:
    made, now = RunPicture(), 1e9
    offered = tuple(
        Node(f"192.0.2.{number}", "cuda", tuple(Gpu(index) for index in range(12)), 8)
        for number in range(nodes)
    )
    made.hear(RunStarted("r", Path("none"), offered, jobs, 0), now)
    for number in range(running):
        where = Allocation(offered[number % nodes].name, (number % 12,))
        made.hear(AttemptStarted(f"job-{number:05}", 1, where), now)
    return made


def drawn(made: RunPicture, width: int, height: int = 24) -> list[str]:
    console = Console(width=width, height=height, file=io.StringIO())
    with console.capture() as capture:
        console.print(RunTable(made, lambda: 1e9 + 75))
    return capture.get().splitlines()


def test_the_table_tells_who_waits_in_the_line_of_a_scheduler(tmp_path: Path) -> None:
    made = RunPicture()
    line = Node("slurm", "any", (), cpu_slots=9, queue=True)
    made.hear(RunStarted("r", tmp_path, (line,), 5, 0), 1e9)
    for number, name in enumerate(("begun", "next", "last")):
        made.hear(AttemptStarted(name, 1, Allocation("slurm", (), number)), 1e9)
    (tmp_path / "queue/attempts/begun/1").mkdir(parents=True)
    (tmp_path / "queue/leases").mkdir()
    (tmp_path / "queue/leases/begun").touch()
    os.utime(tmp_path / "queue/leases/begun", (1e9 + 74, 1e9 + 74))
    lines = drawn(made, 80)
    assert [each.split()[:2] for each in lines if each.split()[1] == "slurm"] == [
        ["begun", "slurm"]
    ]
    assert [each.split()[:3] for each in lines if "slurm," in each] == [
        ["next", "slurm,", "waiting"],
        ["last", "slurm,", "waiting"],
    ]
    assert "2 of those waiting in the queue" in "\n".join(lines)


def test_of_a_queue_those_that_run_tell_how_many_do_at_once(tmp_path: Path) -> None:
    made = RunPicture()
    line = Node("slurm", "any", (), cpu_slots=9, queue=True)
    made.hear(RunStarted("r", tmp_path, (line,), 12, 0), 1e9)
    for number in range(12):
        made.hear(AttemptStarted(f"j{number}", 1, Allocation("slurm", (), 0)), 1e9)
    for number in range(3):
        ended = JobDone(f"j{number}", Succeeded(()), {}, 10.0, number + 1, 12)
        made.hear(ended, 1e9 + 60)
    made.look(1e9 + 60)
    assert made.left_s(1e9 + 60) is None, "nothing runs"
    for number in (3, 4):
        (tmp_path / f"queue/attempts/j{number}/1").mkdir(parents=True)
        lease = tmp_path / f"queue/leases/j{number}"
        lease.parent.mkdir(exist_ok=True)
        lease.touch()
        os.utime(lease, (1e9 + 74, 1e9 + 74))
    made.look(1e9 + 74)
    assert made.left_s(1e9 + 74) == pytest.approx(9 * 10 / 2)


def test_jobs_without_a_gpu_have_slots_of_their_own_on_a_node_with_gpus() -> None:
    node = Node("a", "cuda", (Gpu(0), Gpu(1)), cpu_slots=3)
    on_gpu, on_cpu = Allocation("a", (1,)), Allocation("a", (), 2)
    gpus = "🔀 PARALLEL: a | 2 GPU workers | 1 jobs | distribution: {0: 0, 1: 1}"
    cpus = "🔀 PARALLEL: a | 3 CPU workers | 2 jobs | distribution: {0: 0, 1: 0, 2: 2}"
    assert parallel_lines([node], [on_cpu, on_cpu]) == [cpus]
    assert parallel_lines([node], [on_cpu, on_gpu, on_cpu]) == [gpus, cpus]
    assert parallel_lines([node], [on_gpu]) == [gpus]


def test_jobs_without_a_gpu_take_no_slot_of_a_node_whose_slots_are_gpus() -> None:
    made, node = RunPicture(), Node("a", "cuda", (Gpu(0), Gpu(1)), cpu_slots=3)
    made.hear(RunStarted("r", Path("none"), (node,), 4, 0), 1e9)
    places = {
        "g": Allocation("a", (0, 1)),
        "c": Allocation("a", (), 0),
        "d": Allocation("a", (), 2),
    }
    for name, where in places.items():
        made.hear(AttemptStarted(name, 1, where), 1e9)
    assert drawn(made, 80)[1].split()[:3] == ["a", "2/2", "+2"]
    for name in ("c", "g"):
        made.hear(JobDone(name, Succeeded(()), {}, 3.0, 1, 4), 1e9)
    assert drawn(made, 80)[1].split()[:3] == ["a", "0/2", "+1"]


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_table_fits_its_terminal_and_cuts_no_number(width: int) -> None:
    made = picture()
    made.hear(JobDone("job-00000", Failed(1, None), {}, 3.0, 1, 10_000), 1e9)
    gone = Node("192.0.2.1", "cuda", (), 8, contact=False)
    made.hear(NodeContact(gone, "ssh: connect to host 192.0.2.1: " + "refused " * 20), 1e9 + 10)
    lines = drawn(made, width)
    assert len(lines) < 24
    assert all(len(line) <= width for line in lines)
    text = " ".join(lines)
    assert "33/12" in text
    assert "1 min 15 s" in text
    assert "none" in text
    assert "1 of 10000 jobs done, 1 without success, 9999 left" in " ".join(text.split())
    shown = sum("job-" in line for line in lines)
    assert f"{99 - shown} more running" in text


def test_many_nodes_are_capped_and_those_in_trouble_come_first() -> None:
    made = picture(nodes=40)
    gone = Node("192.0.2.39", "cuda", (), 8, contact=False)
    made.hear(NodeContact(gone, "silent"), 1e9)
    lines = drawn(made, 80, 40)
    assert lines[1].startswith("192.0.2.39")
    assert any("… 24 more" in line for line in lines)


def test_nodes_count_jobs_and_give_their_slots_back() -> None:
    made = picture(nodes=1, running=2)
    made.hear(JobDone("job-00000", Succeeded(()), {}, 3.0, 1, 3), 1e9)
    node = made.nodes["192.0.2.0"]
    assert (node.busy, node.succeeded, node.failed) == (1, 1, 0)
    assert list(made.running) == ["job-00001"]


def test_nothing_is_foretold_from_nothing() -> None:
    forecast = Forecast(10)
    assert forecast.left_s([], 4) is None
    for number in range(3):
        forecast.job_done(str(number), 10.0, succeeded=False)
    assert forecast.left_s([], 4) is None, "failures say nothing of how long others take"
    for number in range(3, 6):
        forecast.job_done(str(number), 10.0, succeeded=True)
    assert forecast.left_s([], 2) == 20.0
    assert forecast.left_s([], 0) is None


def test_known_durations_foretell_from_the_start() -> None:
    forecast = Forecast(3, {"a": 30.0, "b": 10.0, "c": 10.0})
    assert forecast.left_s([("a", 5.0)], 2) == 25.0
    forecast.job_done("a", 60.0, succeeded=True)
    assert forecast.left_s([], 2) == 10.0
    assert forecast.left_s([("b", 50.0), ("c", 50.0)], 2) is None, "overdue: no telling"


def test_what_rounding_leaves_of_nothing_is_no_estimate() -> None:
    known = {"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.7}
    forecast = Forecast(4, known)
    for job_id in ("d", "c", "b"):
        forecast.job_done(job_id, 1.0, succeeded=True)
    assert forecast.left_s([("a", 5.0)], 1) is None


@given(st.lists(SECONDS, min_size=1, max_size=20), st.integers(1, 8))
def test_an_estimate_is_no_less_than_the_work_and_the_longest_job(
    durations: list[float], slots: int
) -> None:
    expected = {str(number): seconds for number, seconds in enumerate(durations)}
    left_s = Forecast(len(durations), expected).left_s(((name, 0.0) for name in expected), slots)
    if left_s is None:
        assert max(*durations, sum(durations) / slots) <= 1e-3
    else:
        assert left_s >= max(durations)
        assert left_s * slots >= sum(durations) * (1 - 1e-9)


@given(SECONDS)
def test_a_duration_is_written_with_at_most_two_units(seconds: float) -> None:
    numbers = [word for word in duration(seconds).split() if word.isdigit()]
    assert 1 <= len(numbers) <= 2


@pytest.mark.slow
@pytest.mark.parametrize("module", ["click", "seedfleet.cli", "seedfleet.cli.run", "asyncio"])
def test_ctrl_c_before_there_is_a_run_is_exit_code_3_and_says_so(
    module: str, tmp_path: Path
) -> None:
    code = f"""
import signal, sys
class Interrupt:
    def find_spec(self, name, *_):
        if name == {module!r}:
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Interrupt())
sys.argv = ["seedfleet", "run", "jobs.json"]
from seedfleet.__main__ import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3, done
    assert done.stderr.strip() == "interrupted; nothing was started"
    assert done.stdout == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_names_the_program(shell: str) -> None:
    shown = CliRunner().invoke(main, ["completion", shell])
    assert shown.exit_code == 0
    assert "_SEEDFLEET_COMPLETE" in shown.stdout


def test_run_ids_and_job_ids_complete_from_the_folder_of_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "out" / "run-1"
    folder.mkdir(parents=True)
    (folder / "jobs.json").write_text('[{"job_id": "alpha"}, {"job_id": "beta"}]')

    def complete(line: str) -> str:
        words = line.split(" ")
        made = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
        environment = {"_SEEDFLEET_COMPLETE": "bash_complete", **made}
        return CliRunner().invoke(main, [], prog_name="seedfleet", env=environment).stdout

    assert complete("seedfleet logs --output-dir out r") == "plain,run-1\n"
    assert complete("seedfleet logs --output-dir out run-1 b") == "plain,beta\n"
    assert complete("seedfleet cancel --output-dir out run-1 alpha b") == "plain,beta\n"


def test_the_end_of_a_superseded_attempt_leaves_the_row_of_the_other() -> None:
    made = picture(running=1)
    elsewhere = Allocation("192.0.2.1", (3,))
    made.hear(AttemptStarted("job-00000", 2, elsewhere), 1e9 + 5)
    old = Ended("job-00000", 1, Superseded(2))
    made.hear(AttemptEnded(old, Allocation("192.0.2.0", (0,)), True), 1e9 + 6)
    assert made.running["job-00000"].attempt == 2
    assert {name: each.busy for name, each in made.nodes.items()} == {
        "192.0.2.0": 0,
        "192.0.2.1": 1,
        "192.0.2.2": 0,
    }
    made.hear(JobDone("job-00000", Succeeded(()), {}, 3.0, 1, 10_000), 1e9 + 7)
    assert made.nodes["192.0.2.1"].succeeded == 1
    new = Ended("job-00001", 1, Failed(1, None))
    made.hear(AttemptStarted("job-00001", 1, elsewhere), 1e9 + 8)
    made.hear(AttemptEnded(new, elsewhere, True), 1e9 + 9)
    assert not made.running


@pytest.mark.parametrize(
    ("outcome", "again", "then"),
    [
        (Superseded(2), True, "attempt 2 counts in its stead"),
        (Superseded(2), False, "attempt 2 counts in its stead"),
        (Cancelled(), False, "as asked"),
        (Failed(1, None), True, "trying again"),
        (Failed(1, None), False, "giving up"),
    ],
)
def test_what_follows_the_end_of_an_attempt_is_told_as_it_is(
    outcome: Outcome, again: bool, then: str
) -> None:
    event = AttemptEnded(Ended("j", 1, outcome, detail="so"), Allocation("n", (3,)), again)
    assert line_of(event) == f"j: attempt 1 on n GPU 3: so; {then}"
