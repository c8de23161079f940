"""A place for searches that are interrupted, and the blocks of seeds that they have finished."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

__all__ = ["finished_blocks", "own_home", "wait_for_blocks"]


@contextmanager
def own_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Keep all of the fleet's files below `folder`, and leave none of its processes."""
    monkeypatch.setenv("SEEDFLEET_HOME", str(folder / "home"))
    yield folder
    for status in (folder / "home").glob("runs/*/attempts/*/*/pid"):
        os.kill(int(status.read_text()), signal.SIGKILL)


def finished_blocks(house: Path) -> dict[Path, int]:
    """Return each finished block's result with the time that it was written, in nanoseconds."""
    found = house.glob("out/*/*/*/*/results/*.hits")
    return {path: path.stat().st_mtime_ns for path in found}


def wait_for_blocks(house: Path, count: int, *, patience_s: float) -> dict[Path, int]:
    started = time.monotonic()
    while len(blocks := finished_blocks(house)) < count:
        assert time.monotonic() - started < patience_s, "no block was finished"
        time.sleep(0.05)
    return blocks
