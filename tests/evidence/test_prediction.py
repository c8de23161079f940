"""The next draw's law: written out in full, and judged on histories that it was not told of.

An ideal hash stands for the generator, in a busy regime: 1,000 seeds under 5 alignments against
10,000 histories of four draws modulo 10, so that chance fits and true streams are mixed up.
"""

from dataclasses import dataclass
from functools import cache
from math import fsum, isclose, log2, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from uniform_histories import generator_of

from seedfleet.evidence import Scored, mix
from seedfleet.evidence.likelihood import NOISE_RATES, bits_of_matches
from seedfleet.evidence.prediction import DrawLaw, Forecast, foretell, point_laws
from seedfleet.evidence.prior import NULL_WEIGHT, noise_weights

_M, _DRAWS, _SEEDS, _ALIGNMENTS = 10, 4, 1000, 5
_HISTORIES = 2500
_EDGES = (0.05, 0.15, 0.3, 0.5, 0.7, 0.9)


@st.composite
def told_laws(draw: st.DrawFn) -> tuple[int, list[tuple[float, DrawLaw]]]:
    modulus = draw(st.integers(2, 12))
    shares = st.floats(0.01, 1)
    told = []
    for raw in draw(st.lists(shares, max_size=4)):
        values = draw(st.lists(st.integers(0, modulus - 1), min_size=1, unique=True))
        parts = draw(st.lists(shares, min_size=len(values), max_size=len(values)))
        # A law that names every value leaves nothing; another leaves some for the rest.
        total = fsum(parts) / (1 if len(values) == modulus else draw(shares))
        named = dict(zip(values, (part / total for part in parts), strict=True))
        left = modulus - len(values)
        told.append((raw, DrawLaw(named, (1 - fsum(named.values())) / left if left else 0.0)))
    whole = fsum(weight for weight, _ in told) * draw(st.floats(1, 3)) or 1.0
    return modulus, [(weight / whole, law) for weight, law in told]


@given(case=told_laws())
def test_the_mixture_over_all_values(case: tuple[int, list[tuple[float, DrawLaw]]]) -> None:
    modulus, told = case
    found = foretell(told, modulus)
    dense = np.full(modulus, (1 - sum(weight for weight, _ in told)) / modulus)
    for weight, law in told:
        dense += weight * np.array([law.probability(value) for value in range(modulus)])
    mixed = [found.law.probability(value) for value in range(modulus)]
    assert np.allclose(mixed, dense, atol=1e-12)
    assert isclose(sum(mixed), 1.0, rel_tol=1e-9)
    if found.null > 0.5 + 1e-9:
        assert found.value is None
    elif found.null < 0.5 - 1e-9:
        assert found.value is not None
        assert isclose(
            mixed[found.value], max(found.law.probability(v) for _, law in told for v in law.named)
        )


def test_the_formula_by_hand() -> None:
    # One stream that gave all of 6 draws modulo 10 and tells 7; w = 1/4, |S| = 1000, e from those.
    bits = bits_of_matches(6, 6, 10)
    mixture = mix([Scored("one", -2.0, 1000, bits, bits)], held_out=True)
    found = foretell(point_laws(7, mixture.posterior[0], 10), 10)
    pays = [(share, 0.25 / 1000 * ((1 - rate) * 10) ** 6, rate) for share, rate in priors()]
    e = sum(share * pay for share, pay, _ in pays)
    told = sum(share * pay * (1 - rate) for share, pay, rate in pays)
    assert isclose(
        found.law.probability(7), (0.5 / 10 + 0.5 * told) / (0.5 + 0.5 * e), rel_tol=1e-12
    )
    assert isclose(found.null, 0.5 / (0.5 + 0.5 * e), rel_tol=1e-12)
    assert found.value == 7


def test_nothing_told_is_uniform() -> None:
    found = foretell([], 2**31)
    assert (found.value, found.law.probability(5), found.null) == (None, 2.0**-31, 1.0)


def priors() -> list[tuple[float, float]]:
    return list(zip(noise_weights(), NOISE_RATES, strict=True))


@dataclass(frozen=True)
class Simulated:
    """Histories with the draw that came next.

    Attributes
    ----------
    counts
        int array, shape (histories, draws + 1, 10): seeds that match k draws and tell v next.
    following
        The draw that did come next, for each history.
    """

    counts: NDArray[np.int64]
    following: NDArray[np.int64]


