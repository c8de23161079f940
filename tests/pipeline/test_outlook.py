"""What is foretold, against all that there could be: every law, path, noise and ending, by hand."""

from collections.abc import Iterable, Iterator
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from plain_history import history

from seedfleet.evidence import Verdict
from seedfleet.evidence.likelihood import NOISE_RATES
from seedfleet.evidence.part_prior import Division, log2_part_weight
from seedfleet.evidence.prior import noise_weights
from seedfleet.generators import find_preset
from seedfleet.generators.compiled import at_positions
from seedfleet.pipeline.steps.narrower_laws import narrower_laws
from seedfleet.pipeline.steps.predict.judgement import judge
from seedfleet.pipeline.steps.predict.narrowing import narrowed
from seedfleet.pipeline.steps.predict.outlook import foresee
from seedfleet.pipeline.steps.predict.turns import Turns
from seedfleet.pipeline.steps.survivor_evidence import SurvivorEvidence
from seedfleet.pipeline.steps.survivor_table import NO_END, ROW, SurvivorTable

PRESET, SEEDS, ASKED, MODULUS, DRAWS = "xorshift32", (1, 2, 3), (0, 2), 3, 4
LAWS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
RAISED = 45.0  # log2 of a factor on all stakes, so that null and streams are of like weight


def table(skips: tuple[int, int] = ASKED) -> SurvivorTable:
    rows = np.zeros(len(SEEDS), ROW)
    rows["seed"], rows["end"] = SEEDS, NO_END
    rows["skip_min"], rows["skip_max"] = skips
    return SurvivorTable((PRESET,), (), rows)


def stake(law: tuple[int, int]) -> float:
    """Return what the text of the prior says of a seed of xorshift32 under a law of skips."""
    least, most = law
    octave = {0: 1.0, 1: 0.5, 2: 0.5}[most] / 16
    share = octave if least == most else octave / most
    no_offset, whole = 7 / 16, 0.5
    return 2**RAISED * 0.5 * (1 / 64) * 0.5 * share * no_offset * whole * 0.5 / (2**32 - 1)


UNIFORM = np.full(MODULUS, 1 / MODULUS)


def recorded(value: int, noise: float) -> NDArray[np.float64]:
    law = np.full(MODULUS, noise / (MODULUS - 1))
    law[value] = 1 - noise
    return law


def worlds() -> Iterator[tuple[float, list[NDArray[np.float64]]]]:
    """Yield each way in which draws can come about: its weight, and the law of each draw."""
    yield 0.5, [UNIFORM] * (DRAWS + 1)
    stretches = DRAWS * (DRAWS + 1) // 2 - 1
    for seed, law in product(SEEDS, LAWS):
        values, _ = at_positions(find_preset(PRESET).stream, seed, MODULUS, np.arange(20))
        gaps = list(product(range(law[0] + 1, law[1] + 2), repeat=DRAWS + 1))
        for path, (noise, share) in product(gaps, zip(NOISE_RATES, noise_weights(), strict=True)):
            made = [recorded(int(values[place]), noise) for place in np.cumsum(path) - 1]
            weight = stake(law) * share / len(gaps)
            yield weight, made
            for end in range(1, DRAWS):
                yield weight / stretches, made[:end] + [UNIFORM] * (DRAWS + 1 - end)


def joint(ways: Iterable[tuple[float, list[NDArray[np.float64]]]]) -> NDArray[np.float64]:
    """Return the chance of every history with the draw after it, up to a factor."""
    weights, laws = zip(*ways, strict=True)
    chances = np.array(weights)[:, np.newaxis]
    stacked = np.array(laws)
    for draw in range(DRAWS):
        chances = (chances[:, :, np.newaxis] * stacked[:, draw, np.newaxis, :]).reshape(
            len(weights), -1
        )
    total: NDArray[np.float64] = chances.T @ stacked[:, DRAWS]
    return total.reshape((MODULUS,) * (DRAWS + 1))


@pytest.mark.slow
def test_every_history_is_continued_as_bayes_says() -> None:
    expected = joint(worlds())
    expected /= expected.sum(axis=-1, keepdims=True)
    assert np.abs(expected - 1 / MODULUS).max() > 0.2  # else any prediction would do
    told = np.zeros_like(expected)
    for drawn in product(range(MODULUS), repeat=DRAWS):
        whole = history(list(drawn), modulus=MODULUS)
        evidence = SurvivorEvidence.of(table(), whole)
        evidence, weights = narrowed(evidence, evidence.log2_prior, whole)
        law = foresee(Turns.of(evidence, weights + RAISED), 1).coming[0].law
        told[drawn] = [law.probability(value) for value in range(MODULUS)]
    np.testing.assert_allclose(told, expected, atol=1e-9)


