"""What is removed from a node, and what is kept, whatever is asked."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from seedfleet.fleet.node.cleaning import clean
from seedfleet.fleet.node.layout import AttemptFolder, tombstone
from seedfleet.fleet.node.locks import Lock
from seedfleet.fleet.node.processes import TOKEN_VARIABLE

if TYPE_CHECKING:
    from pathlib import Path

DAY_S = 86_400.0
TOKEN = "seedfleet-test-clean/a/1"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "home"


def attempt(
    home: Path, name: str, outcome: str | None = "failed", *, days: float = 10
) -> AttemptFolder:
    """Leave an attempt behind that ended so many days ago; None: its supervisor was killed."""
    run, job, number = name.split("/")
    folder = AttemptFolder(home / "runs" / run / "attempts" / job / number)
    folder.path.mkdir(parents=True)
    folder.alive.write_text("1")
    folder.stdout.write_text("x" * 1000)
    if outcome is not None:
        folder.status.write_text(json.dumps({"outcome": outcome}))
    make_old(home, days)
    return folder


def make_old(home: Path, days: float = 10) -> None:
    for path in (home, *home.rglob("*")):
        when = path.stat().st_mtime - days * DAY_S
        os.utime(path, (when, when))


def cleaned(home: Path, **settings: Any) -> dict[str, Any]:
    wishes = {"home": str(home), "root": str(home.parent / "root"), "run_id": None}
    return clean(wishes | {"older_than_s": DAY_S, "dry_run": False} | settings)


def whats(report: dict[str, Any], part: str = "removed") -> list[str]:
    return [each["what"] for each in report[part]]


def test_failed_attempts_go_and_their_empty_run_with_them(home: Path) -> None:
    attempt(home, "r1/a/1")
    attempt(home, "r1/a/2", "timed_out")
    report = cleaned(home)
    assert whats(report) == ["r1/a/1", "r1/a/2", "r1"]
    assert report["freed_bytes"] == sum(each["size_bytes"] for each in report["removed"]) > 2000
    assert not (home / "runs/r1").exists()
    assert cleaned(home) == {"removed": [], "kept": [], "problems": [], "freed_bytes": 0}


def test_where_a_supervisor_may_still_come_it_finds_a_tombstone(home: Path) -> None:
    folder = attempt(home, "r1/a/1", days=0)
    assert whats(cleaned(home, older_than_s=0.0)) == ["r1/a/1"]
    assert tombstone(folder.path).exists()
    make_old(home, 0.1)
    assert whats(cleaned(home)) == ["r1"]


@pytest.mark.parametrize("named", [None, "r1"])
def test_a_living_attempt_is_never_touched(home: Path, named: str | None) -> None:
    folder = attempt(home, "r1/a/1", None, days=100)
    alive = Lock(folder.alive)
    assert alive.acquire_nowait()
    report = cleaned(home, run_id=named, older_than_s=0.0)
    assert whats(report, "kept") == ["r1/a/1"]
    assert report["removed"] == []
    assert folder.stdout.exists()
    alive.release()


def test_a_result_that_nobody_fetched_goes_only_by_name(home: Path) -> None:
    folder = attempt(home, "r1/a/1", "succeeded")
    other = attempt(home, "r2/a/1", "succeeded")
    report = cleaned(home)
    assert whats(report, "kept") == ["r1/a/1", "r2/a/1"]
    assert "resume" in report["kept"][0]["why"]
    assert whats(cleaned(home, run_id="r1")) == ["r1/a/1", "r1"]
    assert not folder.path.exists()
    assert other.status.exists()


def test_a_result_whose_copy_the_head_has_goes_by_age(home: Path) -> None:
    copy = home.parent / "status.json"
    for run in ("r1", "r2"):
        folder = attempt(home, f"{run}/a/1", "succeeded")
        folder.order.write_text(json.dumps({"delivered": str(copy) if run == "r1" else "/none"}))
    make_old(home)
    assert set(whats(cleaned(home), "kept")) == {"r1/a/1", "r2/a/1"}
    copy.write_text("{}")
    report = cleaned(home)
    assert whats(report) == ["r1/a/1", "r1"]
    assert whats(report, "kept") == ["r2/a/1"]
    assert "--run RUN_ID" in report["kept"][0]["why"], "what can be done"


@pytest.mark.parametrize("dry_run", [True, False])
def test_old_tombstones_go_although_something_of_their_run_stays(
    home: Path, *, dry_run: bool
) -> None:
    kept = attempt(home, "r1/a/2", "succeeded")
    old, new = (tombstone(kept.path.with_name(number)) for number in ("1", "3"))
    old.touch()
    make_old(home)
    new.touch()
    report = cleaned(home, dry_run=dry_run)
    assert whats(report) == ["r1: 1 marks of attempts cleared before"]
    assert (old.exists(), new.exists()) == (dry_run, True)
    assert kept.path.exists()
    cleaned(home, older_than_s=0.0)
    assert new.exists(), "a supervisor may still come, however young things may be removed"


def test_files_that_stood_at_output_paths_go_only_by_name(home: Path) -> None:
    folder = attempt(home, "r1/a/1")
    folder.previous.mkdir()
    (folder.previous / "0").write_text("the old result")
    make_old(home)
    report = cleaned(home)
    assert str(folder.previous) in report["kept"][0]["why"]
    assert (folder.previous / "0").exists()
    assert "r1/a/1" in whats(cleaned(home, run_id="r1"))


def test_age_counts_from_the_end(home: Path) -> None:
    attempt(home, "r1/a/1", days=3)
    attempt(home, "r1/b/1", days=0)  # makes the other one 3 days old, this one new
    folder = home / "runs/r1/attempts/b/1"
    report = cleaned(home, older_than_s=2 * DAY_S)
    assert whats(report) == ["r1/a/1"]
    assert whats(report, "kept") == ["r1/b/1"]
    assert folder.exists()
    assert whats(cleaned(home, older_than_s=0.0)) == ["r1/b/1"]


def test_a_dry_run_says_the_same_and_removes_nothing(home: Path) -> None:
    attempt(home, "r1/a/1")
    attempt(home, "r2/a/1", "succeeded")
    attempt(home, "r3/a/1", None)
    before = sorted(home.rglob("*"))
    dry = cleaned(home, dry_run=True)
    assert sorted(home.rglob("*")) == before
    wet = cleaned(home)
    assert whats(dry) == whats(wet) == ["r1/a/1", "r1", "r3/a/1", "r3"]
    assert whats(dry, "kept") == whats(wet, "kept") == ["r2/a/1"]
    assert abs(dry["freed_bytes"] - wet["freed_bytes"]) < 500, "but for what settling writes"


def test_what_a_killed_supervisor_left_is_settled_first(home: Path) -> None:
    folder = attempt(home, "r1/a/1", None)
    left = subprocess.Popen(["sleep", "60"], env={**os.environ, TOKEN_VARIABLE: TOKEN})
    old = home.parent / "root" / "out.json"
    folder.previous.mkdir()
    (folder.previous / "0").write_text("the old result")
    places = [{"path": str(old), "existed": True}, {"path": f"{old}.done", "existed": False}]
    folder.previous_list.write_text(json.dumps(places))
    order = {
        "run_id": "r1",
        "token": TOKEN,
        "kill_grace_s": 0.1,
        "job_lease": str(home / "runs/r1/leases/a"),
        "home_shared": False,
        "lock_folder": str(home / "locks"),
        "gpu_locks": [],
        "preserve_paths": True,
        "outputs": [{"path": str(old)}],
    }
    folder.order.write_text(json.dumps(order))
    make_old(home)
    try:
        assert "r1/a/1" in whats(cleaned(home))
        assert left.wait(10) != 0
    finally:
        left.kill()
        left.wait()
    assert old.read_text() == "the old result"


def test_leftovers_go_when_they_are_old(home: Path) -> None:
    attempt(home, "r1/a/1", "succeeded")
    job = home / "runs/r1/attempts/a"
    draft, born = job / ".2.0123456789ab", job / ".3.0123456789ab"
    for folder in (draft, born):
        folder.mkdir()
        (folder / "attempt.json").write_text("{}")
    shown = home / (".shown-" + "0" * 16)
    part = home.parent / "root" / ".work.py.0123abcd.part"
    ours = home.parent / "root" / ".notes.part"
    for path in (shown, part, ours):
        path.write_text("x")
    make_old(home)
    os.utime(part, (0, 0))
    os.utime(ours, (0, 0))
    lock = Lock(born / "alive")
    assert lock.acquire_nowait()
    report = cleaned(home)
    assert set(whats(report)) == {"r1/a/.2.0123456789ab", str(shown), str(part)}
    assert born.exists()
    assert ours.exists()
    lock.release()
    fresh = home.parent / "root" / ".work.py.0123abcd.part"
    fresh.write_text("on its way")
    assert cleaned(home)["removed"] == []


def test_an_empty_run_that_is_new_may_just_be_beginning(home: Path) -> None:
    (home / "runs/r1/attempts").mkdir(parents=True)
    assert cleaned(home)["removed"] == []
    make_old(home)
    lease = Lock(home / "runs/r1/leases/a")
    assert lease.acquire_nowait()
    make_old(home)
    assert cleaned(home)["removed"] == [], "somebody has a job of it"
    lease.release()
    assert whats(cleaned(home)) == ["r1"]


@pytest.mark.parametrize("run_id", ["..", ".", "", "a/b", "/etc"])
def test_a_run_is_a_name_and_no_path(home: Path, run_id: str) -> None:
    with pytest.raises(ValueError, match="no run id"):
        cleaned(home, run_id=run_id)


def test_one_attempt_in_trouble_does_not_stop_the_others(home: Path) -> None:
    folder = attempt(home, "r1/a/1")
    folder.status.unlink()
    folder.status.mkdir()
    attempt(home, "r1/b/1")
    make_old(home)
    report = cleaned(home)
    assert whats(report) == ["r1/b/1"]
    assert len(report["problems"]) == 1
    assert report["problems"][0].startswith("r1/a/1: ")


def test_where_nothing_ever_ran_there_is_nothing_to_clean(home: Path) -> None:
    assert cleaned(home) == {"removed": [], "kept": [], "problems": [], "freed_bytes": 0}
    assert cleaned(home, run_id="none")["removed"] == []
    assert not home.exists()
