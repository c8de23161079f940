"""Copies of one attempt: what a second task, and the head, do while the first one may live."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from queue_house import BASE, own_run_id

from seedfleet.fleet import Job
from seedfleet.fleet.engines.base import Attempt, Node, Rules
from seedfleet.fleet.engines.queued.arrivals import Arrivals
from seedfleet.fleet.engines.queued.folder import QueueFolder, TaskRules
from seedfleet.fleet.engines.queued.scheduler import TaskState
from seedfleet.fleet.node.copies import begin, take_over
from seedfleet.fleet.node.leases import Leases
from seedfleet.fleet.node.locks import Lock
from seedfleet.fleet.node.processes import living
from seedfleet.fleet.node.task import main as run_task
from seedfleet.fleet.outcome import Lost, Succeeded
from seedfleet.fleet.paths import RunPaths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seedfleet.fleet.engines.base import Ended
    from seedfleet.fleet.node.layout import AttemptFolder

RUN = own_run_id()


def holder(**changes: Any) -> str:
    """Write a lease as a supervisor on another machine does: its process is not seen here."""
    known = {"name": "x", "pid": 1, "host": "elsewhere", "boot_id": "b", "token": f"{RUN}/a/1"}
    return json.dumps(known | changes)


class Copy:
    """What a first copy has left, and the order of its task."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.queue, self.lease = folder / "queue", folder / "lease"
        self.named = self.queue / "attempts/a/1"
        self.attempt = self.queue / "attempts/a/1.copies/1"
        self.attempt.mkdir(parents=True)
        self.named.symlink_to("1.copies/1")
        (self.attempt / "left").touch()
        order: dict[str, Any] = {"folder": str(self.named), "token": f"{RUN}/a/1"}
        order |= {"job_lease": str(self.lease), "ended_mark": str(self.queue / "ended/1")}
        order |= {"home_shared": True, "lock_folder": str(folder / "locks"), "gpu_locks": []}
        order |= {"interpreter": [], "platform": None, "gpus": 0, "root": str(folder)}
        order |= {"rerun": True, "in_place": False}
        (self.queue / "orders").mkdir()
        (self.queue / "orders/1.json").write_text(json.dumps(order | changes))

    def order(self) -> dict[str, Any]:
        order: dict[str, Any] = json.loads((self.queue / "orders/1.json").read_text())
        return order

    def start_again(self) -> None:
        assert run_task([str(self.queue / "task.pyz"), "1"]) == 0

    def is_untouched(self) -> bool:
        names = {path.name for path in self.attempt.iterdir()} - {"alive"}
        return names == {"left"} and self.copies() == ["1"]

    def copies(self) -> list[str]:
        return [path.name for path in self.attempt.parent.iterdir()]


@pytest.mark.slow
def test_a_task_that_starts_while_its_first_copy_shows_that_it_lives_touches_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On another machine, that is: its heartbeats alone are seen here."""
    copy = Copy(tmp_path)
    copy.lease.write_text(holder())
    over = threading.Event()

    def beat() -> None:
        while not over.wait(0.2):
            os.utime(copy.lease)

    beats = threading.Thread(target=beat)
    beats.start()
    try:
        copy.start_again()
    finally:
        over.set()
        beats.join()
    assert "runs already" in capsys.readouterr().out
    assert copy.is_untouched()


def test_a_task_that_starts_before_its_first_copy_has_its_lease_touches_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lock on its folder says that it lives, and it has that from its very beginning."""
    copy = Copy(tmp_path)
    alive = Lock(copy.attempt / "alive")
    assert alive.acquire_nowait()
    try:
        copy.start_again()
    finally:
        alive.release()
    assert "runs already" in capsys.readouterr().out
    assert copy.is_untouched()


def test_a_task_that_starts_while_its_first_copy_ends_leaves_the_end_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = Copy(tmp_path)

    def is_held_no_more(path: Path) -> bool:
        path.with_name("status.json").write_text("its end")
        return False

    monkeypatch.setattr("seedfleet.fleet.node.copies.is_held", is_held_no_more)
    copy.start_again()
    assert (copy.attempt / "status.json").read_text() == "its end"
    assert (copy.queue / "ended/1").exists(), "as it may be that nobody has said so"


