"""How often the gate slice of a run was opened for another test: each further one is charged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from seedfleet.pipeline.run_folder import write_json
from seedfleet.pipeline.steps.train.options import TrainingRefusedError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["count_openings"]

FORMAT = "seedfleet.gate-openings/1"


def count_openings(path: Path, test: str) -> int:
    """Count a test before it is made, and return how many different ones there are with it.

    The same test made again looks at nothing new, and counts once.

    Parameters
    ----------
    test
        A digest of all that its result depends on.

    Raises
    ------
    TrainingRefusedError
        The file does not tell the tests, without which no p-value means anything.
    """
    tests = _made(path) if path.exists() else []
    if test not in tests:
        path.parent.mkdir(parents=True, exist_ok=True)
        tests.append(test)
        write_json(path, {"format": FORMAT, "tests": tests})
    return len(tests)


def _made(path: Path) -> list[str]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        told = document["tests"] if document["format"] == FORMAT else None
    except (OSError, ValueError, KeyError, TypeError):
        told = None
    if not isinstance(told, list) or not told or not all(isinstance(each, str) for each in told):
        raise TrainingRefusedError([f"{path}: does not tell how often the gate was opened"])
    return told
