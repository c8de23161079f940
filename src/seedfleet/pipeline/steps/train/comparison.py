"""The candidates beside each other: figures on what they learned, did not know, and never saw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.models.metrics import Quality, overfit_ratio, permutation_p_value
from seedfleet.models.permutation import GroupPermutations
from seedfleet.scoring import FEATURES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedfleet.pipeline.steps.train.ground import Ground
    from seedfleet.pipeline.steps.train.trial_jobs import Candidate

__all__ = ["Compared", "compare"]

_FIGURES = ("rmse", "r2", "spearman")


@dataclass(frozen=True, eq=False)
class Compared:
    """A candidate with its figures.

    Attributes
    ----------
    candidate
        It.
    validation
        Every row predicted without it, against its label.
    test
        The same predictions against labels of the test slice, which nothing is chosen by.
    overfit
        Error on folds held out over error on the model's own rows, each in units of what is
        expected without a model: mean over the folds.
    p_value
        Of the rank correlation in `validation`.
    """

    candidate: Candidate
    validation: Quality
    test: Quality
    overfit: float | None
    p_value: float

    def metrics(self) -> dict[str, Any]:
        """Return all figures, each with its value by chance."""
        return {
            "train": _mean_figures([fold["train"] for fold in self.candidate.folds]),
            "validation": self.validation.to_document(),
            "test": self.test.to_document(),
            "overfit_ratio": {"value": self.overfit, "chance": 1.0},
            "p_value": {"value": self.p_value, "chance": 0.5},
            "folds": [
                {
                    "fold": fold["fold"],
                    "rounds": fold["rounds"],
                    "rows": fold["rows"],
                    "train": Quality(**fold["train"]).to_document(),
                    "validation": Quality(**fold["validation"]).to_document(),
                }
                for fold in self.candidate.folds
            ],
        }

    def to_document(self) -> dict[str, Any]:
        """Return the candidate as a row of the comparison."""
        importance = np.array(self.candidate.importance)
        order = np.argsort(-importance, kind="stable")[:10]
        return {
            "model_type": self.candidate.model_type,
            "settings": dict(self.candidate.settings),
            "rounds": self.candidate.rounds,
            "metrics": self.metrics(),
            "importance": {FEATURES[place]: float(importance[place]) for place in order},
        }


def compare(
    candidates: Sequence[Candidate], ground: Ground, *, permutations: int, seed: int
) -> list[Compared]:
    """Measure the candidates, in their order."""
    dealt = GroupPermutations(ground.groups)
    later = ground.evidence.labels(ground.slices.test)[ground.rows]
    found = []
    for candidate in candidates:
        quality = Quality.of(
            ground.labels, candidate.predicted, expected=float(ground.labels.mean())
        )
        p_value = permutation_p_value(
            ground.labels, candidate.predicted, dealt, count=permutations, seed=seed
        )
        test = Quality.of(later, candidate.predicted, expected=float(ground.labels.mean()))
        found.append(Compared(candidate, quality, test, _overfit(candidate), p_value))
    return found


def _overfit(candidate: Candidate) -> float | None:
    ratios = [
        overfit_ratio(Quality(**fold["validation"]), Quality(**fold["train"]))
        for fold in candidate.folds
    ]
    known = [ratio for ratio in ratios if ratio is not None]
    return float(np.mean(known)) if known else None


def _mean_figures(folds: Sequence[dict[str, float]]) -> dict[str, Any]:
    documents = [Quality(**fold).to_document() for fold in folds]  # type: ignore[arg-type]
    return {
        name: {
            part: float(np.mean([document[name][part] for document in documents]))
            for part in ("value", "chance")
        }
        for name in _FIGURES
    }
