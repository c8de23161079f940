"""Where a step's files go: a new folder for each run, where nothing stands half-written."""

from __future__ import annotations

import json
import os
import re
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

__all__ = ["new_run_id", "printable", "unwritable", "whole_file", "write_json", "write_text"]


def new_run_id(stem: str, started: datetime, token: bytes) -> str:
    """Return ``<stem>_<UTC time>_<6 hex>``, safe as a folder name.

    Parameters
    ----------
    stem
        What was run, a file's stem; characters that are unsafe in a name become ``-``.
    started
        Time zone aware.
    token
        At least 3 bytes of chance, so that two runs in one second differ.
    """
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-.") or "draws"
    return f"{safe[:80]}_{started:%Y%m%dT%H%M%SZ}_{token[:3].hex()}"


def unwritable(folder: Path) -> str | None:
    """Say why files could not be written below `folder`, which need not exist; None if they can."""
    nearest = folder.absolute()
    while not nearest.exists():
        nearest = nearest.parent
    if not nearest.is_dir():
        return f"{folder}: {nearest} is a file, not a folder"
    try:
        tempfile.TemporaryDirectory(dir=nearest).cleanup()
    except OSError as error:
        return f"{folder}: cannot write in {nearest}: {error.strerror}"
    return None


def printable(text: str) -> str:
    """Write what UTF-8 cannot hold, such as odd bytes of a file's name, as backslash escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def write_text(path: Path, text: str) -> None:
    """Write `path` whole or not at all; its folder is made if need be."""
    with whole_file(path) as stream:
        stream.write(text)


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """Open a file for text that stands at `path` once the block ends well, and never before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("w", encoding="utf-8") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write `document` as JSON, like `write_text`."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2)
    write_text(path, text + "\n")
