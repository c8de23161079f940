"""Folders of runs as the window optimizer and scoring would leave them, made without either."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seedfleet.draws import History
from seedfleet.generators import find_preset
from seedfleet.generators.compiled import at_positions
from seedfleet.pipeline import RunContext
from seedfleet.pipeline.steps.fan_out import FanOut
from seedfleet.pipeline.steps.request import Request, begin_folder
from seedfleet.pipeline.steps.run_files import RunFiles
from seedfleet.pipeline.steps.step_run import StepRun
from seedfleet.pipeline.steps.survivor_files import to_arrow, write_parquet, write_survivors
from seedfleet.pipeline.steps.survivor_table import NO_END, ROW, SurvivorTable
from seedfleet.scoring import FEATURES

PRESET = "java_lcg"
TRUE_SEED = 123
DRAWS = 800


def history_of(values: NDArray[np.int64], modulus: int = 1000) -> History:
    """Return a history of these draws."""
    none = (None,) * len(values)
    return History("draws", "draws.json", "ab" * 32, values, none, none, none, modulus, True, ())


def planted(noise: float = 0.0) -> History:
    """Return draws of one seed, so large a share of them replaced by lot."""
    rng = np.random.default_rng(5)
    stream = find_preset(PRESET).stream
    values, _ = at_positions(stream, TRUE_SEED, 1000, np.arange(DRAWS))
    wrong = rng.random(DRAWS) < noise
    return history_of(np.where(wrong, rng.integers(0, 1000, DRAWS), values))


def drawn_by_lot(seed: int = 6) -> History:
    """Return draws that nothing made."""
    return history_of(np.random.default_rng(seed).integers(0, 1000, DRAWS))


def survivors(count: int, *, skip_max: int = 0) -> SurvivorTable:
    """Return the first seeds, as if all of them had passed."""
    rows = np.zeros(count, dtype=ROW)
    rows["seed"] = np.arange(count)
    rows["end"], rows["skip_max"] = NO_END, skip_max
    rows["bidirectional_count"], rows["bidirectional_selectivity"] = count, 1.0
    return SurvivorTable((PRESET,), (), rows)


def step_run(folder: Path, history: History, table: SurvivorTable, step: str) -> StepRun:
    """Write the files that come before a step, and return what it is given."""
    files = RunFiles(folder)
    context = RunContext("draws_1", ("seedfleet",), "2026-01-01T00:00:00+00:00", str(folder))
    begin_folder(files, history, Request(context))
    write_survivors(files.survivors("bidirectional"), table, {"run_id": "draws_1"})
    return StepRun(step=step, files=files, context=context, fan_out=FanOut())


def write_scores(files: RunFiles, table: SurvivorTable, features: NDArray[np.float64]) -> None:
    """Write survivors with features; those that are not given are 0, or the survivor's own."""
    columns = to_arrow(table)
    for place, name in enumerate(FEATURES):
        if name in columns.column_names:
            continue
        column = features[:, place] if place < features.shape[1] else np.zeros(len(table))
        columns = columns.append_column(name, pa.array(column))
    write_parquet(files.scores, columns, {"run_id": "draws_1", "seedfleet.sessions": "[]"})


def found_by_step_0(seed: int, *, preset: str = PRESET, draws: int = DRAWS) -> dict[str, object]:
    """Return what a recovery says of a seed at skip 0 that explains all draws."""
    alignment = dict.fromkeys(("offset", "skip_min", "skip_max", "origin"), 0)
    return {
        "generator": preset,
        "bounding": find_preset(preset).stream.bounding.name,
        "seed": seed,
        "start_state": None,
        "n": draws,
        "posterior": 0.9,
        "alignment": {**alignment, "session": None, "machine": None, "jumps": []},
    }


def write_recovery(files: RunFiles, candidates: Sequence[dict[str, object]]) -> None:
    """Write a recovery that has found these candidates."""
    history = {"sha256": "", "draws": 0, "modulus": 10}
    files.recovery.write_text(json.dumps({"history": history, "candidates": list(candidates)}))
