"""What an interrupted run needs to go on: its draws, its options and its name, in one file."""

from __future__ import annotations

import dataclasses
import json
from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from seedfleet.draws import History
from seedfleet.pipeline.run_context import RunContext
from seedfleet.pipeline.run_folder import write_json
from seedfleet.recover import Options

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["RecordError", "read_record", "read_request", "write_record", "write_request"]

_T = TypeVar("_T")


_NAME = "request.json"
_FORMAT = "seedfleet.recovery-request/1"
_RANGES = ("skips", "scan_skips", "offsets")


class RecordError(Exception):
    """A run cannot be resumed; the message says why and what there is."""


def write_request(
    folder: Path, form: str, history: History, options: dict[str, Any], context: RunContext
) -> None:
    """Write the request of a run into its folder, whole or not at all.

    Parameters
    ----------
    form
        Name and version of the request's format.
    options
        As JSON takes them.
    """
    write_json(
        folder / _NAME,
        {
            "format": form,
            "history": {
                **dataclasses.asdict(history),
                "values": history.values.tolist(),
                "dates": [day.isoformat() if day else None for day in history.dates],
            },
            "options": options,
            "context": dataclasses.asdict(context),
        },
    )


def read_request(
    folder: Path, form: str, read: Callable[[History, dict[str, Any], RunContext], _T]
) -> _T:
    """Return what `read` makes of the history, the options and the context of a request.

    Raises
    ------
    RecordError
        There is no such run, or nothing in it that could be resumed.
    """
    try:
        document = json.loads((folder / _NAME).read_text(encoding="utf-8"))
        if document["format"] != form:
            raise RecordError(f"{folder / _NAME}: {document['format']} is not {form}")
        told = document["context"]
        context = RunContext(**{**told, "command": tuple(told["command"])})
        return read(_history(document["history"]), document["options"], context)
    except OSError as error:
        raise RecordError(
            f"{folder / _NAME}: {error.strerror}; nothing to resume: the run is finished, kept "
            "nothing before it was stopped, or lies below another --output-dir"
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(f"{folder / _NAME} was changed since it was written: {error}") from error


def write_record(folder: Path, history: History, options: Options, context: RunContext) -> None:
    """Write the request of a recovery into its folder, whole or not at all."""
    plain = {
        **dataclasses.asdict(options),
        **{name: [getattr(options, name).start, getattr(options, name).stop] for name in _RANGES},
        "searched": sorted(options.searched),
        "sessions": sorted(options.sessions),
    }
    write_request(folder, _FORMAT, history, plain, context)


def read_record(folder: Path) -> tuple[History, Options, RunContext]:
    """Return what `write_record` wrote.

    Raises
    ------
    RecordError
        There is no such run, or nothing in it that could be resumed.
    """
    return read_request(
        folder,
        _FORMAT,
        lambda history, options, context: (history, _options(options), context),
    )


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
            **{name: range(*document[name]) for name in _RANGES},
            "variable_skip": document["variable_skip"] and tuple(document["variable_skip"]),
            "searched": frozenset(document["searched"]),
            "sessions": frozenset(document["sessions"]),
        }
    )