STRETCHES = DRAWS * (DRAWS + 1) // 2 - 1
IN_TURN = ((1, 0), (2, 0), (3, 1), (2, 2), (1, 3))  # seed and origin


def in_turn(begin: int) -> Iterator[tuple[float, list[NDArray[np.float64]]]]:
    """Yield what may come from a draw on: its odds beside no stream at all, and the laws."""
    yield 1.0, [UNIFORM] * (DRAWS + 1 - begin)
    for (seed, origin), (noise, share) in product(
        IN_TURN, zip(NOISE_RATES, noise_weights(), strict=True)
    ):
        if origin < begin:
            continue
        values, _ = at_positions(find_preset(PRESET).stream, seed, MODULUS, np.arange(DRAWS + 1))
        made = [recorded(int(value), noise) for value in values]
        odds = stake((0, 0)) * share / 0.5
        before = [UNIFORM] * (origin - begin)
        lasting, ended = shares(origin)
        yield odds * lasting, before + made[: DRAWS + 1 - origin]
        for end in range(origin + 1, DRAWS):
            for further, rest in in_turn(end):
                yield odds * ended * further, before + made[: end - origin] + rest


def shares(origin: int) -> tuple[float, float]:
    """Return what is staked on a stream that lasts to the last draw, and on one earlier end."""
    if origin == 0:
        return 1.0, 1 / STRETCHES
    ends = DRAWS - origin
    if ends == 1:
        return 1 / STRETCHES, 0.0
    half = ends / 2 / STRETCHES  # the other half is for the ends before, alike
    return half, half / (ends - 1)


