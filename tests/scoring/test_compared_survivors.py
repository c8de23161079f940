"""Survivors of every kind of stream and alignment are described by what their streams give."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from numpy.typing import NDArray

from seedfleet.evidence.part_prior import Division
from seedfleet.evidence.skip_paths import PathModel, mean_path
from seedfleet.generators import AtState, Stream, find_preset, reference
from seedfleet.scoring import SURVIVOR_FEATURES, ScoringSettings
from seedfleet.scoring.mean_path import likely_noise, pruned_mean_path
from seedfleet.scoring.reference import STREAM_FEATURES, stream_features
from seedfleet.scoring.score import confidences, score_components, scores
from seedfleet.scoring.survivors import Candidates, CandidatesError, compare

SETTINGS = ScoringSettings.of_modulus(1000)
_Alignment = tuple[int, int, int, int, int]  # offset, skip_min, skip_max, origin, end


def _candidates(
    stream: Stream,
    seeds: list[int],
    alignments: list[_Alignment],
    states: dict[int, AtState] | None = None,
) -> Candidates:
    offsets, least, most, origins, ends = np.array(alignments, dtype=np.int64).T
    count = len(seeds)
    return Candidates(
        stream=stream,
        seeds=np.array(seeds, dtype=np.uint64),
        offsets=offsets,
        skip_min=least,
        skip_max=most,
        origins=origins,
        ends=ends,
        counts=np.arange(count) + 5,
        selectivities=np.arange(count, dtype=np.float64) + 0.5,
        missed=np.full(count, np.nan),
        states=states or {},
    )


def _given(
    stream: Stream, start: int | AtState, positions: NDArray[np.int64], modulus: int = 1000
) -> NDArray[np.int64]:
    drawn = list(islice(reference.draws(stream, start, modulus), int(positions[-1]) + 1))
    return np.array(drawn)[positions]


@pytest.mark.slow
# One that leaps, one that leaps over two words, one that steps, one that rejects.
@pytest.mark.parametrize("slug", ["java_lcg", "java_next_double", "xorshift32", "python_randrange"])
def test_each_survivor_is_held_to_its_own_draws(slug: str) -> None:
    stream = find_preset(slug).stream
    draws = np.random.default_rng(5).integers(0, 1000, 90)
    alignments = [(0, 0, 0, 0, -1), (3, 2, 2, 0, -1), (0, 7, 7, 40, -1), (1, 0, 0, 10, 60)]
    alignments += [(-3, 3, 3, 0, -1), (-1, 2, 2, 0, 60)]  # a first draw before all of its skip
    seeds = [1, 2**31 - 1, 77, 12345, 9, 4]
    found = compare(_candidates(stream, seeds, alignments), draws, 1000, SETTINGS, workers=2)
    for row, (seed, (offset, skip, _, origin, end)) in enumerate(
        zip(seeds, alignments, strict=True)
    ):
        act = draws[origin : end if end > 0 else 90]
        positions = offset + skip + np.arange(len(act)) * (skip + 1)
        pred = _given(stream, seed, positions)
        expected = [*stream_features(pred, act, 1000, SETTINGS), skip, skip, row + 5, row + 0.5]
        np.testing.assert_allclose(found.features[row], expected, rtol=1e-7, atol=1e-7)
        assert found.matches[row] == (pred == act).sum()
        assert found.explained[row] == len(act)


@pytest.mark.slow
def test_states_and_survivors_without_draws() -> None:
    stream = find_preset("java_lcg").stream
    state = AtState((987654321,))
    draws = _given(stream, state, np.arange(40))
    alignments = [(0, 0, 0, 0, -1), (0, 0, 0, 40, -1)]
    found = compare(
        _candidates(stream, [0, 1], alignments, {0: state}), draws, 1000, SETTINGS, workers=1
    )
    assert found.matches.tolist() == [40, 0]
    assert found.explained.tolist() == [40, 0]
    assert not found.features[1, :STREAM_FEATURES].any()
    assert found.features[1, STREAM_FEATURES:].tolist() == [0, 0, 6, 1.5]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("least", "most", "modulus", "noise"), [(1, 4, 1000, 0.1), (3, 6, 10, 0.05)]
)
def test_the_pruned_path_is_the_mean_path(
    least: int, most: int, modulus: int, noise: float
) -> None:
    rng = np.random.default_rng(3)
    model = PathModel(least, most, modulus, 5, noise)
    values = rng.integers(0, modulus, 5 + 150 * most)
    draws = values[4 + np.cumsum(rng.integers(least, most + 1, 150))]
    draws[rng.random(150) < noise] = 0
    path = pruned_mean_path(values, draws, model)
    np.testing.assert_allclose(path, mean_path(values, draws, model), atol=1e-4)
    assert (np.diff(np.rint(path)) >= least).all()


@pytest.mark.slow
def test_a_variable_skip_is_followed() -> None:
    stream = find_preset("java_lcg").stream
    rng = np.random.default_rng(8)
    positions = np.cumsum(rng.integers(1, 5, 120)) - 1
    draws = _given(stream, 99, positions)
    candidates = _candidates(stream, [99, 100], [(0, 0, 3, 0, -1)] * 2)
    found = compare(candidates, draws, 1000, SETTINGS, workers=1)
    assert found.matches[0] >= 115
    assert found.matches[1] < 20
    score = scores(found, candidates, draws=draws, modulus=1000, settings=SETTINGS)
    confidence = confidences(found, candidates, draws, 1000, division=Division(len(draws)))
    assert score[0] > 7
    assert score[1] < 0
    assert confidence[0] > 0.999
    assert confidence[1] < 1e-9


@pytest.mark.slow
def test_the_score_of_a_stranger_is_about_nothing() -> None:
    stream = find_preset("java_lcg").stream
    draws = np.random.default_rng(2).integers(0, 1000, 1000)
    rows = 2000
    candidates = _candidates(stream, list(range(1, rows + 1)), [(0, 0, 0, 0, -1)] * rows)
    found = compare(candidates, draws, 1000, SETTINGS)
    parts = score_components(found, candidates, draws, 1000, SETTINGS)
    assert (parts[:, 0] < 0).all()
    for place in (1, 4):  # lanes and digits: sums of many draws
        assert abs(parts[:, place].mean()) < 0.15
        assert 0.7 < parts[:, place].std() < 1.4
    assert np.abs(parts[:, [2, 3, 5]].mean(axis=0)).max() < 2
    weights = ScoringSettings((8, 125, 1000), weights={"lanes": 2.0, "digits": -1.0})
    score = scores(found, candidates, draws=draws, modulus=1000, settings=weights)
    confidence = confidences(found, candidates, draws, 1000, division=Division(len(draws)))
    np.testing.assert_allclose(score, 2 * parts[:, 1] - parts[:, 4])
    assert (confidence < 1e-20).all()


def test_confidence_is_the_posterior_of_a_few_matches() -> None:
    stream = find_preset("java_lcg").stream
    odds = []
    for count in (2, 7):
        draws = _given(stream, 4711, np.arange(count))
        candidates = _candidates(stream, [4711], [(0, 0, 0, 0, -1)])
        found = compare(candidates, draws, 1000, SETTINGS, workers=1)
        confidence = confidences(found, candidates, draws, 1000, division=Division(count))[0]
        odds.append(confidence / (1 - confidence))
    # Half of the weight is on no noise: 5 draws more are worth 5 log2(1000) bits and a little less.
    assert np.log2(odds[1] / odds[0]) == pytest.approx(5 * np.log2(1000), abs=1)
    assert odds[0] < 2.0**-40


def test_sessions_are_part_of_the_prior() -> None:
    stream = find_preset("java_lcg").stream
    draws = _given(stream, 4711, np.arange(9))
    odds = []
    for sessions in (None, 1, 2):
        candidates = replace(_candidates(stream, [4711], [(0, 0, 0, 0, -1)]), sessions=sessions)
        found = compare(candidates, draws, 1000, SETTINGS, workers=1)
        known = confidences(found, candidates, draws, 1000, division=Division(18, sessions=2))[0]
        odds.append(np.log2(known / (1 - known)))
    # All draws as one stream have half; one of two sessions has half of the other half.
    assert odds[1] == pytest.approx(odds[0] - 1)
    assert odds[2] == pytest.approx(odds[0])


def test_a_stream_that_ended_pays_for_the_choice_of_its_stretch() -> None:
    stream = find_preset("java_lcg").stream
    draws = _given(stream, 4711, np.arange(9))
    candidates = _candidates(stream, [4711] * 2, [(0, 0, 0, 0, -1), (0, 0, 0, 0, 9)])
    found = compare(candidates, draws, 1000, SETTINGS, workers=1)
    known = confidences(found, candidates, draws, 1000, division=Division(9))
    lasting, ended = np.log2(known / (1 - known))
    assert lasting - ended == pytest.approx(np.log2(9 * 10 / 2 - 1))


def test_what_cannot_be_compared_is_refused() -> None:
    stream = find_preset("java_next_int_digits").stream
    candidates = _candidates(stream, [1], [(0, 0, 0, 0, -1)])
    with pytest.raises(CandidatesError, match="has no modulus 49"):
        compare(candidates, np.array([1, 2]), 49, SETTINGS)


def test_the_noise_of_a_path_is_never_nothing() -> None:
    assert [likely_noise(share) for share in (0.0, 0.06, 0.9, float("nan"))] == [
        0.01,
        0.05,
        0.25,
        0.05,
    ]


def test_there_are_48() -> None:
    assert len(SURVIVOR_FEATURES) == STREAM_FEATURES + 4 == 48
