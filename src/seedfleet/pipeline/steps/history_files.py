"""Parts of a history as files in the established form, which `seedfleet.draws.load` reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seedfleet.pipeline.run_folder import write_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from seedfleet.draws import History

__all__ = ["write_history"]


def write_history(path: Path, history: History, chosen: Iterable[int]) -> None:
    """Write the draws with these indexes as a list of objects, whole or not at all.

    The modulus is not in the file: whoever reads it has to be told.
    """
    lines = (json.dumps(_entry(history, index)) for index in chosen)
    write_text(path, "[\n" + ",\n".join(lines) + "\n]\n")


def _entry(history: History, index: int) -> dict[str, Any]:
    date = history.dates[index]
    entry = {
        "date": None if date is None else date.isoformat(),
        "session": history.sessions[index],
        "machine": history.machines[index],
    }
    known: dict[str, Any] = {key: value for key, value in entry.items() if value is not None}
    return known | {"draw": int(history.values[index])}
