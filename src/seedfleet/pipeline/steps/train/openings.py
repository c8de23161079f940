"""How often the gate slice of a run has been opened, which each further opening is charged for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from seedfleet.pipeline.run_folder import write_json
from seedfleet.pipeline.steps.train.options import TrainingRefusedError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["count_opening"]

FORMAT = "seedfleet.gate-openings/1"


def count_opening(path: Path) -> int:
    """Count one more opening, before it is made, and return how many there are with it.

    Raises
    ------
    TrainingRefusedError
        The file does not tell the count, without which no p-value means anything.
    """
    openings = 1 + (_counted(path) if path.exists() else 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"format": FORMAT, "openings": openings})
    return openings


def _counted(path: Path) -> int:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        told = document["openings"] if document["format"] == FORMAT else None
    except (OSError, ValueError, KeyError, TypeError):
        told = None
    if not isinstance(told, int) or told < 1:
        raise TrainingRefusedError([f"{path}: does not tell how often the gate was opened"])
    return told
