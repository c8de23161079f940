"""Speeds that a step measures once, so that asked again it cuts its work into the same jobs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from seedfleet.pipeline.run_folder import write_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["kept_measure"]


def kept_measure(path: Path, about: str, measure: Callable[[], float]) -> float:
    """Return what was measured of this work before, or measure it and keep that.

    Parameters
    ----------
    path
        The file that keeps it.
    about
        A digest of the work; what was kept of other work does not count.
    measure
        Returns the figure, a finite number.
    """
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["about"] == about:
            return float(kept["measured"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # there is nothing, or nothing that can be read: it is measured anew
    measured = measure()
    write_json(path, {"about": about, "measured": measured})
    return measured