@cache
def simulated(at: int = 0) -> Simulated:
    """Draw half of the histories at random, and half from the prior over seeds and noise."""
    rng = generator_of(30, at)
    table = rng.integers(0, _M, (_ALIGNMENTS * _SEEDS, _DRAWS + 1))
    counts = np.zeros((_HISTORIES, _DRAWS + 1, _M), dtype=np.int64)
    following = np.empty(_HISTORIES, dtype=np.int64)
    for index in range(_HISTORIES):
        history = rng.integers(0, _M, _DRAWS + 1)
        if rng.random() >= NULL_WEIGHT:
            noise = rng.choice(NOISE_RATES, p=noise_weights())
            wrong = rng.random(_DRAWS + 1) < noise
            right = table[rng.integers(len(table))]
            history = np.where(wrong, (right + rng.integers(1, _M, _DRAWS + 1)) % _M, right)
        matches = (table[:, :_DRAWS] == history[:_DRAWS]).sum(axis=1)
        np.add.at(counts[index], (matches, table[:, _DRAWS]), 1)
        following[index] = history[_DRAWS]
    return Simulated(counts, following)


def law_of(counts: NDArray[np.int64], prior_error: float) -> Forecast:
    """Mix all seeds by the product's own functions, those alike in one item."""
    items, values = [], []
    weight = log2(prior_error / _ALIGNMENTS)
    for matches, value in zip(*np.nonzero(counts), strict=True):
        bits = bits_of_matches(int(matches), _DRAWS, _M)
        alike = log2(int(counts[matches, value]))
        items.append(Scored((int(matches), int(value)), weight + alike, _SEEDS, bits, bits))
        values.append(int(value))
    posterior = mix(items, held_out=True).posterior
    told = [
        each
        for value, row in zip(values, posterior, strict=True)
        for each in point_laws(value, row, _M)
    ]
    return foretell(told, _M)


@cache
def probabilities(prior_error: float, at: int = 0) -> NDArray[np.float64]:
    """Return P(v) for each history and value, shape (histories, 10)."""
    laws = (law_of(counts, prior_error).law for counts in simulated(at).counts)
    return np.array([[law.probability(value) for value in range(_M)] for law in laws])


def log_scores(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what each prediction scored above always printing 1/m, in bits."""
    return np.asarray(np.log2(table[np.arange(_HISTORIES), simulated().following] * _M))


def reliability(
    table: NDArray[np.float64], following: NDArray[np.int64] | None = None
) -> list[float]:
    """Return for each bin of printed probabilities how many standard errors it is off."""
    came_next = simulated().following if following is None else following
    outcome = np.arange(_M) == came_next[:, None]
    bins = np.digitize(table, _EDGES)
    errors = []
    for each in range(len(_EDGES) + 1):
        printed, came = table[bins == each], outcome[bins == each]
        if len(printed) >= 20:
            variance = float((printed * (1 - printed)).sum())
            errors.append(float(came.sum() - printed.sum()) / sqrt(variance))
    return errors


@pytest.mark.slow
def test_predictions_are_calibrated_and_better_than_one_in_m() -> None:
    table = probabilities(1.0)
    assert np.allclose(table.sum(axis=1), 1.0)
    errors = reliability(table)
    assert len(errors) >= 5
    assert max(map(abs, errors)) < 3.5
    scores = log_scores(table)
    assert scores.mean() > 3 * scores.std() / sqrt(_HISTORIES)
    assert scores.mean() > 0.3


@pytest.mark.slow
@pytest.mark.parametrize("prior_error", [10.0, 0.1])
def test_a_wrong_prior_scores_worse_and_is_not_calibrated(prior_error: float) -> None:
    table = probabilities(prior_error)
    lost = log_scores(probabilities(1.0)) - log_scores(table)
    assert lost.mean() > 3 * lost.std() / sqrt(_HISTORIES)
    assert max(map(abs, reliability(table))) > 3.5


@pytest.mark.slow
def test_always_printing_one_in_m_is_calibrated_and_useless() -> None:
    table = np.full((_HISTORIES, _M), 1 / _M)
    assert max(map(abs, reliability(table))) < 3.5
    assert log_scores(table).mean() == 0
    assert log_scores(probabilities(1.0)).mean() > 0.3


@pytest.mark.slow
@pytest.mark.calibration
def test_predictions_are_calibrated_over_many_histories() -> None:
    sets = range(1, 9)
    table = np.concatenate([probabilities(1.0, at) for at in sets])
    following = np.concatenate([simulated(at).following for at in sets])
    errors = reliability(table, following)
    assert len(errors) >= 5
    assert max(map(abs, errors)) < 3.5
