"""Runs whose survivors are scored: one that a model can tell something of, and one that it cannot.

Draws are single bits, of which the true stream has three in four right: that leaves survivors'
likelihoods comparable over a few hundred draws, where draws in [0, 1000) would settle everything.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from step_words import proceeded

from seedfleet.digests import file_digest
from seedfleet.draws import load
from seedfleet.draws.slices import Slices
from seedfleet.generators import find_preset
from seedfleet.generators.compiled import at_positions
from seedfleet.models import fold_command
from seedfleet.pipeline import RunContext
from seedfleet.pipeline.run_folder import write_json
from seedfleet.pipeline.steps.engine_config import ENGINE_FORMAT
from seedfleet.pipeline.steps.fan_out import FanOut
from seedfleet.pipeline.steps.run_files import RunFiles
from seedfleet.pipeline.steps.step_run import StepRun
from seedfleet.pipeline.steps.survivor_evidence import SurvivorEvidence
from seedfleet.pipeline.steps.survivor_files import to_arrow, write_parquet
from seedfleet.pipeline.steps.survivor_table import NO_END, ROW, SurvivorTable
from seedfleet.scoring import FEATURES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedfleet.draws import History
    from seedfleet.fleet import Job

Array = np.ndarray[Any, Any]
GENERATOR = "xorshift32"
DRAWS = 400
N_ROWS = 400
TRUE_ROW = 17


@dataclass(frozen=True)
class _Ended:
    succeeded: bool = True


@dataclass(frozen=True)
class _Report:
    jobs: dict[str, _Ended]


class InThisProcess(FanOut):
    """Runs the jobs of a training one after the other, where no process is what is tested."""

    def run(self, jobs: Sequence[Job], jobs_file: Path, **_: Any) -> Any:
        before = sys.argv, Path.cwd()
        try:
            os.chdir(jobs_file.parent)
            for job in jobs:
                sys.argv = [job.script, *job.args]
                fold_command.main()
        finally:
            sys.argv = before[0]
            os.chdir(before[1])
        return _Report({job.job_id: _Ended() for job in jobs})


def planted_run(folder: Path, *, right: float, knowing: bool) -> tuple[History, StepRun]:
    """Write the files of a run up to step 3.

    Parameters
    ----------
    right
        Share of draws that the true survivor's stream gives; 0.5 by chance.
    knowing
        Whether some features follow what survivors do in the tune slice, else none does.
    """
    chance = np.random.default_rng(5)
    files = RunFiles(folder)
    seeds = chance.choice(2**32 - 1, size=3 * N_ROWS, replace=False).astype(np.uint64) + 1
    stream = find_preset(GENERATOR).stream
    everywhere = np.arange(DRAWS, dtype=np.int64)
    values = np.stack([at_positions(stream, seed, 2, everywhere)[0] for seed in seeds.tolist()])
    wrong = chance.random(DRAWS) >= right
    draws = np.where(wrong, 1 - values[0], values[0])
    seeds = _chosen(seeds, values == draws, knowing=knowing)
    files.history.write_text(json.dumps([{"draw": int(draw)} for draw in draws]))
    sieve = Slices.of(DRAWS).sieve
    files.train_history.write_text(
        json.dumps([{"draw": int(draw)} for draw in draws[sieve.start : sieve.stop]])
    )
    history = load(files.history, modulus=2)
    table = _table(seeds)
    _write_scores(files, table, _features(table, history, chance, knowing=knowing))
    write_json(files.window_config, {"modulus": 2, "run_id": "planted"})
    careful = {"settings": {"min_leaf": 2, "rounds": 100, "row_share": 1.0}}
    write_json(
        files.model_config,
        {"format": ENGINE_FORMAT, "folds": 4, "models": {"lightgbm": careful}},
    )
    context = RunContext("planted", (), "2026-01-01T00:00:00+00:00", str(folder))
    proceeded("tune-model", files.model_config, context, files)
    return history, StepRun("train", files, context, InThisProcess())


def _chosen(seeds: Array, right: Array, *, knowing: bool) -> Array:
    """Return the true seed and others: any, or such as the tune slice sets apart by chance."""
    others = np.arange(1, len(seeds))
    if knowing:
        tune = Slices.of(DRAWS).tune
        hits = right[1:, tune.start : tune.stop].sum(axis=1)
        others = others[np.argsort(hits, kind="stable")]
        others = np.concatenate([others[: N_ROWS // 2], others[-N_ROWS // 2 :]])
    chosen = others[: N_ROWS - 1]
    return np.insert(seeds[chosen], TRUE_ROW, seeds[0])


def _table(seeds: Array) -> SurvivorTable:
    rows = np.zeros(N_ROWS, dtype=ROW)
    rows["seed"], rows["end"], rows["bidirectional_selectivity"] = seeds, NO_END, 1.0
    return SurvivorTable((GENERATOR,), (), rows)


def _features(
    table: SurvivorTable, history: History, chance: np.random.Generator, *, knowing: bool
) -> Array:
    features = chance.normal(size=(len(table), len(FEATURES)))
    if knowing:
        tune = Slices.of(DRAWS).tune
        labels = SurvivorEvidence.of(table, history).labels(tune)
        for column in (3, 8):
            features[:, column] = labels + chance.normal(0, 0.05, size=len(table))
            features[TRUE_ROW, column] = features[:, column].max() + 0.1
    features[:, -14:] = 1.0  # the global ones are the same for all
    return features


def _write_scores(files: RunFiles, table: SurvivorTable, features: Array) -> None:
    columns = {name: to_arrow(table)[name] for name in to_arrow(table).column_names}
    columns |= {name: pa.array(features[:, place]) for place, name in enumerate(FEATURES)}
    columns["skip_min"] = columns["skip_max"] = pa.array(np.zeros(len(table), dtype=np.int64))
    columns |= {
        name: to_arrow(table)[name] for name in ("bidirectional_count", "bidirectional_selectivity")
    }
    inputs = {files.train_history.name: file_digest(files.train_history)}
    told = {"inputs": json.dumps(inputs), "seedfleet.sessions": "[]"}
    write_parquet(files.scores, pa.table(columns), told)