def test_of_two_dead_copies_the_one_that_came_last_is_made_way_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It came, and died, between the look at the first one and the lease."""
    copy, looks = Copy(tmp_path), [0]
    later = copy.attempt.with_name("2")

    def has_died(*_: object) -> bool:
        if not looks[0]:
            later.mkdir()
            copy.named.unlink()
            copy.named.symlink_to("1.copies/2")
        looks[0] += 1
        return True

    cleared: list[Path] = []

    def put_back(folder: AttemptFolder, order: object) -> bool:
        del order
        cleared.append(folder.path)
        return True

    monkeypatch.setattr("seedfleet.fleet.node.copies._has_died", has_died)
    monkeypatch.setattr("seedfleet.fleet.node.copies.put_back", put_back)
    leases = take_over(copy.order() | {"kill_grace_s": 0.0})
    assert leases is not None
    leases.release()
    assert cleared == [later]


def test_a_copy_that_has_lost_its_lease_does_not_count(tmp_path: Path) -> None:
    copy = Copy(tmp_path)
    order = copy.order() | {"outputs": [], "preserve_paths": True}
    order |= {"delivered": str(tmp_path / "delivered")}
    leases = Leases(order)
    assert leases.take_job_nowait()
    copy.lease.write_text(holder())  # believed dead, since it stood still for long
    assert begin(order, leases) is None
    assert copy.named.readlink() == Path("1.copies/1")
    assert copy.copies() == ["1"]


def test_what_must_not_run_again_ends_as_lost_when_its_task_is_started_again(
    tmp_path: Path,
) -> None:
    copy = Copy(tmp_path, rerun=False)
    copy.start_again()
    assert json.loads((copy.attempt / "status.json").read_text())["outcome"] == "lost"
    assert (copy.queue / "ended/1").exists(), "the head hears of it"
    assert copy.copies() == ["1"]
    assert not copy.lease.exists(), "another attempt may have it"


@pytest.mark.slow
def test_an_attempt_that_shows_life_on_another_machine_is_not_believed_lost(
    tmp_path: Path,
) -> None:
    """Its scheduler may say what it likes: no flock of that machine is seen here, beats are."""
    paths = RunPaths(root=tmp_path, output_dir=tmp_path / "out", run_id=RUN, preserve=False)
    folder = QueueFolder(paths, Rules(), Node("line", "any", (), cpu_slots=1), TaskRules())
    job = Job(job_id="a", script="work.sh", args=("{output}",), expected_output="a.out")
    attempt = Attempt(job, 1)
    left = folder.attempt(attempt).path
    (left.parent / "1.copies/1").mkdir(parents=True)
    left.symlink_to("1.copies/1")
    lease = folder.lease(attempt)
    lease.parent.mkdir()
    lease.write_text(holder())

    def judged() -> Ended | None:
        return Arrivals(paths, folder).judge(attempt, TaskState.OVER, "it says so", cancelled=False)

    assert judged() is None
    assert not folder.attempt(attempt).status.exists()
    os.utime(lease, (0, 0))  # it has been quiet for long
    ended = judged()
    assert ended is not None
    assert isinstance(ended.outcome, Lost)
    assert ended.copy_may_live


# Says that it runs, and waits as long as `hold` is there. The first one leaves a process that
# nobody finds and that writes where it was told to, once `late` is there.
WORK = """#!/bin/sh
if mkdir first 2> /dev/null; then
  env -i "PATH=$PATH" setsid sh -c 'while [ ! -e late ]; do sleep 0.02; done
    echo stale > "$0"; touch written' "$1" > /dev/null 2>&1 &
fi
echo "$1" >> starts
while [ -e hold ]; do sleep 0.02; done
echo good > "$1"
"""

# Stands still after its look at a dead copy until `go` is there.
STALLED = """import os, sys, time
from seedfleet.fleet.node import copies
from seedfleet.fleet.node.task import main
look = copies._has_died
def slow_look(*words):
    found = look(*words)
    open("looked", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.02)
    return found
