"""Survivor tables as files: Parquet for programs, JSON under the established names for people."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from seedfleet.generators import find_preset
from seedfleet.generators.start import state_of_words
from seedfleet.pipeline.run_folder import write_text
from seedfleet.pipeline.steps.survivor_table import NO_END, ROW, SurvivorTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = [
    "SurvivorFileError",
    "read_survivors",
    "rows_without_skip",
    "write_parquet",
    "write_survivors",
]

_SESSIONS = b"seedfleet.sessions"
_FRACTIONS = ("bidirectional_selectivity",)
_NUMBERS = tuple(name for name in ROW.names or () if name != "preset")
# Of a row that does not say: what an established file of seeds leaves out.
_DEFAULTS: Mapping[str, float] = {"end": NO_END, "bidirectional_selectivity": 1.0}
_MOST_PROBLEMS = 10  # told of a file that may have a million rows


class SurvivorFileError(Exception):
    """A file that holds no survivors.

    Attributes
    ----------
    path
        Of the file.
    problems
        All that is wrong, each a sentence with its place.
    """

    def __init__(self, path: Path, problems: Sequence[str]) -> None:
        super().__init__(f"{path}: {'; '.join(problems)}")
        self.path = path
        self.problems = tuple(f"{path}: {problem}" for problem in problems)


def write_survivors(path: Path, table: SurvivorTable, lineage: Mapping[str, str]) -> None:
    """Write `path` as Parquet, and beside it the same as JSON.

    Parameters
    ----------
    lineage
        What the file says of the run that made it, such as run id and input digests.
    """
    write_parquet(
        path, to_arrow(table), {**lineage, _SESSIONS.decode(): json.dumps(table.sessions)}
    )
    rows = ",\n".join(map(json.dumps, _listed(table)))  # with an indent it takes ten times as long
    write_text(path.with_suffix(".json"), f"[\n{rows}\n]\n")


def write_parquet(path: Path, table: pa.Table, metadata: Mapping[str, str]) -> None:
    """Write a table whole or not at all, with what the file says of itself."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        pq.write_table(table.replace_schema_metadata(dict(metadata)), partial)
        with partial.open("rb") as stream:
            os.fsync(stream.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def to_arrow(table: SurvivorTable) -> pa.Table:
    """Return the table's columns: `generator`, those of `ROW`, and `state`."""
    names = pa.array(table.presets, pa.string())
    codes = pa.array(table.rows["preset"], pa.int16())
    states = [table.states.get(row) for row in range(len(table))] if table.states else None
    return pa.table(
        {
            "generator": pa.DictionaryArray.from_arrays(codes, names),
            **{name: pa.array(np.ascontiguousarray(table.rows[name])) for name in _NUMBERS},
            "state": pa.array(states, pa.list_(pa.uint64()))
            if states is not None
            else pa.nulls(len(table), pa.list_(pa.uint64())),
        }
    )


def _listed(table: SurvivorTable) -> list[dict[str, Any]]:
    """Return the rows as objects; a state only where there is one."""
    columns = {name: table.rows[name].tolist() for name in _NUMBERS}
    names = [table.presets[code] for code in table.rows["preset"].tolist()]
    rows = []
    for row, name in enumerate(names):
        entry: dict[str, Any] = {"generator": name}
        entry |= {key: values[row] for key, values in columns.items()}
        if row in table.states:
            entry["state"] = list(table.states[row])
        rows.append(entry)
    return rows


def read_survivors(
    path: Path,
    *,
    generator: str | None = None,
    sessions: Sequence[str] = (),
    skips: tuple[int, int] = (0, 0),
) -> SurvivorTable:
    """Read a table from Parquet or JSON.

    JSON may be a list of objects as `write_survivors` makes them, of objects with at least `seed`,
    or of bare seeds.

    Parameters
    ----------
    generator
        What rows are drawn from that do not say.
    sessions
        Those of a file that does not say.
    skips
        Least and most outputs dropped before each draw, of rows that do not say.

    Raises
    ------
    SurvivorFileError
        It cannot be read, or is no table; the error lists up to ten problems.
    """
    try:
        if path.suffix == ".parquet":
            return _from_arrow(path, pq.read_table(path), sessions)
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, pa.ArrowException, ValueError) as error:
        raise SurvivorFileError(path, [f"cannot be read: {error}"]) from error
    if not isinstance(entries, list):
        raise SurvivorFileError(path, ["$: a list of survivors is needed"])
    told = {"generator": generator, "skip_min": skips[0], "skip_max": skips[1]}
    return _from_entries(path, entries, told, sessions)


