"""The names of the files of one attempt, the same on a node and on the head."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path
from typing import Union

__all__ = [
    "MARKER_SUFFIX",
    "AttemptFolder",
    "discard",
    "marker_path",
    "sync_file",
    "sync_folder",
    "tombstone",
    "write_atomically",
]

MARKER_SUFFIX = ".done"


class AttemptFolder:
    """One attempt's own folder, `<run>/attempts/<job_id>/<number>/`.

    Parameters
    ----------
    path
        Where the folder is, or will be.
    """

    def __init__(self, path: Union[str, Path]) -> None:
        self.path = Path(path)

    @property
    def alive(self) -> Path:
        """Locked, and naming its process, while the supervisor lives."""
        return self.path / "alive"

    @property
    def order(self) -> Path:
        """What the head asked for."""
        return self.path / "attempt.json"

    @property
    def job_document(self) -> Path:
        """A sieve job as its worker reads it."""
        return self.path / "job.json"

    @property
    def status(self) -> Path:
        """How it ended; written last."""
        return self.path / "status.json"

    @property
    def stdout(self) -> Path:
        """What the script printed."""
        return self.path / "stdout.log"

    @property
    def stderr(self) -> Path:
        """What the script complained of."""
        return self.path / "stderr.log"

    @property
    def outputs(self) -> Path:
        """What the script writes, unless paths are preserved."""
        return self.path / "outputs"

    @property
    def previous(self) -> Path:
        """What stood at preserved paths before."""
        return self.path / "previous"

    @property
    def previous_list(self) -> Path:
        """Which preserved paths those were."""
        return self.path / "previous.json"

    @property
    def rejected(self) -> Path:
        """What a failed script left at preserved paths."""
        return self.path / "rejected"


def marker_path(output: Path) -> Path:
    """Name the marker that says that `output` is complete: its name plus `.done`."""
    return output.with_name(output.name + MARKER_SUFFIX)


def tombstone(attempt: Path) -> Path:
    """Name the empty file that says of an attempt's folder that it was there and was cleared."""
    return attempt.with_name(attempt.name + ".gone")


def discard(folder: AttemptFolder) -> None:
    """Remove an attempt's folder for good: a supervisor that comes late finds its tombstone."""
    tombstone(folder.path).touch()
    # Under its own name it must never be seen empty: a supervisor could claim it then.
    discarded = folder.path.with_name(".{}.{}".format(folder.path.name, secrets.token_hex(4)))
    folder.path.rename(discarded)
    shutil.rmtree(discarded)


def write_atomically(
    path: Path, content: bytes, *, durable: bool = True, private: bool = False
) -> None:
    """Put `content` at `path` so that a reader sees the old file or all of the new one.

    Parameters
    ----------
    path
        In a folder that exists.
    content
        All of it.
    durable
        True: the content is on disk before its name is, and the name is on disk when this returns.
        False: a machine that goes down soon after may lose the file, or leave it torn.
    private
        True: nobody but this user may read it.

    Raises
    ------
    OSError
        If the disk refuses; the old file is then untouched.
    """
    temporary = path.with_name(".{}.{}.tmp".format(path.name, secrets.token_hex(4)))
    try:
        with temporary.open("wb") as stream:
            if private:
                os.fchmod(stream.fileno(), 0o600)
            stream.write(content)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError:
        if temporary.exists():
            temporary.unlink()
        raise
    if durable:
        sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """Make the content of `path` durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    sync_file(folder)
