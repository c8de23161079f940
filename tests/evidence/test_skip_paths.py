"""The evidence of a skip law, against every path by itself and every history by itself."""

from itertools import product
from math import inf, isclose, log2, prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from seedfleet.evidence.likelihood import NOISE_RATES, log2_likelihood_ratio
from seedfleet.evidence.prediction import DrawLaw
from seedfleet.evidence.skip_paths import (
    PathModel,
    laws_over_paths,
    likeliest_path,
    log2_likelihood_ratios,
    log2_ratios_by_noise,
    mean_path,
    path_certainty,
)

Path = tuple[int, ...]


def all_paths(model: PathModel, count: int) -> list[Path]:
    gaps = range(model.least_gap, model.most_gap + 1)
    chosen = product(gaps, repeat=count)
    return [tuple(int(p) for p in model.offset - 1 + np.cumsum(each)) for each in chosen]


def ratio(
    values: NDArray[np.int64],
    draws: NDArray[np.int64],
    model: PathModel,
    path: Path,
    observed: NDArray[np.bool_],
) -> float:
    hit = (1 - model.noise) * model.modulus
    miss = model.noise * model.modulus / (model.modulus - 1)
    return prod(
        hit if values[position] == draw else miss
        for position, draw, known in zip(path, draws, observed, strict=True)
        if known
    )


@st.composite
def histories(draw: st.DrawFn) -> tuple[NDArray[np.int64], NDArray[np.int64], PathModel]:
    """Give a stream, and draws of which some stand in it along a path."""
    modulus = draw(st.integers(2, 4))
    least = draw(st.integers(1, 2))
    model = PathModel(
        least,
        least + draw(st.integers(0, 2)),
        modulus,
        offset=draw(st.integers(0, 2)),
        noise=draw(st.sampled_from([0.0, 0.1, 0.4])),
    )
    count = draw(st.integers(1, 5))
    length = model.band(count).stop
    values = np.array(draw(st.lists(st.integers(0, modulus - 1), min_size=length, max_size=length)))
    path = draw(st.sampled_from(all_paths(model, count)))
    draws = values[list(path)]
    if draw(st.booleans()) and model.noise > 0:
        at = draw(st.integers(0, count - 1))
        draws[at] = (draws[at] + 1) % modulus
    return values, draws, model


@given(history=histories(), data=st.data())
def test_the_ratio_is_the_mean_over_all_paths(
    history: tuple[NDArray[np.int64], NDArray[np.int64], PathModel], data: st.DataObject
) -> None:
    values, draws, model = history
    count = len(draws)
    observed = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    bits = log2_likelihood_ratios(values, draws, model, observed)
    for upto in range(1, count + 1):
        paths = all_paths(model, upto)
        each = [ratio(values, draws[:upto], model, path, observed[:upto]) for path in paths]
        assert isclose(bits[upto - 1], log2(sum(each) / len(paths)), abs_tol=1e-9)


@given(history=histories())
def test_the_mean_and_the_likeliest_path_are_those_of_all_paths(
    history: tuple[NDArray[np.int64], NDArray[np.int64], PathModel],
) -> None:
    values, draws, model = history
    known = np.ones(len(draws), bool)
    paths = all_paths(model, len(draws))
    weights = [ratio(values, draws, model, path, known) for path in paths]
    expected = np.average(np.array(paths), axis=0, weights=weights)
    assert np.allclose(mean_path(values, draws, model), expected)
    best = tuple(likeliest_path(values, draws, model).tolist())
    assert best in paths
    assert isclose(ratio(values, draws, model, best, known), max(weights))
    certainty = path_certainty(values, draws, model, np.array(best))
    same = np.average(np.array(paths) == np.array(best), axis=0, weights=weights)
    assert np.allclose(certainty, same)


def pmf_of(law: DrawLaw, modulus: int) -> NDArray[np.float64]:
    return np.array([law.probability(value) for value in range(modulus)])


@given(history=histories(), ahead=st.integers(1, 2))
def test_coming_draws_are_those_of_all_paths(
    history: tuple[NDArray[np.int64], NDArray[np.int64], PathModel], ahead: int
) -> None:
    values, draws, model = history
    values = np.concatenate([values, values[::-1], values])  # as far as any path comes
    laws = laws_over_paths(values, draws, model, ahead)
    assert len(laws) == ahead
    for more, told in enumerate(laws, start=1):
        count = len(draws) + more
        known = np.arange(count) < len(draws)
        expected = np.zeros(model.modulus)
        for path in all_paths(model, count):
            weight = ratio(values, np.append(draws, [0] * more), model, path, known)
            right = np.arange(model.modulus) == values[path[-1]]
            expected += weight * np.where(right, 1 - model.noise, model.noise / (model.modulus - 1))
        pmf = pmf_of(told, model.modulus)
        assert np.allclose(pmf, expected / expected.sum())
        assert isclose(pmf.sum(), 1, abs_tol=1e-12)


