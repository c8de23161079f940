"""The fast sums over skip paths, against the plain ones that keep every position."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from seedfleet.evidence.forward_sums import CUT, GIVEN_UP_BITS, begin_forward, go_forward
from seedfleet.evidence.likelihood import NOISE_RATES
from seedfleet.evidence.skip_paths import PathModel, log2_ratios_by_noise


def stream_and_draws(
    model: PathModel, count: int, seed: int, wrong: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    values = rng.integers(model.modulus, size=model.band(count).stop)
    gaps = rng.integers(model.least_gap, model.most_gap + 1, size=count)
    draws = values[model.offset - 1 + np.cumsum(gaps)]
    missed = rng.random(count) < wrong
    return values, np.where(missed, rng.integers(model.modulus, size=count), draws)


@st.composite
def models(draw: st.DrawFn) -> PathModel:
    least = draw(st.integers(1, 3))
    return PathModel(
        least,
        least + draw(st.integers(0, 6)),
        draw(st.sampled_from([2, 10, 49, 1000])),
        offset=draw(st.integers(0, 3)),
    )


@given(models(), st.integers(1, 40), st.integers(0, 2**32), st.sampled_from([0.0, 0.2, 1.0]))
@settings(deadline=None)
def test_the_ratios_are_those_of_all_paths(
    model: PathModel, count: int, seed: int, wrong: float
) -> None:
    values, draws = stream_and_draws(model, count, seed, wrong)
    observed = np.random.default_rng(seed).random(count) < 0.8
    exact = log2_ratios_by_noise(values, draws, model, observed)[:, -1]
    forward = go_forward(values, draws, model, begin_forward(model.offset), observed)
    if forward.given_up:
        assert exact.max() <= -GIVEN_UP_BITS / 2
    else:
        np.testing.assert_allclose(forward.bits, exact, atol=1e-9)


@given(models(), st.integers(2, 30), st.integers(0, 2**32))
@settings(deadline=None)
def test_draws_may_be_taken_in_by_parts(model: PathModel, count: int, seed: int) -> None:
    values, draws = stream_and_draws(model, count, seed, 0.1)
    begun = begin_forward(model.offset)
    whole = go_forward(values, draws, model, begun)
    half = go_forward(values, draws[: count // 2], model, begun)
    parts = go_forward(values, draws[count // 2 :], model, half)
    np.testing.assert_allclose(parts.bits, whole.bits)
    assert (parts.done, parts.low, parts.matched) == (whole.done, whole.low, whole.matched)


@pytest.mark.slow
def test_what_is_cut_away_does_not_count() -> None:
    model = PathModel(1, 9, 1000)
    values, draws = stream_and_draws(model, 400, 5, 0.1)
    exact = log2_ratios_by_noise(values, draws, model)[:, -1]
    forward = go_forward(values, draws, model, begin_forward(0))
    assert forward.weights.shape[1] < 200  # of 3,201 positions
    np.testing.assert_allclose(forward.bits[1:], exact[1:], atol=1e-6)
    assert np.all(forward.bits <= exact + 1e-9)
    lost = CUT * 3201 * 400
    assert lost < 1e-11
    likely = NOISE_RATES.index(0.1)
    assert np.argmax(forward.bits) == likely
    assert 340 < forward.matched < 380


def test_a_stream_that_explains_nothing_is_given_up() -> None:
    model = PathModel(1, 9, 1000)
    values, draws = stream_and_draws(model, 400, 5, 1.0)
    forward = go_forward(values, draws, model, begin_forward(0))
    assert forward.given_up
    assert forward.bits.max() <= -GIVEN_UP_BITS
    assert np.array_equal(go_forward(values, draws, model, forward).bits, forward.bits)


def test_a_stream_that_is_too_short_is_refused() -> None:
    model = PathModel(1, 9, 1000)
    with pytest.raises(ValueError, match="the stream has 9 values"):
        go_forward(np.zeros(9, np.int64), np.zeros(2, np.int64), model, begin_forward(0))
