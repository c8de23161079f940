"""Settings of every model type, each with how it was derived and what it measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.models.training_data import TrainingData
from seedfleet.pipeline.steps.label_ranking import MEASURE
from seedfleet.pipeline.steps.survivor_table import LEAST_STREAMS
from seedfleet.pipeline.steps.tune_model.capacity import (
    Derived,
    candidates,
    folds_of,
    full_rows,
    reliability,
)
from seedfleet.pipeline.steps.tune_model.halving import compare
from seedfleet.pipeline.steps.tune_model.options import Mode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from seedfleet.pipeline.steps.tune_model.halving import Measured
    from seedfleet.pipeline.steps.tune_model.options import TuneModelOptions
    from seedfleet.pipeline.steps.tune_model.survivor_rows import LabelledSurvivors

__all__ = ["SIGNIFICANT", "Derivation", "DerivedModel", "derive"]

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class DerivedModel:
    """One type's settings.

    Attributes
    ----------
    settings
        As `seedfleet.models.create` takes them; empty for the type's own defaults.
    derived
        How each came about.
    measured
        By cross-validation; None where there was none.
    """

    settings: Mapping[str, Any]
    derived: Sequence[Derived]
    measured: Measured | None = None

    def to_document(self) -> dict[str, Any]:
        """Return it as the file holds it."""
        return {
            "settings": dict(self.settings),
            "derived": [vars(each) for each in self.derived],
            "measured": None if self.measured is None else _measured_part(self.measured),
        }


@dataclass(frozen=True)
class Derivation:
    """What step 5 is to obey.

    Attributes
    ----------
    folds
        Of its cross-validation.
    models
        By type.
    reliability
        The share of the labels' variance that is not noise; None where it was not asked.
    full_rows
        How many rows of full worth they amount to; None where it was not asked.
    streams
        Different streams that were looked at.
    reason
        A sentence for a person.
    """

    folds: Derived
    models: Mapping[str, DerivedModel]
    reliability: float | None
    full_rows: float | None
    streams: int
    reason: str


def derive(
    survivors: LabelledSurvivors,
    options: TuneModelOptions,
    progress: Callable[[str, float], None],
) -> Derivation:
    """Derive architecture, rounds, regularisation and folds from the data.

    Raises
    ------
    ModelError
        A model type's library is not installed.
    """
    streams = len(survivors.labels)
    folds = folds_of(streams)
    refusal = _refusal(survivors)
    if refusal is not None:
        models = {name: DerivedModel({}, ()) for name in options.types}
        return Derivation(folds, models, None, None, streams, f"{refusal}: the defaults stay")
    share = reliability(*survivors.halves)
    worth = full_rows(survivors.labels, share)
    tried = {
        name: candidates(name, streams, survivors.features.shape[1], worth)
        for name in options.types
    }
    if options.mode is Mode.RULES:
        models = {name: _by_rule(each) for name, each in tried.items()}
        reason = "settings by rule, without measuring any"
        return Derivation(folds, models, share, worth, streams, reason)
    rows = _rows(survivors, folds.value, options.seed)
    models = {}
    for place, (name, each) in enumerate(tried.items()):
        progress(f"settings of {name}", place / len(tried))
        measured = compare(name, each, rows, shuffles=options.shuffles, seed=options.seed)
        models[name] = _by_measure(measured)
    return Derivation(folds, models, share, worth, streams, _reason(models, share, worth))


def _refusal(survivors: LabelledSurvivors) -> str | None:
    """Say why nothing can be learned about settings; None where something can be."""
    if len(survivors.labels) < LEAST_STREAMS:
        return (
            f"{len(survivors.labels)} survivors of different streams are fewer than {LEAST_STREAMS}"
        )
    differing = np.unique(survivors.labels, return_counts=True)[1]
    if len(differing) == 1:
        return "all survivors fit the later draws equally well"
    if differing.max() == len(survivors.labels) - 1:
        # Whichever fold it is in, the models of that fold have seen nothing to tell rows apart by.
        return "one stream stands out; nothing to tune"
    if not survivors.columns:
        return "all features are the same for all survivors"
    return None


def _rows(survivors: LabelledSurvivors, folds: int, seed: int) -> TrainingData:
    """Cut into folds by lot; no two rows are of one stream."""
    lot = np.random.default_rng([seed, 4]).permutation(len(survivors.labels))
    return TrainingData(survivors.features, survivors.labels, (lot % folds).astype(np.int8))


def _by_rule(tried: Sequence[Mapping[str, Any]]) -> DerivedModel:
    settings = tried[len(tried) // 2]
    how = "by rule from the streams and what their labels are worth"
    return DerivedModel(settings, [Derived(name, value, how) for name, value in settings.items()])


def _by_measure(measured: Measured) -> DerivedModel:
    """Take the best candidate where it beats chance, else the one that learns least by heart."""
    beats = measured.p < SIGNIFICANT
    chosen = measured.best if beats else measured.tried[0]
    settings = {**chosen.settings, "rounds": chosen.median_rounds}
    why = (
        f"of {len(measured.tried)} candidates by rule the best in cross-validation"
        if beats
        else f"no candidate beats shuffled labels (p = {measured.p:.3g}), so the one that can "
        "learn least by heart"
    )
    derived = [
        Derived(
            name,
            value,
            "median over folds of the rounds after which rows not learned from were not fitted "
            "better"
            if name == "rounds"
            else why,
        )
        for name, value in settings.items()
    ]
    return DerivedModel(settings, derived, measured)


def _reason(models: Mapping[str, DerivedModel], share: float, worth: float) -> str:
    told = ", ".join(
        f"{name} {model.measured.best.value:.3f} ({model.measured.chance:.3f} by chance, "
        f"p = {model.measured.p:.3g})"
        for name, model in models.items()
        if model.measured is not None
    )
    return (
        f"{share:.0%} of the labels' variance is no noise, and the labels are worth {worth:.0f} "
        f"rows; {MEASURE} of {told}"
    )


def _measured_part(measured: Measured) -> dict[str, Any]:
    return {
        "measure": MEASURE,
        "value": measured.best.value,
        "chance": measured.chance,
        "chance_upper": measured.chance_upper,
        "p": measured.p,
        "refitted_to_shuffled_labels": measured.refitted,
        "rounds_of_folds": list(measured.best.rounds),
        "candidates": [
            {
                "settings": dict(candidate.settings),
                "value": candidate.value,
                "rounds_of_folds": list(candidate.rounds),
                "finished": candidate.finished,
            }
            for candidate in measured.tried
        ],
    }
