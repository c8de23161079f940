"""Locks that the kernel frees when their holders die.

A lock is `flock` on a small file. The file is opened without creating it first, since in a folder
with the sticky bit Linux refuses to open another user's file with O_CREAT, and neither the file nor
its folder is ever reached through a symbolic link, since both are open to everybody. Both appear
complete, with the rights that all users need, so that nobody is turned away half-way through.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
import shutil
import tempfile
import time
from pathlib import Path
from typing import Mapping, Optional, Tuple

__all__ = ["Lock", "is_held", "owned_folder", "path_lock_name", "shared_folder"]

_SHARED_FOLDER = "/var/tmp/seedfleet-locks"  # noqa: S108 - all users of a machine meet there
_FOLDER_VARIABLE = "SEEDFLEET_LOCKS"
_OWNER = "owner"
_YOUNG_S = 600.0  # somebody may be about to lock it
_FREE_TO_RETRY = 100  # a holder that removes the file at each try would be no holder of ours


class Lock:
    """A named lock; the holder may hand its descriptor to a child, which then holds it too.

    Parameters
    ----------
    path
        The file to lock. Its folder is made, open to all users, if it is missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor = -1

    def acquire_nowait(self) -> bool:
        """Take the lock and say True, or say False if somebody else has it.

        Raises
        ------
        OSError
            If the file cannot be opened, for example because a symbolic link stands in its place.
        """
        for _ in range(_FREE_TO_RETRY):
            descriptor = _open(self.path)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                return False
            if _still_named(self.path, descriptor):
                self.descriptor = descriptor
                return True
            os.close(descriptor)  # its last holder removed the file between our two calls
        raise OSError(errno.EAGAIN, "lock file keeps changing", str(self.path))

    def release(self) -> None:
        """Let go. A child that inherited the descriptor keeps the lock until it ends."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def remove(self) -> None:
        """Let go and delete the file, which nobody else can hold at this moment."""
        if self.descriptor >= 0:
            with contextlib.suppress(OSError):
                self.path.unlink()
            self.release()


def is_held(path: Path) -> bool:
    """Tell whether a living process holds the lock `path`; False if there is no such file."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def owned_folder(prefix: str) -> Tuple[Path, Lock]:
    """Make a temporary folder of this process, and remove those whose owners were killed.

    Parameters
    ----------
    prefix
        Of the folder's name, and of those that are looked at.

    Returns
    -------
    tuple
        The folder, and the lock that says that its owner lives.

    Raises
    ------
    OSError
        If there is no place for it.
    """
    for old in Path(tempfile.gettempdir()).glob(prefix + "*"):
        with contextlib.suppress(OSError):  # it has gone meanwhile
            if _is_left(old):
                shutil.rmtree(old, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    lock = Lock(folder / _OWNER)
    lock.acquire_nowait()
    return folder, lock


def _is_left(folder: Path) -> bool:
    """Tell whether a folder is ours, not young, and had an owner that has died."""
    found, owner = os.lstat(folder), folder / _OWNER
    if found.st_uid != os.getuid() or not os.path.isdir(folder) or os.path.islink(folder):
        return False
    return time.time() - os.lstat(owner).st_mtime > _YOUNG_S and not is_held(owner)


def path_lock_name(path: Path) -> str:
    """Name the lock that guards an output path, the same for every run on this machine."""
    return "path-" + hashlib.sha256(os.fsencode(os.path.realpath(path))).hexdigest()[:32]


def shared_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Name the folder of the locks that all users of this machine share.

    That is /var/tmp/seedfleet-locks, or what SEEDFLEET_LOCKS says: runs that are told different
    folders do not see each other's locks.
    """
    return Path(os.path.expanduser(environment.get(_FOLDER_VARIABLE) or _SHARED_FOLDER))


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    for _ in range(_FREE_TO_RETRY):
        folder = _open_folder(path.parent)
        try:
            with contextlib.suppress(FileNotFoundError):
                return os.open(path.name, flags, dir_fd=folder)
            # The other one: the folder was still empty, and another process's own took its place.
            with contextlib.suppress(FileExistsError, FileNotFoundError):
                return _create(path.name, flags, folder)
        finally:
            os.close(folder)
    raise OSError(errno.EAGAIN, "lock file keeps changing", str(path))


def _create(name: str, flags: int, folder: int) -> int:
    draft = ".{}.{}".format(name, secrets.token_hex(6))
    descriptor = os.open(draft, flags | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder)
    try:
        os.fchmod(descriptor, 0o666)  # whatever the umask: other users must be able to wait for it
        os.link(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        os.close(descriptor)
        raise
    finally:
        os.unlink(draft, dir_fd=folder)
    return descriptor


def _open_folder(folder: Path) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW
    for _ in range(_FREE_TO_RETRY):
        try:
            return os.open(folder, flags)
        except FileNotFoundError:
            _make_folder(folder)
    raise OSError(errno.EAGAIN, "the folder of the locks keeps vanishing", str(folder))


def _make_folder(folder: Path) -> None:
    """Make a folder for everybody; it gets its name when it has its rights."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = folder.with_name(".{}.{}".format(folder.name, secrets.token_hex(6)))
    draft.mkdir(0o700)
    draft.chmod(0o1777)
    try:
        # Takes the place of an empty folder of our own at most; everything else is left alone.
        draft.rename(folder)
    except OSError:
        draft.rmdir()
        if not os.path.lexists(folder):
            raise


def _still_named(path: Path, descriptor: int) -> bool:
    ours = os.fstat(descriptor)
    named: Optional[os.stat_result]
    try:
        named = os.lstat(path)
    except FileNotFoundError:
        return False
    return (named.st_ino, named.st_dev) == (ours.st_ino, ours.st_dev)
