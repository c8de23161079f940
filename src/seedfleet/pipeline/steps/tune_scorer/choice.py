"""The settings that step 3 is to obey: the best that were tried, or the defaults, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.pipeline.steps.context_record import Check, Metric
from seedfleet.pipeline.steps.label_ranking import MEASURE
from seedfleet.pipeline.steps.tune_scorer.judgement import SIGNIFICANT, HalfShares, cross_fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from seedfleet.pipeline.steps.tune_scorer.judgement import CrossFit
    from seedfleet.pipeline.steps.tune_scorer.sample import Sample
    from seedfleet.pipeline.steps.tune_scorer.search_space import SearchSpace
    from seedfleet.pipeline.steps.tune_scorer.studies import Studies, Trial
    from seedfleet.scoring import ScoringSettings

__all__ = ["Choice", "judged"]


@dataclass(frozen=True)
class Choice:
    """Settings, and what speaks for them.

    Attributes
    ----------
    settings
        Those to be obeyed.
    reason
        A sentence for a person.
    trial
        The number of the trial that they are from; None for the defaults.
    fit
        How well settings chosen on one half of the survivors rank the other half; None where
        nothing was measured.
    gain
        The same less what the defaults do.
    default_value
        How well the defaults rank, on the same survivors.
    trials
        All that were measured, in the order in which they were asked.
    survivors
        How many they were measured on.
    space
        What could be tried.
    by_jobs
        Whether the fleet ran them.
    failed
        Sentences on its jobs that have no result.
    remeasured
        Largest difference between a winner's value and the same measured again.
    """

    settings: ScoringSettings
    reason: str
    trial: int | None = None
    fit: CrossFit | None = None
    gain: CrossFit | None = None
    default_value: float | None = None
    trials: Sequence[Trial] = ()
    survivors: int = 0
    space: SearchSpace | None = None
    by_jobs: bool = False
    failed: Sequence[str] = ()
    remeasured: float = 0.0

    def metrics(self) -> list[Metric]:
        """Return the figures beside chance."""
        if self.fit is None or self.gain is None:
            return [Metric(f"{MEASURE} of the score", None, 0.5)]
        return [
            Metric(f"{MEASURE} of the score, cross-fitted", self.fit.value, self.fit.chance),
            Metric(f"{MEASURE} of the score by default", self.default_value, 0.5),
            Metric(f"gain in {MEASURE} over the defaults", self.gain.value, self.gain.chance),
            Metric("p-value of the ranking", self.fit.p, None),
            Metric("p-value of the gain", self.gain.p, None),
        ]

    def checks(self, asked: int) -> list[Check]:
        """Return what has to hold; where nothing was measured no value is known, and none does."""
        here = {"jobs": False} if self.by_jobs else {}
        fit = self.fit
        return [
            Check(
                "share of trials that gave a value",
                None if fit is None else len(self.trials) / asked,
                0.5,
                change=here,
            ),
            Check(
                "largest difference when the winners were measured again",
                None if fit is None else self.remeasured,
                1e-6,
                at_least=False,
                change=here,
            ),
            Check(
                f"distance of the {MEASURE} under shuffled labels from 0.5",
                None if fit is None else abs(fit.chance - 0.5),
                0.1,
                at_least=False,
            ),
        ]

    def to_document(self) -> dict[str, Any]:
        """Return what `optimal_scorer_config.json` says beside the settings."""
        return {
            "chosen": "defaults" if self.trial is None else f"trial {self.trial}",
            "reason": self.reason,
            "objective": {
                "name": f"{MEASURE}, settings chosen on one half of the survivors measured on "
                "the other",
                "survivors": self.survivors,
                "by_default": self.default_value,
                "ranking": None if self.fit is None else self.fit.to_document(),
                "gain_over_defaults": None if self.gain is None else self.gain.to_document(),
                "significant_below": SIGNIFICANT,
            },
            "search_space": None if self.space is None else self.space.to_document(),
            "measured_by": "jobs" if self.by_jobs else "this process",
            "trials": [
                {
                    "number": trial.number,
                    "guided_by_half": trial.guide,
                    "values": list(trial.values),
                    "settings": trial.settings.to_document(),
                }
                for trial in self.trials
            ],
        }


def judged(
    sample: Sample,
    studies: Studies,
    defaults: tuple[ScoringSettings, NDArray[np.float64]],
    shuffles: int,
    rng: np.random.Generator,
) -> Choice:
    """Choose between the best trial and the defaults.

    Parameters
    ----------
    defaults
        The settings, and the rank shares that they give the sample.
    """
    settings, base = defaults
    crossed, remeasured = base.copy(), 0.0
    for guide, judge in ((0, sample.half), (1, ~sample.half)):
        winner = studies.winner(guide)
        if winner is not None:
            shares = sample.shares(winner.settings)
            crossed[judge] = shares[judge]
            # What the other half says of it was measured by the trial too.
            again = float(np.average(shares[judge], weights=_weights(sample, judge)))
            remeasured = max(remeasured, abs(again - winner.values[1 - guide]))
    fit = cross_fit(_halves(sample, crossed), shuffles, rng)
    gain = cross_fit(_halves(sample, crossed - base), shuffles, rng)
    best = max(
        studies.trials, key=lambda trial: (_pooled(sample, trial), -trial.number), default=None
    )
    taken = best is not None and fit.p < SIGNIFICANT and gain.value > 0 and gain.p < SIGNIFICANT
    return Choice(
        settings=best.settings if best is not None and taken else settings,
        reason=_reason(fit, gain),
        trial=best.number if best is not None and taken else None,
        fit=fit,
        gain=gain,
        default_value=float(base @ sample.worths),
        trials=sorted(studies.trials, key=lambda trial: trial.number),
        survivors=len(sample.table),
        space=studies.space,
        remeasured=remeasured,
    )


def _weights(sample: Sample, judge: NDArray[np.bool_]) -> NDArray[np.float64]:
    worths = sample.worths[judge]
    return worths if worths.any() else np.ones_like(worths)


def _halves(sample: Sample, shares: NDArray[np.float64]) -> list[HalfShares]:
    return [HalfShares(shares[part], sample.worths[part]) for part in (~sample.half, sample.half)]


def _pooled(sample: Sample, trial: Trial) -> float:
    """Return a trial's measure over both halves."""
    other = float(sample.worths[sample.half].sum())
    return trial.values[0] * (1 - other) + trial.values[1] * other


def _reason(fit: CrossFit, gain: CrossFit) -> str:
    told = (
        f"cross-fitted {MEASURE} {fit.value:.4f}, {fit.chance:.4f} by chance (p = {fit.p:.3g}); "
        f"{gain.value:+.4f} against the defaults (p = {gain.p:.3g})"
    )
    if fit.p >= SIGNIFICANT:
        return f"no settings rank survivors better than chance does, and the defaults stay: {told}"
    if gain.value <= 0 or gain.p >= SIGNIFICANT:
        return f"no settings are better than the defaults beyond chance, which stay: {told}"
    return f"the best settings that were tried are taken: {told}"
