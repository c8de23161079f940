"""From an attempt's folder to frames that carry all of it to the head."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Tuple

from .frames import pack

if TYPE_CHECKING:
    from .layout import AttemptFolder

__all__ = ["LOG_LIMIT_BYTES", "frames_of_end", "read_status"]

LOG_LIMIT_BYTES = 10_000_000  # the end of a longer log is kept
_SMALL_BYTES = 1 << 18  # of all files together: then one frame carries everything
_CHUNK_BYTES = 1 << 19


def frames_of_end(
    order: Dict[str, Any], folder: AttemptFolder, status: Optional[Dict[str, Any]]
) -> Iterator[bytes]:
    """Tell how an attempt ended: an `ended` frame, and where files are large, `file` frames.

    Parameters
    ----------
    order
        As the head gave it; with `carry` false the head takes the files itself.
    folder
        The attempt's.
    status
        None is what the folder says.

    Yields
    ------
    bytes
        One frame. The header of `ended` lists the files as `[name, size in bytes]`; their contents
        follow one another in its body if they are small, else in `file` frames.
    """
    if status is None:
        status = read_status(folder) or {"outcome": "lost", "problem": "its status is gone"}
    token = order["token"]
    files = _files(order, folder, status) if order["carry"] else []
    header = {"op": "ended", "token": token, "status": status}
    header["files"] = [[name, size] for name, _, _, size in files]
    if sum(size for _, _, _, size in files) <= _SMALL_BYTES:
        body = b"".join(b"".join(_chunks(path, start, size)) for _, path, start, size in files)
        yield pack(dict(header, complete=True), body)
        return
    yield pack(dict(header, complete=False))
    for name, path, start, size in files:
        for chunk in _chunks(path, start, size):
            yield pack({"op": "file", "token": token, "name": name}, chunk)
    yield pack({"op": "complete", "token": token})


def read_status(folder: AttemptFolder) -> Optional[Dict[str, Any]]:
    """Read how an attempt ended; None if there is no status, or one torn by a power cut."""
    try:
        status = json.loads(folder.status.read_bytes())
    except (OSError, ValueError):
        return None
    return status if isinstance(status, dict) else None


def _files(
    order: Dict[str, Any], folder: AttemptFolder, status: Dict[str, Any]
) -> List[Tuple[str, Path, int, int]]:
    """List name, path, first byte and size of what to carry."""
    found = []
    for log in (folder.stdout, folder.stderr):
        size = _size(log)
        start = max(0, size - LOG_LIMIT_BYTES)
        found.append((log.name, log, start, size - start))
    if not order["in_place"]:
        for number, output in enumerate(status.get("outputs", ())):
            path = Path(output["path"])
            found.append(("outputs/{}".format(number), path, 0, _size(path)))
    return found


def _size(path: Path) -> int:
    try:
        return os.path.getsize(path)
    except OSError:
        return 0


def _chunks(path: Path, start: int, size: int) -> Iterator[bytes]:
    """Read so many bytes; a file that has become shorter meanwhile is told by its digest."""
    if size == 0:
        return
    try:
        with path.open("rb") as stream:
            stream.seek(start)
            while size > 0:
                chunk = stream.read(min(size, _CHUNK_BYTES))
                if not chunk:
                    return
                size -= len(chunk)
                yield chunk
    except OSError:
        return
