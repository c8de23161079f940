"""Nothing that models learn from, or are chosen by, comes from draws that they are held to."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from survivor_runs import PRESET, history_of, planted, step_run
from training_ground import planted_run

from seedfleet.draws.slices import Slices
from seedfleet.models.types import model_suffix
from seedfleet.pipeline.steps.fan_out import FanOut
from seedfleet.pipeline.steps.history_files import write_history
from seedfleet.pipeline.steps.score import ScoreOptions, run_score, worker
from seedfleet.pipeline.steps.survivor_evidence import SurvivorEvidence
from seedfleet.pipeline.steps.survivor_table import NO_END, ROW, SurvivorTable
from seedfleet.pipeline.steps.train import TrainOptions, run_train
from seedfleet.scoring import FEATURES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedfleet.draws import History
    from seedfleet.fleet import Job

pytestmark = pytest.mark.slow

Array = np.ndarray[Any, Any]
# What a survivor brings along, and what its stream is like, whatever was drawn.
OF_NO_DRAW = {
    *("skip_min", "skip_max", "bidirectional_count", "bidirectional_selectivity"),
    *("pred_mean", "pred_std", "pred_min", "pred_max", "global_draw_count"),
}
# Few draws have to differ for these to differ: shares, sums and the like all do.
OF_SOME_DRAWS = {"global_min", "global_max", "global_range"}


@dataclass(frozen=True)
class WorkersHere(FanOut):
    """Runs scoring workers one after the other in this process."""

    def run(self, jobs: Sequence[Job], jobs_file: Path, **_: Any) -> Any:
        before, ended = (sys.argv, Path.cwd()), {}
        (jobs_file.parent / "scored").mkdir()
        jobs_file.write_text("[]")
        try:
            os.chdir(jobs_file.parent)
            for job in jobs:
                sys.argv = [job.script, *job.args]
                worker.main()
                output = jobs_file.parent / job.expected_output
                ended[job.job_id] = SimpleNamespace(succeeded=True, output=output)
        finally:
            sys.argv = before[0]
            os.chdir(before[1])
        return SimpleNamespace(jobs=ended, succeeded=True)


def survivors() -> SurvivorTable:
    """Return survivors of every kind: constant and variable skips, offsets, ends and states."""
    rows = np.zeros(40, dtype=ROW)
    rows["seed"], rows["end"] = np.arange(100, 140), NO_END
    rows["skip_max"][:8] = 2  # variable
    rows["skip_min"][8:16] = rows["skip_max"][8:16] = 3
    rows["offset"][12:20] = 7
    rows["origin"][20:24] = 90  # seeded anew inside the sieve slice
    rows["end"][24:28] = 300
    rows["bidirectional_count"], rows["bidirectional_selectivity"] = 40, 1.0
    return SurvivorTable((PRESET,), (), rows, {30: (12345,)})


def features(folder: Path, history: History) -> dict[str, Array]:
    run = step_run(folder, history, survivors(), "score")
    run_score(history, ScoreOptions(json=False), replace(run, fan_out=WorkersHere()))
    scored = pq.read_table(run.files.scores)
    return {name: np.asarray(scored[name]) for name in (*FEATURES, "score", "confidence")}


def changed(history: History, part: range) -> History:
    values = history.values.copy()
    values[part.start : part.stop] = (values[part.start : part.stop] ** 2 + 1) % 1000
    return history_of(values)


def test_no_feature_depends_on_a_draw_after_the_sieve_slice_or_on_the_label(
    tmp_path: Path,
) -> None:
    history = planted(0.1)
    slices = Slices.of(len(history))
    before = features(tmp_path / "as it was", history)
    assert len(FEATURES) == len(set(FEATURES)) == 62

    later = changed(history, range(slices.tune.start, len(history)))
    after = features(tmp_path / "later draws", later)
    labels = [
        SurvivorEvidence.of(survivors(), each).labels(slices.tune) for each in (history, later)
    ]
    assert (labels[0] != labels[1]).any()
    leaking = [name for name, column in before.items() if column.tobytes() != after[name].tobytes()]
    assert leaking == []

    # The same look at draws of the slice itself finds every feature that is made of draws.
    inside = features(tmp_path / "its own draws", changed(history, slices.sieve))
    same = {name for name, column in before.items() if column.tobytes() == inside[name].tobytes()}
    assert same <= OF_NO_DRAW | OF_SOME_DRAWS


def test_neither_models_nor_the_gate_see_a_draw_of_the_test_slice(tmp_path: Path) -> None:
    told = []
    for name in ("as it was", "changed"):
        folder = tmp_path / name
        folder.mkdir()
        history, run = planted_run(folder, right=0.75, knowing=True)
        if name == "changed":
            values, test = history.values.copy(), Slices.of(len(history)).test
            values[test.start :] = 1 - values[test.start :]
            history = replace(history, values=values)
            write_history(run.files.history, history, range(len(history)))
        run_train(history, TrainOptions(model_type="lightgbm"), run)
        with np.load(run.files.models / "training_data.npz") as arrays:
            learned = {key: arrays[key].tobytes() for key in arrays.files}
        trial = (run.files.models / "trials" / "lightgbm.json").read_text()
        model = (run.files.models / f"best_model{model_suffix('lightgbm')}").read_bytes()
        told.append((learned, trial, model, json.loads(run.files.sidecar.read_text())))
    (*first, one), (*second, other) = told
    assert first == second
    kept = ("gate", "tilt", "model_type", "dropped", "settings", "slices", "checkpoint_sha256")
    assert {key: one[key] for key in kept} == {key: other[key] for key in kept}
    assert one["gate"]["accepted"]
    assert one["metrics"]["test"] != other["metrics"]["test"], "what is reported of it has changed"
