"""The measure by which both tuning steps judge: its witness, its scale and its chance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedfleet.pipeline.steps.label_ranking import (
    p_value,
    rank_shares,
    ranking,
    shuffled,
    worths,
)

VALUES = st.lists(st.integers(-5, 5), min_size=1, max_size=40)


@given(VALUES)
def test_a_share_is_what_is_outranked_and_half_of_what_is_tied(values: list[int]) -> None:
    scores = np.array(values, dtype=float)
    plain = [np.mean((scores < each) + 0.5 * (scores == each)) for each in scores]
    assert rank_shares(scores) == pytest.approx(plain)
    assert rank_shares(np.exp(scores)) == pytest.approx(plain)  # the scale does not matter


@given(VALUES)
def test_worths_are_shares_of_what_lies_above_the_mean(values: list[int]) -> None:
    labels = np.array(values, dtype=float)
    found = worths(labels)
    if len(set(values)) == 1:
        assert not found.any()
        return
    excess = np.maximum(labels - labels.mean(), 0) ** 2
    assert found == pytest.approx(excess / excess.sum())
    assert found.sum() == pytest.approx(1)


def test_one_true_stream_among_thousands_decides() -> None:
    rng = np.random.default_rng(1)
    labels = rng.binomial(150, 1 / 1000, 5000) / 150
    labels[7] = 1.0
    scores = rng.normal(size=5000)
    scores[7] = 10.0
    assert ranking(scores, labels) > 0.98
    scores[7] = -10.0
    assert ranking(scores, labels) < 0.02


def test_what_does_not_depend_on_the_labels_has_a_half() -> None:
    labels = np.arange(10.0)
    assert ranking(np.zeros(10), labels) == pytest.approx(0.5)
    assert ranking(labels, np.zeros(10)) == 0.5
    assert ranking(np.zeros(0), np.zeros(0)) == 0.5


@pytest.mark.slow
def test_p_values_of_scores_that_know_nothing_are_uniform() -> None:
    rng = np.random.default_rng(2)
    found = []
    for _ in range(400):
        weights, shares = worths(rng.normal(size=60)), rank_shares(rng.normal(size=60))
        chances = shuffled(shares, weights, 99, rng)
        found.append(p_value(float(shares @ weights), chances))
    # 400 tosses: five standard deviations of each share.
    for limit in (0.05, 0.5):
        share = np.mean(np.array(found) <= limit)
        assert abs(share - limit) < 5 * np.sqrt(limit * (1 - limit) / 400)


def test_several_scores_are_shuffled_together() -> None:
    rng = np.random.default_rng(3)
    one = rank_shares(rng.normal(size=30))
    both = shuffled(np.stack([one, one]), worths(rng.normal(size=30)), 50, rng)
    assert both.shape == (50, 2)
    assert (both[:, 0] == both[:, 1]).all()
    assert np.ptp(both[:, 0]) > 0
