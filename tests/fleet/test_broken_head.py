"""A head that cannot write its truth down stops, says so, and can be replaced."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from seedfleet.fleet import (
    BadInputError,
    HeadLostError,
    JournalDamagedError,
    ResumeOptions,
    RunStarted,
    resume_sync,
    run_sync,
)
from seedfleet.fleet.testing import FakeEngine, FakeWorld

if TYPE_CHECKING:
    from fleet_house import House

    from seedfleet.fleet import Job


def jobs_of(house: House) -> list[Job]:
    return [house.job(name, name) for name in ("a", "b", "c", "d")]


@pytest.mark.parametrize("good_writes", range(8))
def test_a_full_disk_at_any_journal_write_is_survived_by_a_resume(
    house: House, monkeypatch: pytest.MonkeyPatch, good_writes: int
) -> None:
    world, real, left = FakeWorld(), os.pwrite, [good_writes]

    def pwrite(descriptor: int, text: bytes, offset: int) -> int:
        if b'"chain"' in text:
            if left[0] == 0:
                raise OSError(28, "No space left on device")
            left[0] -= 1
        return real(descriptor, text, offset)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", pwrite)
        try:
            run_sync(jobs_of(house), house.options(), engine=FakeEngine(world), run_id="r")
        except HeadLostError as error:
            assert "No space left" in str(error)  # noqa: PT017 - late writes need not come to pass
    wanted = ResumeOptions(output_dir="out")
    assert resume_sync("r", wanted, engine=FakeEngine(world)).succeeded
    started = [key[1] for key, _ in world.ran]
    assert sorted(started) == ["a", "b", "c", "d"], "nothing ran twice"


def test_a_head_that_lost_its_lock_stops(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seedfleet.fleet.driver.HEARTBEAT_S", 0.01)
    lock = house.root / "out/r/lock"

    def steal(event: object) -> None:
        del event
        lock.write_text('{"name": "thief", "pid": 7, "host": "another-host"}')

    world = FakeWorld(play=lambda _: None)
    with pytest.raises(HeadLostError, match="taken over by process 7 on another-host"):
        run_sync(
            jobs_of(house),
            house.options(),
            engine=FakeEngine(world),
            on_event=steal,
            run_id="r",
        )


def test_a_head_whose_lock_file_was_removed_stops_before_it_writes_on(house: House) -> None:
    def remove(event: object) -> None:
        if isinstance(event, RunStarted):
            (house.root / "out/r/lock").unlink()

    world = FakeWorld()
    with pytest.raises(HeadLostError, match="removed or replaced"):
        run_sync(
            jobs_of(house),
            house.options(),
            engine=FakeEngine(world),
            on_event=remove,
            run_id="r",
        )
    assert not world.ran
    assert resume_sync("r", ResumeOptions(output_dir="out"), engine=FakeEngine(world)).succeeded


@pytest.mark.parametrize("left", [b"", b"{torn"])
def test_the_journal_of_a_finished_run_cannot_have_been_emptied(house: House, left: bytes) -> None:
    report = run_sync(jobs_of(house), house.options(), engine=FakeEngine(), run_id="r")
    assert report.succeeded
    (report.folder / "journal.jsonl").write_bytes(left)
    with pytest.raises(JournalDamagedError, match="events are gone"):
        resume_sync("r", ResumeOptions(output_dir="out"), engine=FakeEngine())


def test_an_output_folder_that_is_a_file_is_bad_input(house: House) -> None:
    (house.root / "out").write_text("")
    with pytest.raises(BadInputError, match="cannot make"):
        run_sync(jobs_of(house), house.options(), engine=FakeEngine())


def test_an_engine_that_cannot_work_here_lists_why(house: House) -> None:
    engine = type(house.engine())(
        slots=0, python="/no/python", home=house.root / "a.py" / "home", lock_folder=house.home
    )
    jobs = jobs_of(house)
    with pytest.raises(BadInputError) as refused:
        run_sync(jobs, house.options(), engine=engine)
    told = "\n".join(refused.value.problems)
    assert "slots is 0" in told
    assert "no interpreter /no/python" in told
    assert "cannot be written" in told
