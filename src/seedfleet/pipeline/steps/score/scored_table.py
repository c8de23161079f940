"""A survivor table with its features: what workers make, and what is made of their chunks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from seedfleet.errors import ProblemsError
from seedfleet.generators import AtState
from seedfleet.pipeline.run_folder import whole_file
from seedfleet.pipeline.steps.survivor_files import to_arrow
from seedfleet.pipeline.steps.survivor_table import ROW
from seedfleet.scoring import FEATURES, GLOBAL_FEATURES, SURVIVOR_FEATURES
from seedfleet.scoring.global_features import global_features
from seedfleet.scoring.score import confidences, scores
from seedfleet.scoring.survivors import Candidates, CandidatesError, compare

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from seedfleet.evidence.part_prior import Division
    from seedfleet.pipeline.steps.survivor_table import SurvivorTable
    from seedfleet.scoring import ScoringSettings

__all__ = [
    "ScoredDraws",
    "ScoredTableError",
    "candidates_of",
    "read_scored",
    "score_table",
    "told_settings",
    "write_scored_json",
]

SETTINGS = "settings"  # where a table's metadata tells them
_ADDED = (*FEATURES, "score", "confidence")
_COLUMNS = frozenset(ROW.names or ()) - {"preset", "seed"}
_WHOLE = _COLUMNS & frozenset(FEATURES)  # a survivor's own, which are features too
_EXACT = frozenset(name for name in _COLUMNS if ROW[name].kind == "i")
_LINES = 4096  # of the JSON form that are written together


class ScoredTableError(ProblemsError):
    """Survivors that cannot be scored, or a file that is not what scoring them gives."""


@dataclass(frozen=True, eq=False)
class ScoredDraws:
    """The draws that survivors are scored on.

    Attributes
    ----------
    values
        int64 array, shape (d,), in ``[0, modulus)``.
    modulus
        The draws' modulus m.
    division
        Of the whole history, by which the prior is asked.
    """

    values: NDArray[np.int64]
    modulus: int
    division: Division


def candidates_of(table: SurvivorTable, rows: NDArray[np.int64]) -> Candidates:
    """Return rows of one preset as `seedfleet.scoring` takes them."""
    mine = table.rows[rows]
    looked_at = (mine["forward_draws"] + mine["reverse_draws"]).astype(float)
    matched = (mine["forward_matches"] + mine["reverse_matches"]).astype(float)
    missed = np.full(len(mine), np.nan)
    np.divide(looked_at - matched, looked_at, out=missed, where=looked_at > 0)
    states = {
        place: AtState(table.states[row])
        for place, row in enumerate(rows.tolist() if table.states else [])
        if row in table.states
    }
    return Candidates(
        stream=table.stream(int(mine["preset"][0])),
        seeds=np.ascontiguousarray(mine["seed"]),
        offsets=np.ascontiguousarray(mine["offset"]),
        skip_min=np.ascontiguousarray(mine["skip_min"]),
        skip_max=np.ascontiguousarray(mine["skip_max"]),
        origins=np.ascontiguousarray(mine["origin"]),
        ends=np.ascontiguousarray(mine["end"]),
        counts=np.ascontiguousarray(mine["bidirectional_count"]),
        selectivities=np.ascontiguousarray(mine["bidirectional_selectivity"]),
        missed=missed,
        states=states,
        sessions=len(table.sessions) or None,
    )


def score_table(
    table: SurvivorTable,
    known: ScoredDraws,
    settings: ScoringSettings,
    *,
    workers: int | None = None,
    progress: Callable[[float], None] = lambda _share: None,
) -> pa.Table:
    """Return the survivors' own columns, then `FEATURES`, `score` and `confidence`, float64.

    Parameters
    ----------
    known
        The sieve slice of the table's sessions.
    workers
        Threads; default one for each core.
    progress
        Called with the share of rows that are done.

    Raises
    ------
    ScoredTableError
        The draws or the modulus fit no stream.
    """
    features = np.zeros((len(table), len(SURVIVOR_FEATURES)))
    score, confidence = np.zeros(len(table)), np.zeros(len(table))
    done, draws, modulus = 0, known.values, known.modulus
    for preset in np.unique(table.rows["preset"]):
        rows = np.flatnonzero(table.rows["preset"] == preset)
        candidates, before = candidates_of(table, rows), done

        def tell(share: float, rows: NDArray[np.int64] = rows, before: int = before) -> None:
            progress((before + share * len(rows)) / len(table))

        try:
            found = compare(candidates, draws, modulus, settings, workers=workers, progress=tell)
        except CandidatesError as error:
            raise ScoredTableError([str(error)]) from error
        features[rows] = found.features
        score[rows] = scores(found, candidates, draws=draws, modulus=modulus, settings=settings)
        confidence[rows] = confidences(found, candidates, draws, modulus, division=known.division)
        done += len(rows)
    return _with_features(to_arrow(table), features, global_features(draws), (score, confidence))


def _with_features(
    survivors: pa.Table,
    features: NDArray[np.float64],
    of_draws: NDArray[np.float64],
    summaries: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> pa.Table:
    columns = {name: survivors[name] for name in survivors.column_names}
    for place, name in enumerate(SURVIVOR_FEATURES):
        if name not in columns:
            columns[name] = pa.array(np.ascontiguousarray(features[:, place]))
    for value, name in zip(of_draws.tolist(), GLOBAL_FEATURES, strict=True):
        columns[name] = pa.array(np.full(len(survivors), value))
    columns["score"], columns["confidence"] = map(pa.array, summaries)
    return pa.table(columns)


def told_settings(path: Path) -> dict[str, Any] | None:
    """Return the settings that a table's own columns of features were made with, as it tells them.

    None where it tells none, or is no Parquet table.
    """
    try:
        told = json.loads((pq.read_schema(path).metadata or {}).get(SETTINGS.encode(), b"null"))
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None


def read_scored(path: Path, survivors: SurvivorTable) -> pa.Table:
    """Read what scoring these survivors gave, and hold every row to the one that it is of.

    Raises
    ------
    ScoredTableError
        It cannot be read whole, has other rows or lacks a column.
    """
    try:
        scored = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise ScoredTableError([f"{path}: cannot be read: {error}"]) from error
    expected = to_arrow(survivors)
    missing = [
        name for name in (*expected.column_names, *_ADDED) if name not in scored.column_names
    ]
    if missing:
        raise ScoredTableError([f"{path}: there is no column {name!r}" for name in missing])
    if len(scored) != len(expected):
        raise ScoredTableError([f"{path}: {len(scored)} rows, not {len(expected)}"])
    changed = [
        name
        for name in expected.column_names
        if not _plain(scored[name]).equals(_plain(expected[name]))
    ]
    if changed:
        raise ScoredTableError([f"{path}: other survivors: {', '.join(changed)} differ"])
    return scored


def _plain(column: pa.ChunkedArray) -> pa.Array:
    """Return a column as one array of plain values, whatever its dictionaries."""
    whole = column.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = whole.chunk(0) if whole.num_chunks else pa.array([], whole.type)
    return whole.dictionary_decode() if pa.types.is_dictionary(whole.type) else whole


def write_scored_json(path: Path, scored: pa.Table) -> None:
    """Write the established form: a list of objects with seed, score, features and metadata.

    Beside these an object has the survivor's other columns, so that it is read as a survivor too.
    Numbers have nine significant digits; each object has a line of its own.
    """
    apart = {*_ADDED, "seed", "state", "generator"} - _WHOLE
    own = [name for name in scored.column_names if name not in apart]
    generators = _plain(scored["generator"]).to_pylist()
    numbers = [np.asarray(scored[name]) for name in ("seed", *own, *_ADDED)]
    states = scored["state"].to_pylist() if scored["state"].null_count < len(scored) else None
    template = _template(own)
    with whole_file(path) as stream:
        stream.write("[")
        for at in range(0, len(scored), _LINES):
            part = slice(at, at + _LINES)
            columns = [each[part].tolist() for each in numbers]
            told = _states(states, part, len(columns[0]))
            names = generators[part]
            rows = zip(names, names, told, *columns, strict=True)
            stream.write(",\n" if at else "\n")
            stream.write(",\n".join(template % row for row in rows))
        stream.write("\n]\n")


def _template(own: list[str]) -> str:
    columns = ", ".join(f'"{name}": {"%d" if name in _EXACT else "%.9g"}' for name in own)
    features = ", ".join(f'"{name}": %.9g' for name in FEATURES)
    return (
        '{"generator": "%s", "metadata": {"prng_type": "%s"}%s, "seed": %d, '
        f'{columns}, "features": {{{features}}}, "score": %.9g, "confidence": %.9g}}'
    )


def _states(states: list[Any] | None, part: slice, count: int) -> list[str]:
    if states is None:
        return [""] * count
    return ["" if words is None else f', "state": {words}' for words in states[part]]
