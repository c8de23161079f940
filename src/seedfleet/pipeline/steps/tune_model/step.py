"""Step 4: how models are to be trained, derived from the survivors and their labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.digests import file_digest
from seedfleet.pipeline.document_parts import versions_part
from seedfleet.pipeline.run_folder import write_json
from seedfleet.pipeline.steps.context_record import Check, Metric
from seedfleet.pipeline.steps.engine_config import ENGINE_FORMAT
from seedfleet.pipeline.steps.label_ranking import MEASURE
from seedfleet.pipeline.steps.learnable import features_file, fitted_by
from seedfleet.pipeline.steps.survivor_table import LEAST_STREAMS
from seedfleet.pipeline.steps.tune_model.derivation import (
    Derivation,
    DerivedModel,
    derive,
)
from seedfleet.pipeline.steps.tune_model.options import Mode
from seedfleet.pipeline.steps.tune_model.survivor_rows import labelled_survivors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seedfleet.draws import History
    from seedfleet.pipeline.steps.context_record import ContextRecord
    from seedfleet.pipeline.steps.step_run import StepRun
    from seedfleet.pipeline.steps.tune_model.options import TuneModelOptions

__all__ = ["engine_document", "run_tune_model"]


def run_tune_model(history: History, options: TuneModelOptions, run: StepRun) -> ContextRecord:
    """Derive how models are to be trained, and write what step 5 obeys.

    Parameters
    ----------
    history
        All draws of the run.

    Raises
    ------
    SurvivorFileError
        There is no table of survivors with features.
    ModelError
        A model type's library is not installed.
    """
    path = _table(options, run)
    derivation = _derived(history, options, run)
    write_json(run.files.model_config, _document(derivation, options, run))
    return run.record(
        [path, run.files.history, *fitted_by(run.files.recovery)],
        [run.files.model_config],
        parameters=options.to_document(),
        metrics=list(_metrics(derivation)),
        checks=_checks(derivation, options),
        remarks=[derivation.reason],
    )


def engine_document(history: History, options: TuneModelOptions, run: StepRun) -> dict[str, Any]:
    """Return what `run_tune_model` would write, and write nothing; raises what that raises."""
    return _document(_derived(history, options, run), options, run)


def _derived(history: History, options: TuneModelOptions, run: StepRun) -> Derivation:
    path, rng = _table(options, run), np.random.default_rng([options.seed, 5])
    survivors = labelled_survivors(path, history, run.files.recovery, size=options.sample, rng=rng)
    return derive(survivors, options, run.progress)


def _table(options: TuneModelOptions, run: StepRun) -> Path:
    return features_file(options.survivors or run.files.scores)


def _document(derivation: Derivation, options: TuneModelOptions, run: StepRun) -> dict[str, Any]:
    inputs = [_table(options, run), run.files.history, *fitted_by(run.files.recovery)]
    return {
        "format": ENGINE_FORMAT,
        "run_id": run.context.run_id,
        "parent_run_id": run.parent_run_id,
        "inputs": {path.name: file_digest(path) for path in inputs},
        "mode": options.mode.value,
        "reason": derivation.reason,
        "folds": derivation.folds.value,
        "folds_derived": derivation.folds.how,
        "streams": derivation.streams,
        "label_reliability": derivation.reliability,
        "rows_of_full_worth": derivation.full_rows,
        "model_types": list(derivation.models),
        "models": {name: model.to_document() for name, model in derivation.models.items()},
        "versions": versions_part(),
    }


def _checks(derivation: Derivation, options: TuneModelOptions) -> list[Check]:
    """Return what has to hold: that what the settings rest on could be found out at all."""
    measured = [model for model in derivation.models.values() if model.measured is not None]
    checks = [
        Check("different streams that were looked at", derivation.streams, LEAST_STREAMS),
        Check("share of the labels' variance that is no noise", derivation.reliability, 0.0),
    ]
    if options.mode is Mode.FULL:
        told = len(measured) or None
        checks.append(
            Check("model types measured beside shuffled labels", told, len(options.types))
        )
    return checks


def _metrics(derivation: Derivation) -> Iterator[Metric]:
    """Yield the figures, those of the type that ranks best first."""
    measured = [item for item in derivation.models.items() if item[1].measured is not None]
    for name, model in sorted(measured, key=_lead, reverse=True):
        if model.measured is not None:
            yield Metric(f"{MEASURE} of {name}", model.measured.best.value, model.measured.chance)
            yield Metric(f"p-value of {name}", model.measured.p, 0.5)
            yield Metric(
                f"{MEASURE} of {name} fitted to shuffled labels", model.measured.refitted, 0.5
            )
    yield Metric("share of the labels' variance that is no noise", derivation.reliability, 0.0)
    yield Metric("rows of full worth", derivation.full_rows, 0.0)
    yield Metric("different streams", float(derivation.streams), None)


def _lead(item: tuple[str, DerivedModel]) -> float:
    """Return by how much the measure of a type beats chance."""
    measured = item[1].measured
    return 0.0 if measured is None else measured.best.value - measured.chance
