"""Results on their way to their places: many at once, over crashes, and beside other runs."""

from __future__ import annotations

import itertools
import json
import os
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from seedfleet.fleet import publish as publish_module
from seedfleet.fleet.engines.base import Ended
from seedfleet.fleet.node import layout, outputs
from seedfleet.fleet.node.locks import Lock, path_lock_name
from seedfleet.fleet.outcome import ProducedFile, Succeeded
from seedfleet.fleet.publish import publish_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from fleet_house import House

    from seedfleet.fleet.paths import RunPaths


def delivered(paths: RunPaths, job_id: str, *names: str) -> Ended:
    """Lay fetched outputs into the attempt's folder on the head."""
    folder = paths.attempt(job_id, 1).outputs
    folder.mkdir(parents=True)
    files = []
    for number, name in enumerate(names):
        content = f"new {name}".encode()
        (folder / str(number)).write_bytes(content)
        files.append(ProducedFile(name, len(content), sha256(content).hexdigest()))
    return Ended(job_id, 1, Succeeded(tuple(files)))


def paths_of(house: House, *, preserve: bool) -> RunPaths:
    return house.options(preserve_paths=preserve).paths("r")


def marker_of(place: Path) -> dict[str, Any]:
    return dict(json.loads(layout.marker_path(place).read_bytes()))


def assert_true_markers(root: Path) -> None:
    """Wherever one of our markers stands, the file beside it is the one it speaks of."""
    for marker in root.rglob("*.done"):
        spoken = json.loads(marker.read_bytes())
        content = marker.with_name(marker.name.removesuffix(".done")).read_bytes()
        assert sha256(content).hexdigest() == spoken["sha256"], marker


class CrashError(BaseException):
    """The head dies here."""


