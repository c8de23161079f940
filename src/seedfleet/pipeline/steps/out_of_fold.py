"""What was said of each survivor of a training by models that did not know its label.

The gate judges these predictions, so these are what tilts the same survivors' weights later: the
model of all rows has learned the very label of each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from seedfleet.generators import find_preset
from seedfleet.pipeline.steps.survivor_files import SurvivorFileError, to_arrow, write_parquet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from seedfleet.pipeline.steps.survivor_table import SurvivorTable

__all__ = ["read_out_of_fold", "write_out_of_fold"]

_IDENTITY = ("seed", "offset", "skip_min", "skip_max", "origin")


def write_out_of_fold(
    path: Path,
    table: SurvivorTable,
    rows: NDArray[np.int64],
    columns: Mapping[str, NDArray[np.float64]],
    lineage: Mapping[str, str],
) -> None:
    """Write a line for each row of a table; nothing is said of those that took no part.

    Parameters
    ----------
    rows
        Those that took part, int64 array, shape (n,).
    columns
        By name, float64 arrays, shape (n,).
    """
    told = to_arrow(table).select(["generator", *_IDENTITY, "state"])
    for name, values in columns.items():
        whole = np.full(len(table), np.nan)
        whole[rows] = values
        told = told.append_column(name, pa.array(whole, from_pandas=True))
    write_parquet(path, told, lineage)


def read_out_of_fold(
    path: Path, model_type: str, table: SurvivorTable
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return what was said of the rows of a table, in whatever order they stand.

    Returns
    -------
    known : NDArray
        bool array, shape (n,): whether the row's stream, under its alignment, was a survivor of
        the training.
    predicted : NDArray
        float64 array, shape (n,); NaN of those that took no part in it, or are not known.

    Raises
    ------
    SurvivorFileError
        It cannot be read, or says nothing of this type of model.
    """
    try:
        told = pq.read_table(path, columns=["generator", *_IDENTITY, "state", model_type])
    except (OSError, pa.ArrowException) as error:
        raise SurvivorFileError(path, [f"cannot be read: {error}"]) from error
    if model_type not in told.column_names:
        raise SurvivorFileError(path, [f"says nothing of {model_type}"])
    # Of a stream that stands there twice, such as with two ends, one has taken part.
    said: dict[object, float] = {}
    for key, value in zip(_keys(told), told[model_type].to_pylist(), strict=True):
        if value is not None or key not in said:
            said[key] = np.nan if value is None else value
    found = [said.get(key) for key in _keys(to_arrow(table))]
    known = np.array([each is not None for each in found], np.bool_)
    return known, np.array([np.nan if each is None else each for each in found], np.float64)


def _keys(told: pa.Table) -> Iterator[object]:
    """Yield what each row is known by: stream, start and alignment."""
    names = told["generator"].to_pylist()
    streams = {name: find_preset(name).stream for name in set(names)}
    states = (None if words is None else tuple(words) for words in told["state"].to_pylist())
    numbers = (told[name].to_pylist() for name in _IDENTITY)
    yield from zip((streams[name] for name in names), states, *numbers, strict=True)
