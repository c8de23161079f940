"""The request of a sieve, from which an interrupted one goes on."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from seedfleet.pipeline.recorded import read_request, write_request
from seedfleet.pipeline.sieve_plan import SieveOptions
from seedfleet.sieve import Direction

if TYPE_CHECKING:
    from pathlib import Path

    from seedfleet.draws import History
    from seedfleet.pipeline.run_context import RunContext

__all__ = ["read_sieve_request", "write_sieve_request"]

_FORMAT = "seedfleet.sieve-request/1"


def write_sieve_request(
    folder: Path, history: History, options: SieveOptions, context: RunContext
) -> None:
    """Write the request of a sieve into its folder, whole or not at all."""
    skips, direction = options.skips, options.direction
    plain = {
        **dataclasses.asdict(options),
        "skips": None if skips is None else [skips.start, skips.stop],
        "offsets": [options.offsets.start, options.offsets.stop],
        "direction": None if direction is None else direction.value,
    }
    write_request(folder, _FORMAT, history, plain, context)


def read_sieve_request(folder: Path) -> tuple[History, SieveOptions, RunContext]:
    """Return what `write_sieve_request` wrote.

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


def _options(document: dict[str, Any]) -> SieveOptions:
    skips, direction = document["skips"], document["direction"]
    pairs = {
        name: None if document[name] is None else tuple(document[name])
        for name in ("seeds", "variable_skip")
    }
    return SieveOptions(
        **{
            **document,
            **pairs,
            "searches": tuple(document["searches"]),
            "sessions": tuple(document["sessions"]),
            "skips": None if skips is None else range(*skips),
            "offsets": range(*document["offsets"]),
            "direction": None if direction is None else Direction(direction),
        }
    )