@pytest.mark.parametrize("noise", NOISE_RATES)
@pytest.mark.parametrize(("least", "most"), [(1, 1), (1, 2), (2, 4)])
def test_the_ratio_averages_to_one_over_all_histories(noise: float, least: int, most: int) -> None:
    # Any weight of the paths that sums to more or less than 1 shows here, whatever the stream.
    model = PathModel(least, most, 3, offset=1, noise=noise)
    values = np.random.default_rng(3).integers(0, 3, 30)
    histories_ = [np.array(each) for each in product(range(3), repeat=4)]
    bits = np.array([log2_likelihood_ratios(values, each, model) for each in histories_])
    assert np.allclose(np.mean(2.0**bits, axis=0), 1, rtol=1e-12)


@given(
    skip=st.integers(0, 5),
    flags=st.lists(st.booleans(), min_size=1, max_size=30),
    noise=st.sampled_from(NOISE_RATES),
)
def test_one_gap_is_the_ratio_of_a_constant_skip(
    skip: int, flags: list[bool], noise: float
) -> None:
    model = PathModel(skip + 1, skip + 1, 1000, offset=2, noise=noise)
    values = np.random.default_rng(1).integers(0, 1000, 300)
    positions = 2 + skip + np.arange(len(flags)) * (skip + 1)
    draws = np.where(flags, values[positions], (values[positions] + 1) % 1000)
    bits = log2_likelihood_ratios(values, draws, model)[-1]
    expected = log2_likelihood_ratio(sum(flags), len(flags), noise=noise, modulus=1000)
    assert bits == expected == -inf or isclose(bits, expected, abs_tol=1e-9)


def planted(
    rng: np.random.Generator, model: PathModel, count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    values = rng.integers(0, model.modulus, model.band(count).stop)
    gaps = rng.integers(model.least_gap, model.most_gap + 1, count)
    positions = model.offset - 1 + np.cumsum(gaps)
    wrong = rng.random(count) < model.noise
    other = rng.integers(1, model.modulus, count)
    return values, (values[positions] + wrong * other) % model.modulus, positions


def test_long_histories_neither_underflow_nor_lose_the_path() -> None:
    rng = np.random.default_rng(11)
    model = PathModel(1, 9, 1000, offset=5)
    values, draws, positions = planted(rng, model, 400)
    bits = log2_ratios_by_noise(values, draws, model)
    assert bits.shape == (len(NOISE_RATES), 400)
    assert np.all(np.isfinite(bits))
    assert bits[0, -1] == pytest.approx(400 * (log2(1000) - log2(9)), abs=60)
    assert np.mean(np.abs(mean_path(values, draws, model) - positions) < 0.5) > 0.95
    assert np.mean(likeliest_path(values, draws, model) == positions) > 0.95


def test_an_unlikely_beginning_does_not_lose_the_true_path() -> None:
    # Thirty wrong draws leave the true path a weight of 1e-90 beside others; it comes back.
    rng = np.random.default_rng(12)
    model = PathModel(1, 4, 1000, noise=0.25)
    values, draws, positions = planted(rng, PathModel(1, 4, 1000), 90)
    draws[:30] = rng.integers(0, 1000, 30)
    bits = log2_likelihood_ratios(values, draws, model)
    assert bits[29] < -30
    assert bits[-1] - bits[29] > 300
    assert np.mean(likeliest_path(values, draws, model)[40:] == positions[40:]) > 0.8


@pytest.mark.slow
def test_predictions_over_planted_streams_are_calibrated() -> None:
    rng = np.random.default_rng(13)
    model = PathModel(1, 3, 8, noise=0.1)
    said, came = [], []
    for _ in range(1500):
        values, draws, _positions = planted(rng, model, 9)
        pmf = pmf_of(laws_over_paths(values, draws[:8], model)[0], model.modulus)
        said.append(pmf)
        came.append(np.arange(8) == draws[8])
    probabilities, happened = np.concatenate(said), np.concatenate(came)
    assert probabilities.max() > 0.6
    for low, high in ((0, 0.05), (0.05, 0.15), (0.15, 0.35), (0.35, 0.6), (0.6, 1)):
        inside = (probabilities >= low) & (probabilities < high)
        expected = probabilities[inside]
        error = np.sqrt(np.sum(expected * (1 - expected)))
        assert abs(happened[inside].sum() - expected.sum()) < 4 * error


def test_what_is_no_history_is_refused_with_all_its_problems() -> None:
    model = PathModel(1, 3, 10)
    values = np.zeros(5, np.int64)
    with pytest.raises(ValueError, match=r"5 values; the paths reach over 6; draws must lie"):
        log2_likelihood_ratios(values, np.array([1, 10]), model)
    with pytest.raises(ValueError, match="there are no draws"):
        log2_likelihood_ratios(values, np.empty(0, np.int64), model)
    with pytest.raises(ValueError, match="an entry for each draw"):
        mean_path(values, np.array([0]), model, np.array([True, False]))
    with pytest.raises(ValueError, match="no path of gaps"):
        laws_over_paths(np.zeros(9, np.int64), np.array([1]), model)
    with pytest.raises(ValueError, match=r"gaps 0..3 .* modulus 1 .* offset -1 .* noise 1.0"):
        PathModel(0, 3, 1, offset=-1, noise=1.0)
