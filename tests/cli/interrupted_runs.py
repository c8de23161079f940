"""The blocks of seeds that an interrupted search has finished."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["finished_blocks", "wait_for_blocks"]


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
