"""Locks that the kernel frees when their holders die.

A lock is `flock` on a small file. The file is opened without creating it first, since in a folder
with the sticky bit Linux refuses to open another user's file with O_CREAT, and never through a
symbolic link, since the folder is open to everybody.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Lock", "is_held", "path_lock_name"]

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


def path_lock_name(path: Path) -> str:
    """Name the lock that guards an output path, the same for every run on this machine."""
    return "path-" + hashlib.sha256(os.fsencode(os.path.realpath(path))).hexdigest()[:32]


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    for _ in range(_FREE_TO_RETRY):
        try:
            return os.open(path, flags)
        except FileNotFoundError:
            _make_folder(path.parent)
        with contextlib.suppress(FileExistsError):
            return _create(path, flags)
    raise OSError(errno.EAGAIN, "lock file keeps changing", str(path))


def _create(path: Path, flags: int) -> int:
    descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    with contextlib.suppress(OSError):
        os.fchmod(descriptor, 0o666)  # whatever the umask: other users must be able to wait for it
    return descriptor


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        return
    with contextlib.suppress(OSError):
        folder.chmod(0o1777)


def _still_named(path: Path, descriptor: int) -> bool:
    ours = os.fstat(descriptor)
    named: Optional[os.stat_result]
    try:
        named = os.lstat(path)
    except FileNotFoundError:
        return False
    return (named.st_ino, named.st_dev) == (ours.st_ino, ours.st_dev)