copies._has_died = slow_look
sys.exit(main(sys.argv[1:]))
"""


class Tasks:
    """One attempt, whose task may be started any number of times."""

    def __init__(self, root: Path) -> None:
        self.root, self.run_id = root, own_run_id()
        (root / "work.sh").write_text(WORK)
        (root / "work.sh").chmod(0o755)
        paths = RunPaths(root=root, output_dir=root / "out", run_id=self.run_id, preserve=False)
        node = Node("line", "any", (), cpu_slots=1)
        tasks = TaskRules(python=sys.executable, default_gpus=0)
        self.folder = QueueFolder(paths, Rules(kill_grace_s=0.5), node, tasks)
        job = Job(job_id="a", script="work.sh", args=("{output}",), expected_output="a.out")
        self.attempt = Attempt(job, 1)
        self.folder.prepare()
        self.folder.write_order(1, self.attempt)
        self.arrivals = Arrivals(paths, self.folder)
        self.started: list[subprocess.Popen[str]] = []
        self.hold = root / "hold"

    def start(self, *words: str) -> subprocess.Popen[str]:
        begin = words or (sys.executable,)
        task = subprocess.Popen(
            [*begin, str(self.folder.task), "1"],
            cwd=self.root,
            env=BASE | {"PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(task)
        return task

    def leave_a_dead_copy(self, number: int = 1) -> None:
        """Kill a supervisor in the middle of its script."""
        self.hold.touch()
        task = self.start()
        until(lambda: self.starts() == number)
        task.kill()
        task.communicate()

    def starts(self) -> int:
        said = self.root / "starts"
        return len(said.read_text().splitlines()) if said.exists() else 0

    def says(self) -> list[str]:
        """Wait for all tasks that were started."""
        open_ones = [task for task in self.started if task.stdout and not task.stdout.closed]
        return [task.communicate(timeout=60)[0] for task in open_ones]

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = json.loads(self.folder.attempt(self.attempt).status.read_bytes())
        return status

    def take_in(self) -> Ended:
        ended = self.arrivals.take_in(self.attempt)
        assert ended is not None
        self.arrivals.settle([(self.attempt, ended)])
        return ended

    def left(self) -> list[str]:
        job = self.folder.attempt(self.attempt).path.parent
        return sorted(path.name for path in job.iterdir())

    def end(self) -> None:
        (self.root / "late").touch()
        self.hold.unlink(missing_ok=True)
        for task in self.started:
            task.kill()
            task.wait()
        for pid in living(f"{self.run_id}/a/1"):
            os.kill(pid, 9)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def tasks(tmp_path: Path) -> Iterator[Tasks]:
    made = Tasks(tmp_path)
    yield made
    made.end()


@pytest.mark.slow
@pytest.mark.parametrize("apart_s", [0.0, 0.4])
def test_of_tasks_that_start_over_a_dead_copy_at_once_one_runs_and_the_others_say_nothing(
    tasks: Tasks, apart_s: float
) -> None:
    tasks.leave_a_dead_copy()
    for _ in range(3):
        tasks.start()
        time.sleep(apart_s)
    until(lambda: tasks.starts() == 2)
    tasks.hold.unlink()
    said = tasks.says()
    assert [task.returncode for task in tasks.started[1:]] == [0, 0, 0], said
    assert sorted(said) == ["", *[f"{tasks.run_id}/a/1 has ended or runs already\n"] * 2]
    assert tasks.starts() == 2
    assert (tasks.status()["outcome"], tasks.status()["copy"]) == ("succeeded", 2)


@pytest.mark.slow
def test_a_task_that_stood_still_after_its_look_leaves_the_copy_that_came_meanwhile_alone(
    tasks: Tasks,
) -> None:
    tasks.leave_a_dead_copy()
    late = tasks.start(sys.executable, "-c", STALLED)
    until((tasks.root / "looked").exists)
    tasks.start()
    until(lambda: tasks.starts() == 2)
    (tasks.root / "go").touch()
    assert late.communicate(timeout=60)[0].endswith("has ended or runs already\n")
    assert late.returncode == 0
    tasks.hold.unlink()
    tasks.says()
    assert tasks.starts() == 2
    assert isinstance(tasks.take_in().outcome, Succeeded)


@pytest.mark.slow
def test_a_copy_that_comes_back_writes_into_no_other_ones_files(tasks: Tasks) -> None:
    tasks.leave_a_dead_copy()
    tasks.leave_a_dead_copy(2)
    tasks.hold.unlink()
    tasks.start().communicate(timeout=60)
    paths = (tasks.root / "starts").read_text().splitlines()
    assert len(set(paths)) == len(paths) == 3
    assert tasks.status()["copy"] == 3
    (tasks.root / "late").touch()
    until((tasks.root / "written").exists)
    assert tasks.left() == ["1", "1.copies"]
    assert isinstance(tasks.take_in().outcome, Succeeded)
    assert tasks.left() == ["1.gone"], "what a preempted copy left goes with the success"


@pytest.mark.slow
def test_the_head_calls_nothing_lost_over_which_a_copy_comes_up(tasks: Tasks) -> None:
    """It looks at a dead copy, and before it says so a task has the job's lease."""
    tasks.leave_a_dead_copy()
    second = tasks.start()
    lease = tasks.folder.lease(tasks.attempt)
    until(lambda: json.loads(lease.read_bytes())["pid"] == second.pid)
    judged = tasks.arrivals.judge(tasks.attempt, TaskState.OVER, "", cancelled=False)
    assert judged is None
    until(lambda: tasks.starts() == 2)
    tasks.hold.unlink()
    tasks.says()
    assert tasks.status()["outcome"] == "succeeded"