def crash_after(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """Let the process die at the n-th call that changes the disk."""
    left = itertools.count(steps, -1)

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            if next(left) <= 0:
                raise CrashError
            return real(*given, **named)

        return call

    for name in ("replace", "unlink", "rename", "rmdir", "mkdir", "fsync"):
        monkeypatch.setattr(os, name, counted(getattr(os, name)))


@pytest.mark.slow
@pytest.mark.parametrize("preserve", [False, True])
def test_publishing_goes_on_after_a_crash_at_any_step(
    house: House, preserve: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for steps in itertools.count():
        root = house.root / str(steps)
        root.mkdir()
        paths = house.options(root=root, output_dir=root / "out", preserve_paths=preserve).paths(
            "r"
        )
        ends = [delivered(paths, "a", "x", "sub/y"), delivered(paths, "b", "z")]
        if preserve:
            old = root / "x"
            old.write_bytes(b"old")
            spoken = {"run_id": "earlier", "sha256": sha256(b"old").hexdigest()}
            layout.marker_path(old).write_text(json.dumps(spoken))
        crashed = False
        with monkeypatch.context() as patch:
            crash_after(patch, steps)
            try:
                publish_all(paths, ends, house.home / "locks" / str(steps))
            except CrashError:
                crashed = True
        assert_true_markers(root)
        # The kernel has freed the locks of the dead; in this process others stand for them.
        assert publish_all(paths, ends, house.home / "later") == [None, None]
        assert_true_markers(root)
        for name in ("x", "sub/y", "z"):
            place = paths.place(name)
            assert place.read_text() == f"new {name}"
            assert marker_of(place)["run_id"] == "r"
        assert not paths.attempt("a", 1).previous_list.exists()
        if not crashed:
            break
    assert steps > 10


def test_many_attempts_share_one_sync_of_their_folder(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = paths_of(house, preserve=False)
    ends = [delivered(paths, f"j{n}", f"o{n}") for n in range(20)]
    synced: list[Path] = []
    monkeypatch.setattr(publish_module, "sync_folder", synced.append)
    assert publish_all(paths, ends, house.home / "locks") == [None] * 20
    assert synced == [paths.results, paths.results], "once with the files, once with the markers"


def test_each_name_is_on_the_disk_before_the_next_one_relies_on_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut keeps what was synced and any of the rest, in whatever order."""
    paths = paths_of(house, preserve=False)
    ended = delivered(paths, "a", "x")
    place = paths.place("x")
    place.parent.mkdir()
    layout.marker_path(place).write_text("of an earlier run")
    told: list[tuple[str, str]] = []

    def note(call: str) -> None:
        real: Callable[..., Any] = getattr(os, call)

        def noted(target: Any, *more: Any) -> Any:
            opened = isinstance(target, int)
            named = Path(f"/proc/self/fd/{target}").readlink() if opened else (target, *more)[-1]
            told.append((call, "a draft" if named.suffix == ".tmp" else named.name))
            return real(target, *more)

        monkeypatch.setattr(os, call, noted)

    for call in ("unlink", "replace", "fsync"):
        note(call)
    assert publish_all(paths, [ended], house.home / "locks") == [None]
    folder = ("fsync", place.parent.name)
    assert told == [
        *(("unlink", "x.done"), folder),
        *(("replace", "x"), ("fsync", "x"), folder),
        *(("fsync", "a draft"), ("replace", "x.done"), folder),
    ]


def test_one_bad_attempt_does_not_hold_up_the_others(house: House) -> None:
    paths = paths_of(house, preserve=False)
    ends = [delivered(paths, name, name) for name in "abc"]
    (paths.attempt("b", 1).outputs / "0").write_text("tampered")
    problems = publish_all(paths, ends, house.home / "locks")
    assert [problem is None for problem in problems] == [True, False, True]
    assert not paths.place("b").exists()
    assert marker_of(paths.place("c"))["job_id"] == "c"


def test_a_file_that_others_have_put_in_the_place_of_a_result_gets_no_marker(house: House) -> None:
    """What is not delivered any more was placed before a crash, unless somebody has been there."""
    paths = paths_of(house, preserve=False)
    ended = delivered(paths, "a", "x")
    place = paths.place("x")
    place.parent.mkdir()
    (paths.attempt("a", 1).outputs / "0").rename(place)
    place.write_text("theirs")
    (problem,) = publish_all(paths, [ended], house.home / "locks")
    assert problem == f"{place} is not what the attempt wrote"
    assert not layout.marker_path(place).exists()
    place.write_text("new x")
    assert publish_all(paths, [ended], house.home / "locks") == [None]


def test_what_stood_there_comes_back_unless_all_outputs_could_be_placed(house: House) -> None:
    paths = paths_of(house, preserve=True)
    ended = delivered(paths, "a", "x", "y")
    (house.root / "x").write_text("old")
    (house.root / "x.done").write_text("old marker")
    (house.root / "y").mkdir()  # nothing can be placed here
    (problem,) = publish_all(paths, [ended], house.home / "locks")
    assert problem is not None
    assert "folder" in problem
    assert (house.root / "x").read_text() == "old"
    assert (house.root / "x.done").read_text() == "old marker"


def test_a_disk_that_fills_up_between_two_outputs_brings_the_old_one_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = paths_of(house, preserve=True)
    ended = delivered(paths, "a", "x", "y")
    (house.root / "x").write_text("old")
    real = outputs.move

    def full(source: Path, target: Path) -> None:
        if target.name == "y":
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(publish_module, "move", full)
    (problem,) = publish_all(paths, [ended], house.home / "locks")
    assert problem is not None
    assert "No space left" in problem
    assert (house.root / "x").read_text() == "old"
    assert not (house.root / "x.done").exists()
    assert not (house.root / "y").exists()


def test_what_stood_there_is_kept_until_the_new_result_has_its_marker(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = paths_of(house, preserve=True)
    ended = delivered(paths, "a", "x")
    (house.root / "x").write_text("old")

    def stopped(place: Path) -> None:
        raise KeyboardInterrupt(place)

    with monkeypatch.context() as patch:
        patch.setattr(publish_module, "sync_file", stopped)
        with pytest.raises(KeyboardInterrupt):
            publish_all(paths, [ended], house.home / "locks")
    kept = paths.attempt("a", 1)
    assert kept.previous_list.exists()
    assert (kept.previous / "0").read_text() == "old"
    assert publish_all(paths, [ended], house.home / "locks") == [None]
    assert not kept.previous_list.exists()


def test_another_run_at_the_same_path_is_not_written_over(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish_module, "_PATIENCE_S", 0.0)
    paths, locks = paths_of(house, preserve=True), house.home / "locks"
    ended = delivered(paths, "a", "x")
    (house.root / "x").write_text("theirs")
    theirs = Lock(locks / path_lock_name(house.root / "x"))
    assert theirs.acquire_nowait()
    (problem,) = publish_all(paths, [ended], locks)
    theirs.remove()
    assert problem is not None
    assert "another run" in problem
    assert (house.root / "x").read_text() == "theirs"
    assert publish_all(paths, [ended], locks) == [None]
    assert (house.root / "x").read_text() == "new x"