@pytest.mark.slow
def test_streams_in_turn_are_continued_and_scored_as_bayes_says() -> None:
    rows = np.zeros(len(IN_TURN), ROW)
    rows["seed"], rows["origin"] = np.array(IN_TURN).T
    rows["end"] = NO_END
    expected = joint(in_turn(0))
    first = expected.sum(axis=(3, 4)), expected.sum(axis=4)
    for drawn in product(range(MODULUS), repeat=DRAWS):
        evidence = SurvivorEvidence.of(
            SurvivorTable((PRESET,), (), rows), history(list(drawn), modulus=MODULUS)
        )
        turns = Turns.of(evidence, evidence.log2_prior + RAISED)
        law = foresee(turns, 1).coming[0].law
        told = [law.probability(value) for value in range(MODULUS)]
        continued = expected[drawn] / expected[drawn].sum()
        np.testing.assert_allclose(told, continued, atol=1e-9)
        score = turns.log2_total(DRAWS) - turns.log2_total(DRAWS - 1)
        odds = MODULUS * first[1][drawn] / first[0][drawn[:-1]]
        assert score == pytest.approx(np.log2(odds), abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("modulus", [10, 1000])
@pytest.mark.parametrize("skips", [(0, 0), (0, 2)])
def test_a_reseed_leaves_no_doubt_of_the_stream_that_follows(
    skips: tuple[int, int], modulus: int
) -> None:
    rng = np.random.default_rng(3)
    gaps = rng.integers(skips[0] + 1, skips[1] + 2, size=401)
    made = [
        at_positions(find_preset(PRESET).stream, seed, modulus, np.cumsum(gaps[:count]) - 1)[0]
        for seed, count in ((1, 200), (2, 201))
    ]
    rows = np.zeros(4, ROW)
    rows["seed"], rows["origin"] = (1, 3, 2, 2), (0, 0, 200, 0)
    rows["end"], (rows["skip_min"], rows["skip_max"]) = NO_END, skips
    whole = np.concatenate(made).tolist()
    evidence = SurvivorEvidence.of(
        SurvivorTable((PRESET,), (), rows), history(whole[:-1], modulus=modulus)
    )
    turns = Turns.of(evidence, evidence.log2_prior)
    outlook = foresee(turns, 1)
    assert outlook.posterior[2].sum() > 0.8  # it too may have ended, and been hit by chance
    assert outlook.coming[0].value == whole[-1] or skips[1] > 0
    assert turns.log2_total(400) - turns.log2_total(320) > 40
    judged = judge(turns, powered=True, goes_on=outlook.null < 0.5)
    assert judged.verdict is Verdict.RECOVERED
    assert judged.class_posterior > 0.9999
    # What ended and nothing followed is no rival less.
    alone = SurvivorEvidence.of(
        SurvivorTable((PRESET,), (), rows[[0, 1, 3]]), history(whole[:-1], modulus=modulus)
    )
    assert foresee(Turns.of(alone, alone.log2_prior), 1).null > 0.99


@pytest.mark.slow
def test_one_wrong_record_does_not_end_a_stream_that_was_seeded_inside_the_history() -> None:
    stream = find_preset(PRESET).stream
    made = [at_positions(stream, seed, 1000, np.arange(200))[0] for seed in (1, 2)]
    drawn = np.concatenate(made)
    drawn[250::10] = (drawn[250::10] + 1) % 1000
    rows = np.zeros(2, ROW)
    rows["seed"], rows["origin"], rows["end"] = (1, 2), (0, 200), NO_END
    for known, least in ((390, 0.85), (391, 0.75)):  # the last right, the last wrong
        evidence = SurvivorEvidence.of(
            SurvivorTable((PRESET,), (), rows), history(drawn[:known].tolist())
        )
        coming = foresee(Turns.of(evidence, evidence.log2_prior), 1).coming[0]
        assert coming.law.probability(int(made[1][known - 200])) > least


def test_narrower_laws_have_what_a_model_gives_their_survivor() -> None:
    whole = history([0, 1, 2, 0, 1, 1], modulus=MODULUS)
    evidence = SurvivorEvidence.of(table(), whole)
    plain, own = narrowed(evidence, evidence.log2_prior, whole)
    tilt = np.array([3.0, 0.0, -2.0])
    tilted, weights = narrowed(evidence, evidence.log2_prior + tilt, whole)

    def by_law(
        rows: SurvivorEvidence, log2_weights: NDArray[np.float64]
    ) -> dict[tuple[int, int, int], float]:
        names = rows.table.rows[["seed", "skip_min", "skip_max"]].tolist()
        return dict(zip(names, log2_weights.tolist(), strict=True))

    before, after = by_law(plain, own), by_law(tilted, weights)
    assert len(after) == len(SEEDS) * len(LAWS)
    for (seed, least, most), weight in after.items():
        given = tilt[SEEDS.index(seed)]
        assert weight == pytest.approx(before[seed, least, most] + given)


def test_laws_within_a_law() -> None:
    assert sorted([*narrower_laws(*ASKED), ASKED]) == sorted(LAWS)
    assert len(narrower_laws(0, 8)) == 44  # all there are
    assert len(narrower_laws(0, 1)) == 2
    wide = narrower_laws(3, 203)
    assert {(3, 3), (3, 4), (11, 11), (3, 131), (35, 203)} < set(wide)
    assert len(wide) < 600
    assert all(3 <= least <= most <= 203 for least, most in wide)


@pytest.mark.slow
def test_a_law_that_is_asked_too_wide_costs_next_to_nothing() -> None:
    rng = np.random.default_rng(8)
    places = np.cumsum(rng.integers(1, 5, size=201)) - 1
    values, _ = at_positions(find_preset(PRESET).stream, 2, 1000, places)
    whole = history(values[:-1].tolist())
    scores = {}
    for name, skips, narrow in (
        ("wide", (0, 8), False),
        ("narrowed", (0, 8), True),
        ("true", (0, 3), False),
    ):
        evidence = SurvivorEvidence.of(table(skips), whole)
        weights = evidence.log2_prior
        if narrow:
            evidence, weights = narrowed(evidence, weights, whole)
        turns = Turns.of(evidence, weights)
        scores[name] = turns.log2_total(200) - turns.log2_total(150)
    assert scores["true"] - scores["wide"] > 50
    assert scores["true"] - scores["narrowed"] < 3


def test_a_stream_has_no_part_in_draws_before_its_origin() -> None:
    rows = np.zeros(1, ROW)
    rows["seed"], rows["origin"], rows["end"] = 1, 10, NO_END
    drawn = history(np.random.default_rng(5).integers(1000, size=30).tolist())
    evidence = SurvivorEvidence.of(SurvivorTable((PRESET,), (), rows), drawn)
    turns = Turns.of(evidence, evidence.log2_prior + RAISED)
    assert [turns.log2_total(stop) for stop in (0, 9)] == [-1.0, -1.0]
    assert turns.log2_total(10) > -0.98


def test_a_stream_that_ended_long_ago_is_still_a_rival() -> None:
    rng = np.random.default_rng(4)
    values, _ = at_positions(find_preset(PRESET).stream, 2, 1000, np.arange(40))
    whole = history([*values.tolist(), *rng.integers(1000, size=460).tolist()])
    evidence = SurvivorEvidence.of(table((0, 0)), whole)
    whole_run = evidence.log2_prior[1] + evidence.log2_mixed(range(500))[1]
    assert whole_run < -200  # nobody would look at it by now
    division = Division(500)
    share = log2_part_weight(division, whole=False) - log2_part_weight(division, whole=True)
    at_its_end = evidence.log2_prior[1] + share + evidence.log2_mixed(range(40))[1]
    held = Turns.of(evidence, evidence.log2_prior).log2_ended(500)
    assert held == pytest.approx(at_its_end, abs=1)
