"""Two copies of one attempt: what a second task, and the head, do while the first one may live."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest
from queue_house import own_run_id

from seedfleet.fleet import Job
from seedfleet.fleet.engines.base import Attempt, Node, Rules
from seedfleet.fleet.engines.queued.arrivals import Arrivals
from seedfleet.fleet.engines.queued.folder import QueueFolder, TaskRules
from seedfleet.fleet.engines.queued.scheduler import TaskState
from seedfleet.fleet.node.locks import Lock
from seedfleet.fleet.node.task import main as run_task
from seedfleet.fleet.outcome import Lost
from seedfleet.fleet.paths import RunPaths

if TYPE_CHECKING:
    from pathlib import Path

    from seedfleet.fleet.engines.base import Ended

RUN = own_run_id()


def holder(**changes: Any) -> str:
    """Write a lease as a supervisor on another machine does: its process is not seen here."""
    known = {"name": "x", "pid": 1, "host": "elsewhere", "boot_id": "b", "token": f"{RUN}/a/1"}
    return json.dumps(known | changes)


class Copy:
    """What a first copy has left, and the order of its task."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.queue, self.lease = folder / "queue", folder / "lease"
        self.attempt = self.queue / "attempts/a/1"
        self.attempt.mkdir(parents=True)
        (self.attempt / "left").touch()
        order: dict[str, Any] = {"folder": str(self.attempt), "token": f"{RUN}/a/1"}
        order |= {"job_lease": str(self.lease), "ended_mark": str(self.queue / "ended/1")}
        order |= {"rerun": True, "in_place": False}
        (self.queue / "orders").mkdir()
        (self.queue / "orders/1.json").write_text(json.dumps(order | changes))

    def start_again(self) -> None:
        assert run_task([str(self.queue / "task.pyz"), "1"]) == 0

    def is_untouched(self) -> bool:
        names = {path.name for path in self.attempt.iterdir()} - {"alive"}
        return names == {"left"} and [p.name for p in self.attempt.parent.iterdir()] == ["1"]


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
        (path.parent / "status.json").write_text("its end")
        return False

    monkeypatch.setattr("seedfleet.fleet.node.task.is_held", is_held_no_more)
    copy.start_again()
    assert (copy.attempt / "status.json").read_text() == "its end"
    assert (copy.queue / "ended/1").exists(), "as it may be that nobody has said so"


def test_what_must_not_run_again_ends_as_lost_when_its_task_is_started_again(
    tmp_path: Path,
) -> None:
    copy = Copy(tmp_path, rerun=False)
    copy.start_again()
    assert json.loads((copy.attempt / "status.json").read_text())["outcome"] == "lost"
    assert (copy.queue / "ended/1").exists(), "the head hears of it"
    assert [path.name for path in copy.attempt.parent.iterdir()] == ["1"]


def test_an_attempt_that_shows_life_on_another_machine_is_not_believed_lost(
    tmp_path: Path,
) -> None:
    """Its scheduler may say what it likes: no flock of that machine is seen here, beats are."""
    paths = RunPaths(root=tmp_path, output_dir=tmp_path / "out", run_id=RUN, preserve=False)
    folder = QueueFolder(paths, Rules(), Node("line", "any", (), cpu_slots=1), TaskRules())
    job = Job(job_id="a", script="work.sh", args=("{output}",), expected_output="a.out")
    attempt = Attempt(job, 1)
    folder.attempt(attempt).path.mkdir(parents=True)
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
