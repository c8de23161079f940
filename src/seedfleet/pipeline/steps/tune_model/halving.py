"""Candidates of one model type, measured by cross-validation with successive halving.

Every candidate first learns for a quarter of its rounds; the better half goes on to all of them
(Jamieson and Talwalkar, 2016, with rounds as the resource). The prediction of a fold comes from
models that have seen none of its labels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.models.held_out import fit_without
from seedfleet.pipeline.steps.label_ranking import p_value, rank_shares, shuffled, worths

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from seedfleet.models.training_data import TrainingData

__all__ = ["Candidate", "Measured", "compare"]

_FIRST_SHARE = 4  # of the rounds, in the first rung
_UPPER = 0.95


@dataclass(frozen=True, eq=False)
class Candidate:
    """Settings, and what they came to.

    Attributes
    ----------
    settings
        As they were tried.
    value
        The measure of the predictions for folds not learned from.
    rounds
        That each fold's model counted, in the order of folds.
    shares
        float64, shape (n,): the share of its fold that each row outranks by its prediction.
    finished
        Whether it was given all its rounds.
    """

    settings: Mapping[str, Any]
    value: float
    rounds: tuple[int, ...]
    shares: NDArray[np.float64] = field(repr=False)
    finished: bool

    @property
    def median_rounds(self) -> int:
        """Return the median over folds of the rounds that counted, at least 1."""
        return max(1, int(np.median(self.rounds)))


@dataclass(frozen=True)
class Measured:
    """One model type after cross-validation.

    Attributes
    ----------
    tried
        All candidates, in the order in which they were given.
    best
        The one that finished with the largest value; of equal ones the first.
    chance, chance_upper
        Mean and upper quantile (95 %) of the largest value of all candidates, whether they
        finished or were left behind, their predictions kept and labels shuffled within folds.
    p
        The share of shuffles that reach the best value: that it was selected is counted in.
    refitted
        The measure of the best settings fitted to shuffled labels, which nothing can be learned
        from.
    """

    tried: Sequence[Candidate]
    best: Candidate
    chance: float
    chance_upper: float
    p: float
    refitted: float


def compare(
    model_type: str,
    settings: Sequence[Mapping[str, Any]],
    rows: TrainingData,
    *,
    shuffles: int,
    seed: int,
) -> Measured:
    """Measure the candidates of a type; O(candidates * folds) fits.

    Parameters
    ----------
    settings
        At least one candidate, each with `rounds`.
    rows
        With labels that are not all the same, in at least three folds.

    Raises
    ------
    ModelError
        The type's library is not installed, or a setting is out of range.
    """
    first = [_tried(model_type, each, rows, seed, finished=len(settings) == 1) for each in settings]
    order = sorted(range(len(first)), key=lambda place: (-first[place].value, place))
    going_on = sorted(order[: math.ceil(len(order) / 2)])
    tried = list(first)
    for place in going_on:
        if not first[place].finished:
            tried[place] = _tried(model_type, settings[place], rows, seed, finished=True)
    finished = [tried[place] for place in going_on]
    best = max(finished, key=lambda candidate: candidate.value)
    rng = np.random.default_rng([seed, 3])
    # The finalists were selected by these labels, so those left behind have their chance too.
    chances = _chances([*first, *finished], rows, shuffles, rng)
    return Measured(
        tried=tried,
        best=best,
        chance=float(chances.mean()),
        chance_upper=float(np.quantile(chances, _UPPER)),
        p=p_value(best.value, chances),
        refitted=_refitted(model_type, best, rows, rng, seed),
    )


def _tried(
    model_type: str, settings: Mapping[str, Any], rows: TrainingData, seed: int, *, finished: bool
) -> Candidate:
    rounds = settings["rounds"] if finished else max(1, settings["rounds"] // _FIRST_SHARE)
    shares, counted = np.empty(len(rows.labels)), []
    for fold in range(rows.n_folds):
        held = rows.folds == fold
        fit = fit_without(fold, rows, model_type, {**settings, "rounds": rounds}, seed=seed)
        shares[held] = rank_shares(fit.predicted[held])
        counted.append(fit.rounds)
    value = float(shares @ worths(rows.labels))
    return Candidate(settings, value, tuple(counted), shares, finished)


def _chances(
    tried: Sequence[Candidate], rows: TrainingData, shuffles: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the largest value over candidates under labels shuffled within each fold."""
    shares, weights = np.stack([each.shares for each in tried]), worths(rows.labels)
    total = np.zeros((shuffles, len(tried)))
    for fold in range(rows.n_folds):
        held = rows.folds == fold
        total += shuffled(shares[:, held], weights[held], shuffles, rng)
    largest: NDArray[np.float64] = total.max(axis=1)
    return largest


def _refitted(
    model_type: str, best: Candidate, rows: TrainingData, rng: np.random.Generator, seed: int
) -> float:
    labels = rng.permutation(rows.labels)
    changed = replace(rows, labels=labels)
    return _tried(model_type, best.settings, changed, seed, finished=best.finished).value
