"""Two heads and one place for their results."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedfleet.fleet import Job
from seedfleet.fleet.paths import RunPaths
from seedfleet.fleet.place_leases import PlaceLeases

if TYPE_CHECKING:
    from pathlib import Path


def leases(folder: Path, run_id: str, *, preserve: bool = True) -> PlaceLeases:
    root = folder / "root"
    root.mkdir(exist_ok=True)
    paths = RunPaths(root=root, output_dir=root / "out", run_id=run_id, preserve=preserve)
    return PlaceLeases(paths, folder / "locks")


def job(job_id: str, *outputs: str) -> Job:
    first, *more = outputs
    return Job(job_id=job_id, script="s", args=(), expected_output=first, outputs=tuple(more))


def test_a_place_belongs_to_one_run_until_its_job_is_done(tmp_path: Path) -> None:
    one, two = leases(tmp_path, "one"), leases(tmp_path, "two")
    assert one.take_nowait(job("a", "x.json", "y.json")) is None
    assert one.take_nowait(job("a", "x.json", "y.json")) is None, "a retry has it already"
    told = two.take_nowait(job("b", "z.json", "y.json"))
    assert told is not None
    assert told.endswith("y.json")
    assert one.take_nowait(job("c", "z.json")) is None, "nothing is kept of a try in vain"
    one.release("a")
    assert two.take_nowait(job("b", "y.json")) is None
    two.release_all()
    one.release_all()
    assert not list((tmp_path / "locks").glob("[!.]*"))


def test_a_link_leads_to_the_same_place(tmp_path: Path) -> None:
    one, two = leases(tmp_path, "one"), leases(tmp_path, "two")
    (tmp_path / "root/real").mkdir()
    (tmp_path / "root/link").symlink_to("real")
    assert one.take_nowait(job("a", "real/x.json")) is None
    assert two.take_nowait(job("a", "link/x.json")) is not None


def test_runs_with_places_of_their_own_need_no_lease(tmp_path: Path) -> None:
    one, two = (leases(tmp_path, name, preserve=False) for name in ("one", "two"))
    assert one.take_nowait(job("a", "x.json")) is None
    assert two.take_nowait(job("a", "x.json")) is None
