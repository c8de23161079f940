"""What models may learn from: a table that says of which draws its features are, and which rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq

from seedfleet.generators import find_preset
from seedfleet.pipeline.steps.survivor_files import SurvivorFileError, read_survivors
from seedfleet.pipeline.steps.window.recovered import recovered_streams
from seedfleet.scoring import FEATURES

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from seedfleet.draws import History
    from seedfleet.pipeline.steps.survivor_table import SurvivorTable

__all__ = ["features_file", "fitted_beyond", "fitted_by", "scored_survivors"]


def features_file(path: Path) -> Path:
    """Return the Parquet form of a table with features, whichever of its forms is named.

    Raises
    ------
    SurvivorFileError
        There is the JSON form alone, which does not say of which draws its features are.
    """
    parquet = path.with_suffix(".parquet")
    if path.suffix == ".parquet" or parquet.exists():
        return parquet
    told = (
        "this form does not say of which draws its features are, and models learn from Parquet "
        f"alone: put {parquet.name} beside it, or make it with `seedfleet trace score`"
    )
    raise SurvivorFileError(path, [told])


def scored_survivors(path: Path) -> SurvivorTable:
    """Return the survivors of a table that has their features.

    Raises
    ------
    SurvivorFileError
        There is no such table, or it lacks features.
    """
    table = read_survivors(path)
    there = set(pq.read_schema(path).names)
    missing = [name for name in FEATURES if name not in there]
    if missing:
        raise SurvivorFileError(path, [f"there is no feature {name!r}" for name in missing])
    return table


def fitted_beyond(table: SurvivorTable, history: History, recovery: Path) -> NDArray[np.bool_]:
    """Tell which rows stand in a table because of draws after the sieve slice: bool, shape (n,).

    A recovery fits its streams to the draws of the tune and gate slices too, so that what they
    match there is no evidence for a model. A row that the sieve let through by itself stands in the
    table whatever a recovery says, and is none of them: to leave it out would be a choice by its
    label.

    Parameters
    ----------
    history
        The whole cleaned one.
    recovery
        Step 0's answer, if there is such a file.
    """
    every = set(history.session_names)
    found = {
        (
            find_preset(stream.preset).stream,
            stream.start,
            *(stream.offset, stream.skip_min, stream.skip_max, stream.origin),
        )
        for stream in recovered_streams(recovery, history)
        if (set(stream.sessions) or every) == (set(table.sessions) or every)
    }
    fitted = np.zeros(len(table), np.bool_)
    if not found:
        return fitted
    rows = table.rows
    for row in np.flatnonzero((rows["forward_draws"] == 0) & (rows["reverse_draws"] == 0)).tolist():
        names = ("offset", "skip_min", "skip_max", "origin")
        place = (int(rows[name][row]) for name in names)
        stream = table.stream(int(rows["preset"][row]))
        fitted[row] = (stream, table.start(row), *place) in found
    return fitted


def fitted_by(recovery: Path) -> list[Path]:
    """Return what `fitted_beyond` reads beside the table: an input of whatever asks it."""
    return [recovery] if recovery.exists() else []
