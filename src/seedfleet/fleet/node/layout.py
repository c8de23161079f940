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
        self.alive = self.path / "alive"  # locked, and naming its pid, while the supervisor lives
        self.order = self.path / "attempt.json"  # what the head asked for
        self.job_document = self.path / "job.json"  # a sieve job as its worker reads it
        self.status = self.path / "status.json"  # how it ended; written last
        self.stdout = self.path / "stdout.log"
        self.stderr = self.path / "stderr.log"
        self.outputs = self.path / "outputs"  # what the script writes, unless paths are preserved
        self.previous = self.path / "previous"  # what stood at preserved paths before
        self.previous_list = self.path / "previous.json"
        self.rejected = self.path / "rejected"  # what a failed script left at preserved paths


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


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` at `path` so that a reader sees the old file or all of the new one.

    The content is on disk before its name is, and the name is on disk when this returns.

    Raises
    ------
    OSError
        If the disk refuses; the old file is then untouched.
    """
    temporary = path.with_name(".{}.{}.tmp".format(path.name, secrets.token_hex(4)))
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError:
        if temporary.exists():
            temporary.unlink()
        raise
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
