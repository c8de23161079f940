"""What an interrupted run needs to go on: its draws, its options and its name, in one file."""

from __future__ import annotations

import dataclasses
import json
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.draws import History
from seedfleet.pipeline.recovery import RunContext
from seedfleet.pipeline.run_folder import write_json
from seedfleet.recover import Options

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["RecordError", "read_record", "write_record"]

_NAME = "request.json"
_FORMAT = "seedfleet.recovery-request/1"


class RecordError(Exception):
    """A run cannot be resumed; the message says why and what there is."""


def write_record(folder: Path, history: History, options: Options, context: RunContext) -> None:
    """Write the request of a run into its folder, whole or not at all."""
    write_json(
        folder / _NAME,
        {
            "format": _FORMAT,
            "history": {
                **dataclasses.asdict(history),
                "values": history.values.tolist(),
                "dates": [day.isoformat() if day else None for day in history.dates],
            },
            "options": {
                **dataclasses.asdict(options),
                "skips": [options.skips.start, options.skips.stop],
                "scan_skips": [options.scan_skips.start, options.scan_skips.stop],
                "generators": sorted(options.generators),
                "sessions": sorted(options.sessions),
            },
            "context": dataclasses.asdict(context),
        },
    )


def read_record(folder: Path) -> tuple[History, Options, RunContext]:
    """Return what `write_record` wrote.

    Raises
    ------
    RecordError
        There is no such run, or nothing in it that could be resumed.
    """
    try:
        document = json.loads((folder / _NAME).read_text(encoding="utf-8"))
        if document["format"] != _FORMAT:
            raise RecordError(f"{folder / _NAME}: {document['format']} is not {_FORMAT}")
        return (
            _history(document["history"]),
            _options(document["options"]),
            RunContext(**{**document["context"], "command": tuple(document["context"]["command"])}),
        )
    except OSError as error:
        raise RecordError(f"{folder / _NAME}: {error.strerror}; nothing to resume") from error
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(f"{folder / _NAME} was changed since it was written: {error}") from error


def _history(document: dict[str, Any]) -> History:
    return History(
        **{
            **document,
            "values": np.array(document["values"], dtype=np.int64),
            "dates": tuple(date.fromisoformat(d) if d else None for d in document["dates"]),
            "sessions": tuple(document["sessions"]),
            "machines": tuple(document["machines"]),
            "notes": tuple(document["notes"]),
        }
    )


def _options(document: dict[str, Any]) -> Options:
    return Options(
        **{
            **document,
            "skips": range(*document["skips"]),
            "scan_skips": range(*document["scan_skips"]),
            "generators": frozenset(document["generators"]),
            "sessions": frozenset(document["sessions"]),
        }
    )
