"""Figures of merit, beside what chance gives."""

from __future__ import annotations

import numpy as np
import pytest

from seedfleet.models.metrics import Quality, overfit_ratio, permutation_p_value, spearman
from seedfleet.models.permutation import GroupPermutations


def test_quality_of_a_small_example() -> None:
    labels, predicted = np.array([0.0, 1.0, 2.0, 5.0]), np.array([0.0, 1.0, 4.0, 5.0])
    found = Quality.of(labels, predicted, expected=2.0)
    assert found.rmse == pytest.approx(1.0)
    assert found.chance_rmse == pytest.approx(np.sqrt(14 / 4))
    assert found.r2 == pytest.approx(1 - 4 / 14)
    assert found.spearman == pytest.approx(1.0)
    assert found.to_document()["rmse"] == {"value": found.rmse, "chance": found.chance_rmse}


def test_spearman_takes_ties_at_their_mean_rank() -> None:
    # Ranks 1.5 1.5 3 and 2 1 3: covariance 1.5, variances 1.5 and 2.
    assert spearman(np.array([7.0, 7.0, 9.0]), np.array([2.0, 1.0, 3.0])) == pytest.approx(
        1.5 / np.sqrt(1.5 * 2)
    )
    assert spearman(np.ones(4), np.arange(4.0)) == 0


def test_overfitting_shows_in_the_ratio() -> None:
    labels = np.random.default_rng(1).normal(size=500)
    by_heart = Quality.of(labels, labels * 0.9, expected=0.0)
    nothing = Quality.of(labels[::-1], labels, expected=0.0)
    assert overfit_ratio(nothing, by_heart) == pytest.approx(np.sqrt(2) / 0.1, rel=0.1)
    assert overfit_ratio(by_heart, by_heart) == pytest.approx(1)
    assert overfit_ratio(nothing, Quality.of(labels, labels, expected=0.0)) is None


def test_p_values_are_small_for_what_ranks_and_uniform_for_what_does_not() -> None:
    chance = np.random.default_rng(4)
    rows = GroupPermutations(np.arange(60))
    values = []
    for _ in range(200):
        labels, predicted = chance.normal(size=(2, 60))
        values.append(permutation_p_value(labels, predicted, rows, count=39, seed=1))
    assert np.mean(values) == pytest.approx(0.5, abs=0.1)
    assert np.mean(np.array(values) <= 0.1) == pytest.approx(0.1, abs=0.08)
    good = permutation_p_value(labels, labels + 0.1 * predicted, rows, count=199, seed=1)
    assert good == 1 / 200
