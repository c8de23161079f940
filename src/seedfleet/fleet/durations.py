"""How long each script took in earlier runs, so that the longest can start first."""

from __future__ import annotations

import contextlib
import json
from statistics import fmean
from typing import TYPE_CHECKING

from seedfleet.fleet.node.layout import write_atomically
from seedfleet.fleet.paths import node_home

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["expected_durations", "remember_durations"]


def expected_durations() -> Mapping[str, float]:
    """Return expected seconds by absolute script path; what cannot be read counts as unknown."""
    with contextlib.suppress(OSError, ValueError):
        known = json.loads(_file().read_text())
        if isinstance(known, dict):
            return {str(k): float(v) for k, v in known.items() if isinstance(v, int | float)}
    return {}


def remember_durations(measured: Iterable[tuple[str, float]]) -> None:
    """Move each script's expectation half way to the mean of what was measured now.

    Losing this file costs a little time in a later run and nothing else, so a disk that refuses is
    no error here.
    """
    by_script: dict[str, list[float]] = {}
    for script, seconds in measured:
        by_script.setdefault(script, []).append(seconds)
    known = dict(expected_durations())
    for script, times in by_script.items():
        mean = fmean(times)
        known[script] = round((known.get(script, mean) + mean) / 2, 4)
    if by_script:
        with contextlib.suppress(OSError):
            _file().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(_file(), json.dumps(known, indent=0).encode())


def _file() -> Path:
    return node_home() / "durations"
