"""Scripts that write in place: stale files never count, old results are never lost."""

from __future__ import annotations

import contextlib
import errno
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from fleet_house import GOOD, House
from hypothesis import example, given
from hypothesis import strategies as st

from seedfleet.fleet import BadInputError, Job, RunReport
from seedfleet.fleet.node import outputs
from seedfleet.fleet.node.layout import AttemptFolder, marker_path
from seedfleet.fleet.node.locks import Lock, path_lock_name
from seedfleet.fleet.node.orphan import settle
from seedfleet.fleet.node.outputs import keep_previous, restore_previous
from seedfleet.fleet.node.supervisor import _see_through
from seedfleet.fleet.outcome import Failed, FailedToStart, OutputMissing

if TYPE_CHECKING:
    from pathlib import Path


def run_in_place(house: House, *jobs: Job) -> RunReport:
    return house.run(*jobs, preserve_paths=True)


@pytest.mark.slow
def test_the_result_and_its_marker_stand_where_the_job_says(house: House) -> None:
    job = house.job(GOOD, expected_output="deep/er/a.json")
    report = run_in_place(house, job)
    assert report.jobs["a"].output == house.root / "deep/er/a.json"
    marker = json.loads((house.root / "deep/er/a.json.done").read_text())
    assert marker["run_id"] == report.run_id
    assert report.folder == house.root / "out/.seedfleet" / report.run_id
    assert not (report.folder / "results").exists()


@pytest.mark.slow
def test_a_stale_result_and_a_stale_marker_do_not_count(house: House) -> None:
    (house.root / "a.json").write_text('{"old": 1}')
    (house.root / "a.json.done").write_text("old marker")
    report = run_in_place(house, house.job("pass"))
    assert report.jobs["a"].outcome == OutputMissing(("a.json",))
    assert (house.root / "a.json").read_text() == '{"old": 1}'
    assert (house.root / "a.json.done").read_text() == "old marker"


@pytest.mark.slow
@pytest.mark.parametrize("script", ["sys.exit(3)", "os.kill(os.getppid(), 9); time.sleep(60)"])
def test_an_old_result_comes_back_after_a_failure(house: House, script: str) -> None:
    (house.root / "a.json").write_text('{"old": 1}')
    (house.root / "a.json.done").write_text("old marker")
    half = "open(out, 'w').write('half'); open(out + '.done', 'w').write('lie'); "
    report = run_in_place(house, house.job(half + script, rerun=False))
    assert not report.succeeded
    assert (house.root / "a.json").read_text() == '{"old": 1}'
    assert (house.root / "a.json.done").read_text() == "old marker"


@pytest.mark.slow
def test_what_a_failed_script_left_is_kept_as_evidence_out_of_the_way(house: House) -> None:
    report = run_in_place(house, house.job("open(out, 'w').write('half'); sys.exit(3)"))
    assert report.jobs["a"].outcome == Failed(3, None)
    assert not (house.root / "a.json").exists()
    kept = house.home / "runs" / report.run_id / "attempts/a/1/rejected/0"
    assert kept.read_text() == "half"


@pytest.mark.slow
def test_a_marker_that_the_script_touches_itself_is_replaced(house: House) -> None:
    report = run_in_place(house, house.job(GOOD + "; open(out + '.done', 'w').write('mine')"))
    assert report.succeeded
    assert json.loads((house.root / "a.json.done").read_text())["job_id"] == "a"


@pytest.mark.slow
def test_a_new_result_replaces_the_old_one(house: House) -> None:
    (house.root / "a.json").write_text('{"old": 1}')
    report = run_in_place(house, house.job("assert not os.path.exists(out); " + GOOD))
    assert report.succeeded
    assert json.loads((house.root / "a.json").read_text()) == {"good": True}


@pytest.mark.slow
def test_two_runs_on_one_path_exclude_each_other(house: House) -> None:
    held = Lock(house.home / "locks" / path_lock_name(house.root / "a.json"))
    assert held.acquire_nowait()
    (house.root / "a.json").write_text("the other run's")
    report = run_in_place(house, house.job(GOOD))
    outcome = report.jobs["a"].outcome
    assert isinstance(outcome, FailedToStart)
    assert "another run is writing" in outcome.problem
    assert (house.root / "a.json").read_text() == "the other run's"
    held.remove()
    assert run_in_place(house, house.job(GOOD)).succeeded


