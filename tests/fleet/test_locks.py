"""Locks between processes and users, and leases between machines that share a disk."""

from __future__ import annotations

import ast
import errno
import fcntl
import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from seedfleet.fleet.node import locks
from seedfleet.fleet.node.disks import disk_type, is_network_disk
from seedfleet.fleet.node.leases import Leases
from seedfleet.fleet.node.locks import Lock, is_held, owned_folder, shared_folder
from seedfleet.fleet.node.outputs import UnsuccessfulError
from seedfleet.fleet.node.processes import TOKEN_VARIABLE
from seedfleet.fleet.node.shared_lease import (
    SharedLease,
    has_ended,
    may_live,
    quiet_s,
    whereabouts,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OTHER_USER = 54321  # nobody's: it needs no name to own files
FLEET = Path(locks.__file__).parents[1]
ABANDON = "seedfleet-test-abandoned"


def as_other_user(action: Callable[[], object]) -> object:
    """Run something in a child that is another user, and return what it gave or raised."""
    if os.geteuid() != 0:
        pytest.skip("only root can become a second user: locks between users are NOT tested here")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        os.setgroups([])
        os.setgid(OTHER_USER)
        os.setuid(OTHER_USER)
        try:
            answer = repr(action())
        except OSError as error:
            answer = repr(type(error).__name__)
        os.write(writer, answer.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        answer = stream.read().decode()
    os.waitpid(child, 0)
    return ast.literal_eval(answer)


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.fixture
def shared() -> Iterator[Path]:
    """Give a name in a folder where every user may write, as in /var/tmp."""
    with tempfile.TemporaryDirectory() as place:  # pytest's own folders are closed to other users
        Path(place).chmod(0o1777)
        yield Path(place) / "locks"


def test_the_folder_and_the_file_are_for_everybody_whatever_the_umask(shared: Path) -> None:
    old = os.umask(0o077)
    try:
        lock = Lock(shared / "GPU-1")
        assert lock.acquire_nowait()
    finally:
        os.umask(old)
    assert stat.S_IMODE(shared.stat().st_mode) == 0o1777
    assert stat.S_IMODE(lock.path.stat().st_mode) == 0o666
    assert names(shared) == ["GPU-1"]
    assert names(shared.parent) == ["locks"]
    lock.release()


def test_two_users_exclude_each_other(shared: Path) -> None:
    path = shared / "GPU-1"

    def take_and_keep_nothing() -> object:
        lock = Lock(path)
        return lock.acquire_nowait(), is_held(path)

    assert as_other_user(take_and_keep_nothing) == (True, True)
    assert not is_held(path), "it went with the process"
    assert path.stat().st_uid == OTHER_USER
    # The kernel refuses O_CREAT on another user's file in such a folder, even to root.
    ours = Lock(path)
    assert ours.acquire_nowait()
    assert as_other_user(lambda: (Lock(path).acquire_nowait(), is_held(path))) == (False, True)
    ours.release()
    assert as_other_user(lambda: Lock(path).acquire_nowait()) is True


def test_a_lock_made_by_root_can_be_taken_by_a_user(shared: Path) -> None:
    lock = Lock(shared / "GPU-2")
    assert lock.acquire_nowait()
    lock.release()
    assert as_other_user(lambda: Lock(shared / "GPU-2").acquire_nowait()) is True
    removed = Lock(shared / "GPU-2")
    assert removed.acquire_nowait()
    assert as_other_user(lambda: Lock(shared / "GPU-3").acquire_nowait()) is True


@pytest.mark.parametrize("linked", ["file", "folder"])
def test_a_link_in_the_way_is_refused_and_nothing_behind_it_touched(
    shared: Path, tmp_path: Path, linked: str
) -> None:
    target = tmp_path / "target"
    if linked == "file":
        shared.mkdir()
        target.write_text("precious")
        (shared / "GPU-1").symlink_to(target)
    else:
        target.mkdir()
        shared.symlink_to(target)
    with pytest.raises(OSError, match=r"GPU-1|locks") as caught:
        Lock(shared / "GPU-1").acquire_nowait()
    assert caught.value.errno in {errno.ELOOP, errno.ENOTDIR}, "refused, not tried"
    assert target.read_text() == "precious" if linked == "file" else not names(target)


def test_of_many_beginners_exactly_one_has_the_lock(shared: Path) -> None:
    code = (
        "import sys, time; sys.path.append(sys.argv[1]); from pathlib import Path\n"
        "from node.locks import Lock\n"
        "lock = Lock(Path(sys.argv[2])); got = lock.acquire_nowait()\n"
        "print(got, flush=True); sys.stdin.read()"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", code, str(FLEET), str(shared / "GPU-1")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    answers = [child.stdout.readline().strip() for child in children if child.stdout]
    for child in children:
        child.communicate()
    assert sorted(answers) == ["False"] * 7 + ["True"]


def test_a_file_that_its_holder_removes_while_it_is_opened_locks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes next makes a new file, and would have the lock beside us."""
    first, real = Lock(tmp_path / "locks/GPU-1"), fcntl.flock
    assert first.acquire_nowait()

    def slow(descriptor: int, how: int) -> None:
        first.remove()
        real(descriptor, how)

    second = Lock(first.path)
    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", slow)
        assert second.acquire_nowait()
    assert is_held(first.path)
    assert not Lock(first.path).acquire_nowait()
    second.remove()


def test_a_child_keeps_the_lock_of_its_dead_parent(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "locks/GPU-1")
    assert lock.acquire_nowait()
    child = subprocess.Popen(["sleep", "60"], pass_fds=[lock.descriptor])
    lock.release()
    try:
        assert is_held(lock.path)
        assert not Lock(lock.path).acquire_nowait()
    finally:
        child.kill()
        child.wait()
    assert not is_held(lock.path)


def test_the_folder_can_be_named() -> None:
    assert shared_folder({}) == Path("/var/tmp/seedfleet-locks")
    assert shared_folder({"SEEDFLEET_LOCKS": ""}) == Path("/var/tmp/seedfleet-locks")
    assert shared_folder({"SEEDFLEET_LOCKS": "/x/y"}) == Path("/x/y")


# --- leases on a shared disk ---


def lease(path: Path, **limits: float) -> SharedLease:
    return SharedLease(path, "run/a/1", **({"settle_s": 0.0} | limits))


def holder(path: Path, **changes: Any) -> None:
    """Leave a lease behind as somebody else's."""
    known = {"name": "other", "pid": 1, "host": "elsewhere", "boot_id": "b", "token": "run/a/1"}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(known | changes))


def age(path: Path, seconds: float) -> None:
    """Make a file look untouched for so long, by the clock of its disk."""
    probe = path.with_name("probe")
    probe.touch()
    then = probe.stat().st_mtime - seconds
    probe.unlink()
    os.utime(path, (then, then))


def dead_pid() -> int:
    child = subprocess.Popen(["true"])
    child.wait()
    return child.pid


def test_a_lease_excludes_until_it_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "leases/a"
    first, second = lease(path), lease(path)
    assert first.acquire_nowait()
    assert not second.acquire_nowait()
    second.remove()
    assert path.exists(), "who does not have it cannot remove it"
    first.remove()
    assert second.acquire_nowait()
    second.remove()
    second.remove()
    assert names(path.parent) == []


def test_a_lease_of_another_machine_is_free_when_it_was_quiet_for_long(tmp_path: Path) -> None:
    path = tmp_path / "leases/a"
    holder(path)
    age(path, 50)
    assert not lease(path).acquire_nowait()
    age(path, 61)
    ours = lease(path)
    assert ours.acquire_nowait()
    assert not lease(path).acquire_nowait()
    ours.remove()


def test_the_disks_clock_counts_and_not_this_machines(tmp_path: Path) -> None:
    # A machine whose clock is an hour ahead would see every lease as an hour old.
    path = tmp_path / "a"
    holder(path)
    age(path, 30)
    assert 29 < quiet_s(path) < 35
    assert quiet_s(tmp_path / "gone") == 0.0
    assert names(tmp_path) == ["a"]


def test_a_dead_holder_of_this_machine_frees_its_lease_at_once(tmp_path: Path) -> None:
    path = tmp_path / "leases/a"
    here = whereabouts()
    holder(path, pid=os.getpid(), **here)
    assert not lease(path).acquire_nowait()
    holder(path, pid=dead_pid(), host=here["host"])  # another start, or another machine's name
    assert not lease(path).acquire_nowait()
    holder(path, pid=dead_pid(), **here)
    ours = lease(path)
    assert ours.acquire_nowait()
    ours.remove()


def test_processes_of_a_dead_holder_keep_its_lease(tmp_path: Path) -> None:
    path = tmp_path / "leases/a"
    child = subprocess.Popen(["sleep", "60"], env={**os.environ, TOKEN_VARIABLE: ABANDON})
    try:
        here = {**whereabouts(), "token": ABANDON}
        holder(path, pid=dead_pid(), **here)
        while not lease_is_kept_by(child.pid):
            time.sleep(0.01)
        assert not lease(path).acquire_nowait()
    finally:
        child.kill()
        child.wait()
    ours = lease(path)
    assert ours.acquire_nowait()
    ours.remove()


def lease_is_kept_by(pid: int) -> bool:
    """Tell whether a new child has its environment already."""
    return ABANDON.encode() in Path(f"/proc/{pid}/environ").read_bytes()


def test_a_holder_in_another_container_is_dead_by_its_silence_alone(tmp_path: Path) -> None:
    """Its process id means another process here, or none."""
    path = tmp_path / "a"
    inside = (
        "import sys, time; sys.path.append(sys.argv[1]); from pathlib import Path\n"
        "from node.shared_lease import SharedLease\n"
        "assert SharedLease(Path(sys.argv[2]), 'run/a/1').acquire_nowait()\n"
        "print('taken', flush=True); time.sleep(60)"
    )
    words = [sys.executable, "-c", inside, str(Path(locks.__file__).parents[1]), str(path)]
    apart = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"]
    apart += ["--mount-proc"]
    if subprocess.run([*apart, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine gives no process numbers of their own (unshare --pid)")
    held = subprocess.Popen([*apart, *words], stdout=subprocess.PIPE, text=True)
    try:
        assert held.stdout is not None
        assert held.stdout.readline() == "taken\n"
        known = json.loads(path.read_bytes())
        known["pid"] = dead_pid()  # whether that number is used here is chance
        path.write_text(json.dumps(known))
        assert not has_ended(known)
        assert not lease(path).acquire_nowait()
        age(path, 61)
        ours = lease(path)
        assert ours.acquire_nowait()
        ours.remove()
    finally:
        held.kill()
        held.communicate()


def test_of_a_holder_that_says_less_of_where_it_is_nothing_is_known() -> None:
    known = {**whereabouts(), "pid": dead_pid()}
    assert has_ended(known)
    for name in whereabouts():
        assert not has_ended({key: value for key, value in known.items() if key != name})
        assert not has_ended({**known, name: "another"})


def test_a_zombie_has_ended() -> None:
    child = subprocess.Popen(["sleep", "60"])
    known = {**whereabouts(), "pid": child.pid}
    assert not has_ended(known)
    child.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert has_ended(known)
    child.wait()
    assert not has_ended({**known, "pid": "nonsense"})
    assert not has_ended({})


@pytest.mark.slow
def test_who_takes_over_looks_again_after_a_moment(tmp_path: Path) -> None:
    path = tmp_path / "a"
    holder(path)
    age(path, 100)
    got: list[bool] = []
    taker = threading.Thread(
        target=lambda: got.append(lease(path, settle_s=0.5).acquire_nowait()), daemon=True
    )
    taker.start()
    while "elsewhere" in path.read_text():
        time.sleep(0.001)
    late = tmp_path / "late"  # of a machine that had looked at the old lease a moment before
    holder(late, name="late")
    late.replace(path)
    taker.join()
    assert got == [False]
    assert json.loads(path.read_text())["name"] == "late"


@pytest.mark.slow
def test_of_many_who_take_over_at_once_one_has_the_lease(tmp_path: Path) -> None:
    path = tmp_path / "leases/a"
    holder(path)
    age(path, 100)
    # A full second, since every look at the old lease must come before anybody has settled.
    takers = [lease(path, settle_s=1.0) for _ in range(6)]
    got: list[SharedLease] = []
    start = threading.Barrier(len(takers))

    def take(taker: SharedLease) -> None:
        start.wait()
        if taker.acquire_nowait():
            got.append(taker)

    threads = [threading.Thread(target=take, args=(taker,)) for taker in takers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1
    got[0].remove()
    assert names(path.parent) == []


def test_a_holder_keeps_its_lease_fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seedfleet.fleet.node.shared_lease._HEARTBEAT_S", 0.01)
    ours = lease(tmp_path / "a")
    assert ours.acquire_nowait()
    age(ours.path, 1000)
    while quiet_s(ours.path) > 500:
        time.sleep(0.01)
    ours.remove()
    assert not ours.path.exists()


def test_a_holder_on_another_host_sees_that_it_was_taken_for_dead(tmp_path: Path) -> None:
    ours = lease(tmp_path / "a")
    assert ours.acquire_nowait()
    assert not ours.is_lost()
    holder(ours.path)  # as a machine leaves it that has taken over
    assert ours.is_lost()
    assert may_live(ours.path, "run/a/1"), "its holder is of another machine"
    ours.path.unlink()
    assert ours.is_lost(), "who has taken over may have ended already"
    assert not may_live(ours.path, "run/a/1"), "and has done so in order"
    ours.path.mkdir()  # what cannot be read now, as on a disk that stands still
    assert not ours.is_lost()
    ours.path.rmdir()
    ours.remove()


def test_a_torn_lease_counts_as_held_while_it_is_fresh(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text('{"name": "oth')
    assert not lease(path).acquire_nowait()
    age(path, 100)
    ours = lease(path)
    assert ours.acquire_nowait()
    ours.remove()


def order(folder: Path, **changes: Any) -> dict[str, Any]:
    made = {
        "job_lease": str(folder / "leases/a"),
        "home_shared": False,
        "token": "run/a/1",
        "lock_folder": str(folder / "locks"),
        "gpu_locks": ["GPU-1"],
        "preserve_paths": False,
        "outputs": [{"path": str(folder / "out.json")}],
    }
    return made | changes


@pytest.mark.parametrize("shared_disk", [False, True])
def test_an_attempt_excludes_a_second_one_on_either_kind_of_disk(
    tmp_path: Path, shared_disk: bool
) -> None:
    first, second = (Leases(order(tmp_path, home_shared=shared_disk)) for _ in range(2))
    first.take_nowait()
    first.wait_gpus(lambda _: pytest.fail("nobody else has the GPU"))
    assert len(first.descriptors()) == (1 if shared_disk else 2), "a GPU's lock is always local"
    with pytest.raises(UnsuccessfulError, match="earlier attempt"):
        second.take_nowait()
    first.release()
    second.take_nowait()
    second.release()
    assert not list((tmp_path / "leases").iterdir())


def test_an_output_on_a_shared_disk_is_guarded_beside_itself(tmp_path: Path) -> None:
    # Two machines: their lock folders differ, the disk of the output is one.
    one, two = (
        Leases(
            order(
                tmp_path,
                preserve_paths=True,
                lock_folder=str(tmp_path / name),
                job_lease=str(tmp_path / name / "job"),
            ),
            lambda path: path.parent.samefile(tmp_path),
        )
        for name in ("one", "two")
    )
    one.take_nowait()
    with pytest.raises(UnsuccessfulError, match=r"another run is writing .*out\.json"):
        two.take_nowait()
    two.release()
    one.release()
    assert names(tmp_path) == ["one", "two"]


def test_two_names_of_an_output_on_a_shared_disk_are_guarded_as_one(tmp_path: Path) -> None:
    (tmp_path / "other.json").symlink_to("out.json")
    one, two = (
        Leases(
            order(
                tmp_path,
                preserve_paths=True,
                lock_folder=str(tmp_path / name),
                job_lease=str(tmp_path / name / "job"),
                outputs=[{"path": str(tmp_path / output)}],
            ),
            lambda _: True,
        )
        for name, output in (("one", "out.json"), ("two", "other.json"))
    )
    one.take_nowait()
    with pytest.raises(UnsuccessfulError, match=r"another run is writing .*other\.json"):
        two.take_nowait()
    two.release()
    one.release()


def test_every_output_of_an_attempt_is_guarded(tmp_path: Path) -> None:
    paths = [[{"path": str(tmp_path / name)} for name in names] for names in ("ab", "cb")]
    one, two = (
        Leases(
            order(
                tmp_path, preserve_paths=True, job_lease=str(tmp_path / f"leases/{n}"), outputs=each
            )
        )
        for n, each in enumerate(paths)
    )
    one.take_nowait()
    with pytest.raises(UnsuccessfulError, match=r"another run is writing .*b "):
        two.take_nowait()
    two.release()
    one.release()


def test_who_has_lost_one_of_several_leases_has_lost_them(tmp_path: Path) -> None:
    leases = Leases(order(tmp_path, home_shared=True, preserve_paths=True), lambda _: True)
    leases.take_nowait()
    assert not leases.are_lost()
    (tmp_path / "leases/a").write_text('{"name": "another"}')
    assert leases.are_lost()
    leases.release()
    assert (tmp_path / "leases/a").exists(), "it is somebody else's"


def test_the_kind_of_a_disk_is_read_from_the_mounts(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/sda / ext4 rw 0 0\n"
        "server:/export /data nfs4 rw 0 0\n"
        "/dev/sdb /data/local xfs rw 0 0\n"
        "//pc/share /my\\040share cifs rw 0 0\n"
        "old /over ext4 rw 0 0\n"
        "me@there: /over fuse.sshfs rw 0 0\n"
        "torn\n"
    )
    kinds = {
        "/data/x/y": ("nfs4", True),
        "/data/local/z": ("xfs", False),
        "/database": ("ext4", False),
        "/my share/a": ("cifs", True),
        "/over": ("fuse.sshfs", True),
        "/": ("ext4", False),
    }
    for path, (kind, network) in kinds.items():
        assert disk_type(Path(path), mounts) == kind, path
        assert is_network_disk(Path(path), mounts) is network, path
    assert disk_type(Path("/x"), tmp_path / "none") == ""
    assert disk_type(Path("/proc/self")) == "proc", "the real list is read by default"


def test_folders_of_owners_that_died_are_cleared_and_nobody_elses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made = {name: owned_folder("x-") for name in ("lives", "died", "died lately")}
    for name in ("died", "died lately"):
        made[name][1].release()
    for name in ("lives", "died"):
        os.utime(made[name][0] / "owner", (0, 0))
    foreign = tmp_path / "x-of-something-else"
    foreign.mkdir()
    (tmp_path / "x-link").symlink_to(made["lives"][0])
    newest, lock = owned_folder("x-")
    left = {path.name for path in tmp_path.iterdir()}
    kept = {made["lives"][0].name, made["died lately"][0].name}
    assert left == kept | {foreign.name, "x-link", newest.name}
    assert stat.S_IMODE(newest.stat().st_mode) == 0o700
    for each in (lock, made["lives"][1]):
        each.release()