def rows_without_skip(path: Path) -> int:
    """Return how many rows of a file that `read_survivors` takes do not say their skip."""
    if path.suffix == ".parquet":
        return 0
    entries = json.loads(path.read_text(encoding="utf-8"))
    return sum(not isinstance(entry, dict) or "skip_min" not in entry for entry in entries)


def _from_arrow(path: Path, table: pa.Table, sessions: Sequence[str]) -> SurvivorTable:
    missing = [name for name in ("generator", *_NUMBERS) if name not in table.column_names]
    if missing:
        raise SurvivorFileError(path, [f"there is no column {name!r}" for name in missing])
    codes = table["generator"].combine_chunks().dictionary_encode()
    if isinstance(codes, pa.ChunkedArray):
        codes = codes.combine_chunks()
    rows = np.zeros(len(table), dtype=ROW)
    rows["preset"] = np.asarray(codes.indices)
    for name in _NUMBERS:
        rows[name] = np.asarray(table[name])
    states = {}
    if "state" in table.column_names:
        kept = enumerate(table["state"].to_pylist())
        states = {row: tuple(words) for row, words in kept if words is not None}
    said = (table.schema.metadata or {}).get(_SESSIONS)
    chosen = tuple(sessions) if said is None else tuple(json.loads(said))
    presets = tuple(codes.dictionary.to_pylist())
    unknown = [problem for name in presets if (problem := _unknown(name)) is not None]
    if unknown:
        raise SurvivorFileError(path, unknown)
    return _checked(path, SurvivorTable(presets, chosen, rows, states))


def _from_entries(
    path: Path, entries: list[Any], told: Mapping[str, Any], sessions: Sequence[str]
) -> SurvivorTable:
    rows = np.zeros(len(entries), dtype=ROW)
    presets: dict[str, int] = {}
    states: dict[int, tuple[int, ...]] = {}
    problems: list[str] = []
    for row, entry in enumerate(entries):
        own = entry if isinstance(entry, dict) else {"seed": entry}
        # A row that says one end of its skip is asked for the other.
        fields = own if "skip_min" in own or "skip_max" in own else {**told, **own}
        name = str(fields.get("generator", told["generator"]))
        try:
            if name not in presets and (problem := _unknown(name)) is not None:
                problems.append(f"$[{row}]: {problem}")
                continue
            rows["preset"][row] = presets.setdefault(name, len(presets))
            for key in _NUMBERS:
                rows[key][row] = _number(fields, key)
            if fields.get("state") is not None:
                states[row] = tuple(int(word) for word in fields["state"])
        except (TypeError, ValueError, OverflowError) as error:
            problems.append(f"$[{row}]: {error}")
    if problems:
        raise SurvivorFileError(path, problems[:_MOST_PROBLEMS])
    return _checked(path, SurvivorTable(tuple(presets), tuple(sessions), rows, states))


def _unknown(name: str) -> str | None:
    """Say that a generator is not in the catalogue; None where it is."""
    try:
        find_preset(name)
    except KeyError:
        return f"there is no generator {name!r}: `seedfleet generators list` names them"
    return None


def _number(fields: Mapping[str, Any], key: str) -> float:
    """Return a field of a row; whole numbers are not rounded into being."""
    value: Any = fields.get(key, None if key == "seed" else _DEFAULTS.get(key, 0))
    kinds = (int, float) if key in _FRACTIONS else (int,)
    if isinstance(value, bool) or not isinstance(value, kinds):
        needed = "a number" if key in _FRACTIONS else "a whole number"
        raise TypeError(f"{key} has to be {needed}, not {value!r}")
    return value


def _checked(path: Path, table: SurvivorTable) -> SurvivorTable:
    """Return the table, if each of its rows is an alignment of a stream."""
    rows = table.rows
    wrong = {
        f"{name} is below 0": rows[name] < 0
        for name in ("skip_min", "origin", "forward_matches", "reverse_matches")
    }
    wrong["the first draw is before the stream's first"] = rows["offset"] + rows["skip_min"] < 0
    wrong["skip_max is below skip_min"] = rows["skip_max"] < rows["skip_min"]
    wrong["end is not after origin"] = (rows["end"] != NO_END) & (rows["end"] <= rows["origin"])
    problems = [
        f"$[{row}]: {problem}"
        for problem, found in wrong.items()
        for row in np.flatnonzero(found)[:_MOST_PROBLEMS].tolist()
    ]
    for row, words in table.states.items():
        try:
            state_of_words(table.stream(int(rows["preset"][row])).generator, words)
        except ValueError as error:
            problems.append(f"$[{row}]: {error}")
    if problems:
        raise SurvivorFileError(path, problems[:_MOST_PROBLEMS])
    return table