def test_one_file_under_two_names_has_one_lock(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert path_lock_name(tmp_path / "link/x") == path_lock_name(tmp_path / "real/x")
    assert path_lock_name(tmp_path / "real/x") != path_lock_name(tmp_path / "real/y")


class Killed(BaseException):
    """Stands for a supervisor that dies between two system calls."""


# As a marker it is of an earlier run, which must not be taken for one of a later run.
OLD = '{"run_id": "an-earlier-run"}\n   '
CALLS = ("replace", "rename", "mkdir", "unlink")


def die_after(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    left = [steps]
    for name in CALLS:
        real = getattr(os, name)

        def step(*args: object, real: object = real, **kwargs: object) -> object:
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            return real(*args, **kwargs)  # type: ignore[operator]

        monkeypatch.setattr(os, name, step)


@pytest.mark.slow
@given(
    had=st.lists(st.booleans(), min_size=2, max_size=2),
    wrote=st.lists(st.booleans(), min_size=2, max_size=2),
    first_death=st.integers(0, 12),
    second_death=st.integers(0, 12),
    late=st.sampled_from([None, "this-run"]),
)
@example([True, True], [False, False], 3, 12, "this-run")
@example([True, True], [True, True], 12, 3, "this-run")
def test_restoring_works_whenever_the_supervisor_dies(
    tmp_path_factory: pytest.TempPathFactory,
    had: list[bool],
    wrote: list[bool],
    first_death: int,
    second_death: int,
    late: str | None,
) -> None:
    """Killed while keeping or in the script or while restoring: the old files come back."""
    tmp_path = tmp_path_factory.mktemp("places")
    output = tmp_path / "x"
    places = [output, marker_path(output)]
    for place, existed in zip(places, had, strict=True):
        if existed:
            place.write_text(OLD + " " * len(place.name))
    folder = AttemptFolder(tmp_path / "attempt")
    folder.path.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        die_after(first_death, patch)
        try:
            keep_previous(folder, [output])
            started = True
        except Killed:
            started = False
    if started:
        for place, writes in zip(places, wrote, strict=True):
            if writes:
                place.write_text("new")
    with pytest.MonkeyPatch.context() as patch:
        die_after(second_death, patch)
        with contextlib.suppress(Killed):
            restore_previous(folder, late)
    restore_previous(folder, late)
    restore_previous(folder, late)
    now = {place.name: place.read_text() for place in places if place.exists()}
    assert now == {
        place.name: OLD + " " * len(place.name)
        for place, existed in zip(places, had, strict=True)
        if existed
    }


def test_moving_to_another_disk_keeps_one_complete_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_text("content")
    real = os.replace

    def other_disk(old: Path, new: Path) -> None:
        if old == source:
            raise OSError(18, "Invalid cross-device link")
        real(old, new)

    monkeypatch.setattr(os, "replace", other_disk)
    outputs.move(source, target)
    assert target.read_text() == "content"
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


@pytest.mark.slow
def test_a_folder_at_the_output_path_stops_the_job_before_it_starts(house: House) -> None:
    job = house.job(GOOD + "; open('ran', 'w')")
    (house.root / "a.json").mkdir()
    with pytest.raises(BadInputError, match="is a folder"):
        run_in_place(house, job)
    assert not (house.root / "ran").exists()


def orphan(house: House, run_id: str) -> AttemptFolder:
    """Make what a supervisor leaves that was killed while its script had written half a file."""
    output = house.root / "a.json"
    output.write_text("old")
    folder = AttemptFolder(house.home / "runs" / run_id / "attempts/a/1")
    folder.path.mkdir(parents=True)
    folder.alive.touch()
    keep_previous(folder, [output])
    output.write_text("half")
    order = {
        "run_id": run_id,
        "job_id": "a",
        "token": f"{run_id}/a/1",
        "kill_grace_s": 0.1,
        "job_lease": str(house.home / "runs" / run_id / "leases/a"),
        "home_shared": False,
        "lock_folder": str(house.home / "locks"),
        "preserve_paths": True,
        "outputs": [{"path": str(output)}],
        "gpu_locks": [],
    }
    folder.order.write_text(json.dumps(order))
    return folder


def test_an_orphan_is_settled_once_and_the_old_result_is_back(house: House) -> None:
    folder = orphan(house, "r")
    first = settle(folder)
    assert first is not None
    assert first["outcome"] == "lost"
    assert (house.root / "a.json").read_text() == "old"
    (house.root / "a.json").write_text("new, by hand")
    assert settle(folder) == first
    assert (house.root / "a.json").read_text() == "new, by hand"


def test_a_file_that_cannot_reach_another_disk_stays_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "here", tmp_path / "there"
    source.write_text("all there is")

    def refused(one: Path, other: Path) -> None:
        code = errno.EXDEV if one == source else errno.EIO
        raise OSError(code, os.strerror(code), str(one), None, str(other))

    monkeypatch.setattr(os, "replace", refused)
    with pytest.raises(OSError, match="Input/output error"):
        outputs.move(source, target)
    assert source.read_text() == "all there is"
    assert not target.exists()


@pytest.mark.parametrize("cut_off", [False, True])
def test_who_was_believed_dead_puts_nothing_back_over_the_work_of_others(
    house: House, cut_off: bool
) -> None:
    folder, ended = orphan(house, "r"), []

    class Failing:
        """An attempt whose script has failed, its lease being somebody else's or not."""

        def run(self) -> dict[str, str]:
            return {"outcome": "failed"}

        def is_cut_off(self) -> bool:
            return cut_off

        def end(self) -> None:
            ended.append(folder.status.exists())

    attempt: Any = Failing()
    _see_through(attempt, {}, folder)
    assert (house.root / "a.json").read_text() == ("half" if cut_off else "old")
    assert ended == [not cut_off], "what is left of it is ended, whatever it may say"


def test_settling_late_does_not_displace_a_result_that_was_accepted_since(house: House) -> None:
    folder = orphan(house, "r")
    (house.root / "a.json").write_text("newer")
    (house.root / "a.json.done").write_text(json.dumps({"run_id": "another"}))
    assert settle(folder) is not None
    assert (house.root / "a.json").read_text() == "newer"
    assert (house.root / "a.json.done").exists()
    assert (folder.previous / "0").read_text() == "old"


def test_settling_does_not_touch_a_path_that_another_run_is_writing(house: House) -> None:
    folder = orphan(house, "r")
    held = Lock(house.home / "locks" / path_lock_name(house.root / "a.json"))
    assert held.acquire_nowait()
    status = settle(folder)
    assert status is not None
    assert "another run is writing" in status["problem"]
    assert (house.root / "a.json").read_text() == "half"
    assert (folder.previous / "0").read_text() == "old"
    held.remove()


def test_a_folder_damaged_by_a_power_cut_is_lost_and_no_more(house: House) -> None:
    folder = orphan(house, "r")
    folder.order.write_text("")
    status = settle(folder)
    assert status is not None
    assert status["outcome"] == "lost"


def test_a_living_supervisor_is_left_alone(house: House) -> None:
    folder = orphan(house, "r")
    alive = Lock(folder.alive)
    assert alive.acquire_nowait()
    assert settle(folder) is None
    assert (house.root / "a.json").read_text() == "half"
    alive.release()


@pytest.mark.slow
def test_a_result_that_cannot_be_published_gives_the_old_one_back(house: House) -> None:
    place = house.root / "a.json"
    place.write_text("old")
    marker_path(place).write_text("old marker")
    body = "open(out, 'w').write('{}'); os.mkdir(out + '.done')"
    report = run_in_place(house, house.job(body, retries=0))
    assert report.jobs["a"].last is not None
    assert "cannot put an output at its place" in report.jobs["a"].last.detail
    assert place.read_text() == "old"
    assert marker_path(place).read_text() == "old marker"
    assert run_in_place(house, house.job(GOOD)).succeeded
    assert place.read_text() != "old"


@pytest.mark.slow
@pytest.mark.parametrize(
    "ruin",
    ["shutil.rmtree(folder)", "shutil.rmtree(folder); open(folder, 'w').write('in the way')"],
    ids=["folder removed", "folder replaced by a file"],
)
def test_a_script_that_ruins_its_output_folder_stops_nothing_else(house: House, ruin: str) -> None:
    (house.root / "deep").mkdir()
    place = house.root / "deep" / "a.json"
    place.write_text("old")
    body = f"import shutil; folder = os.path.abspath(os.path.dirname(out)); {ruin}; sys.exit(3)"
    hostile = house.job(body, expected_output="deep/a.json", retries=0)
    report = run_in_place(house, hostile, house.job(GOOD, job_id="b"))
    assert report.jobs["a"].outcome == Failed(3, None)
    assert report.jobs["b"].succeeded
    assert place.read_text() == "old"
