"""Predictions are the mixture's own next-draw law."""

from itertools import pairwise
from math import isclose, log2
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted import random_draws

from seedfleet.evidence import Scored, mix
from seedfleet.evidence.likelihood import NOISE_RATES, bits_of_matches
from seedfleet.evidence.part_prior import Division
from seedfleet.evidence.skip_paths import PathModel
from seedfleet.generators import AtState, Stream, compiled
from seedfleet.generators.boundings import JAVA_NEXT_INT, MODULO
from seedfleet.generators.families.lcg48 import JAVA_RANDOM
from seedfleet.generators.families.xorshift import XORSHIFT32
from seedfleet.recover.scope import Scope
from seedfleet.recover.scoring import Weighed, predict, weigh, worth_weighing
from seedfleet.recover.search import Question, Survivor
from seedfleet.sieve.weighing import Alignment, Weighing

_MODULUS = 10
_SCOPE = Scope(np.zeros(20, dtype=np.int64), 15)
_OTHER_SCOPE = Scope(np.zeros(10, dtype=np.int64), 7, session="evening")
_JAVA = Stream(JAVA_RANDOM, JAVA_NEXT_INT)
_SHIFT = Stream(XORSHIFT32, MODULO)


def weighed(scope: Scope, seed: int, matches: int) -> Weighed:
    """Return a survivor that gives so many of 20 draws, and draws at random from then on."""
    survivor = Survivor(_JAVA, scope, seed, Alignment(0, 0, 0))
    bits = bits_of_matches(matches, 20, _MODULUS)
    scored = Scored(seed, -1.0, 100, bits, bits, scope.part)
    stream_draws = random_draws(40, modulus=_MODULUS, seed=seed)
    n = len(scope.values)
    path, given = np.arange(n), stream_draws[:n]
    weighing = Weighing(path, given, path < matches, bits, bits, stream_draws, str(seed), None)
    return Weighed(survivor, scored, weighing, _MODULUS)


@given(
    counts=st.lists(st.integers(0, 20), max_size=5),
    elsewhere=st.integers(0, 20),
    data=st.data(),
)
def test_predictions_are_the_mixture_over_all_values(
    counts: list[int], elsewhere: int, data: st.DataObject
) -> None:
    items = [weighed(_SCOPE, seed, matches) for seed, matches in enumerate(counts)]
    items.insert(data.draw(st.integers(0, len(items))), weighed(_OTHER_SCOPE, 99, elsewhere))
    mixture = mix([item.scored for item in items], held_out=True)
    found = predict(items, mixture, modulus=_MODULUS, count=3)
    assert len(found) == 3
    spoken = {
        scope: sum(
            sum(row)
            for item, row in zip(items, mixture.posterior, strict=True)
            if item.survivor.scope is scope
        )
        for scope in (_SCOPE, _OTHER_SCOPE)
    }
    if max(spoken.values()) <= 0.5:
        assert {(prediction.draw, prediction.probability) for prediction in found} == {(None, 0.1)}
        return
    scope = _SCOPE if spoken[_SCOPE] > 0.5 else _OTHER_SCOPE
    for ahead, prediction in enumerate(found):
        assert (prediction.session, prediction.ahead) == (scope.session, ahead + 1)
        law = np.full(_MODULUS, (1 - spoken[scope]) / _MODULUS)
        for item, posterior in zip(items, mixture.posterior, strict=True):
            if item.survivor.scope is not scope:
                continue
            right = np.arange(_MODULUS) == item.stream_draws[len(scope.values) + ahead]
            for rate, weight in zip(NOISE_RATES, posterior, strict=True):
                law += weight * np.where(right, 1 - rate, rate / (_MODULUS - 1))
        assert isclose(law.sum(), 1.0, rel_tol=1e-9)
        assert prediction.draw is not None
        assert isclose(prediction.probability, law.max(), rel_tol=1e-9)
        assert isclose(law[prediction.draw], law.max(), rel_tol=1e-9)


def test_nothing_found_predicts_nothing() -> None:
    (prediction,) = predict([], mix([], held_out=True), modulus=_MODULUS, count=1)
    assert (prediction.draw, prediction.probability) == (None, 0.1)


def test_no_more_draws_than_the_streams_were_run_on() -> None:
    with pytest.raises(ValueError, match="at most 1000 draws can be predicted, not 1001"):
        predict([], mix([], held_out=True), modulus=_MODULUS, count=1001)


def test_weighing_runs_on_past_the_history_and_keeps_the_state_at_its_end() -> None:
    truth = weigh(
        Survivor(_JAVA, Scope(np.zeros(9, int), 5), 77, Alignment(0, 2, 2)), ask(9), Division(9)
    )
    scope = Scope(truth.stream_draws[:9].copy(), 5)
    scope.values[[1, 8]] = (scope.values[[1, 8]] + 1) % 1000
    item = weigh(Survivor(_JAVA, scope, 77, Alignment(0, 2, 2)), ask(9), Division(9))
    assert (item.fitted_matches, item.held_out_matches) == (4, 3)
    assert item.scored.fitted_bits == bits_of_matches(4, 5, 1000)
    assert item.scored.known_bits == bits_of_matches(7, 9, 1000)
    assert len(item.stream_draws) == 9 + 1000
    # Nine draws with two words skipped before each: 27 steps from the seed.
    lcg = JAVA_RANDOM.lcg
    assert lcg is not None
    state = lcg.advance(77 ^ 0x5DEECE66D, 27)
    assert item.state == AtState((state,))
    following = [(lcg.advance(state, 3 * k) >> 17) % 1000 for k in (1, 2, 3)]
    assert item.stream_draws[9:12].tolist() == following


def test_frequent_values_of_a_bounding_are_taken_off() -> None:
    # 2**32 mod 1000 is 296: a word modulo 1000 gives each value below that a little more often.
    scope = Scope(np.array([5, 295, 296, 5, 999]), 3)
    item = weigh(Survivor(_SHIFT, scope, 77, Alignment(0, 0, 0)), ask(5), Division(5))
    more = log2(1 + 704 / 2**32)
    for size, found in ((3, item.scored.fitted_bits), (5, item.scored.known_bits)):
        matches = int((item.stream_draws[:size] == scope.values[:size]).sum())
        uniform = bits_of_matches(matches, size, 1000)
        frequent = int((scope.values[:size] < 296).sum())
        assert [a - b for a, b in zip(uniform[1:], found[1:], strict=True)] == pytest.approx(
            [frequent * more] * 4, rel=1e-5
        )


def ask(count: int) -> Question:
    scope = Scope(np.zeros(count, dtype=np.int64), count)
    return Question(modulus=1000, scopes=(scope,), skips=range(3), scan_skips=range(1))


def test_streams_that_agree_on_history_and_horizon_are_one_finding() -> None:
    scope = Scope(random_draws(9), 5)
    same = [
        weigh(
            Survivor(_JAVA, scope, seed, Alignment(0, 0, 0)), ask(9), Division(9)
        ).scored.equivalence
        for seed in (7, 7 + 2**48)
    ]
    others = [
        weigh(
            Survivor(_JAVA, scope, 7, Alignment(0, skip, skip)), ask(9), Division(9)
        ).scored.equivalence
        for skip in range(3)
    ]
    assert same[0] == same[1] == others[0]
    assert all(first != second for first, second in pairwise(others))


def planted(model: PathModel, seed: int, count: int, rng: np.random.Generator) -> Any:
    """Return draws of java.util.Random along a path of gaps, with noise, and that path."""
    gaps = rng.integers(model.least_gap, model.most_gap + 1, count)
    path = model.offset - 1 + np.cumsum(gaps)
    values, _ = compiled.at_positions(_JAVA, seed, 1000, path)
    wrong = rng.random(count) < model.noise
    return np.where(wrong, rng.integers(0, 1000, count), values), path


def weigh_path(seed: int, draws: Any, alignment: Alignment) -> Weighed:
    scope = Scope(draws, len(draws) - 5)
    question = Question(modulus=1000, scopes=(scope,), skips=range(1), scan_skips=range(1))
    return weigh(Survivor(_JAVA, scope, seed, alignment), question, Division(len(draws)))


def test_a_variable_skip_is_weighed_with_its_path_and_the_gaps_that_stay_open() -> None:
    rng = np.random.default_rng(5)
    draws, path = planted(PathModel(1, 4, 1000, offset=2), 77, 40, rng)
    item = weigh_path(77, draws, Alignment(2, 0, 3))
    assert item.matches == 40
    assert item.state is None
    found = item.weighing.path
    assert (item.weighing.given == draws).all()
    # Where the path is not the true one, a value happened to come twice within reach.
    assert not ((found != path) & ~item.ambiguous_gaps).any()
    assert item.ambiguous_gaps.sum() <= 4
    # A draw recorded wrong leaves both of its gaps open.
    draws = draws.copy()
    draws[20] = (draws[20] + 1) % 1000
    noisy = weigh_path(77, draws, Alignment(2, 0, 3))
    between = path[21] - path[19]
    assert noisy.matches >= 39
    assert noisy.ambiguous_gaps[20] == noisy.ambiguous_gaps[21] == (2 < between < 8)


def test_coming_draws_of_a_variable_skip_are_the_mixture_over_its_paths() -> None:
    rng = np.random.default_rng(6)
    model = PathModel(1, 3, 1000)
    draws, path = planted(model, 77, 30, rng)
    item = weigh_path(77, draws, Alignment(0, 0, 2))
    mixture = mix([item.scored], held_out=True)
    found = predict([item], mixture, modulus=1000, count=3)
    assert [prediction.ahead for prediction in found] == [1, 2, 3]
    after, _ = compiled.at_positions(_JAVA, 77, 1000, path[-1] + np.arange(1, 10))
    ways = [{1: 1, 2: 1, 3: 1}, {2: 1, 3: 2, 4: 3, 5: 2, 6: 1}]
    ways.append(
        {gap: sum(ways[1].get(gap - step, 0) for step in (1, 2, 3)) for gap in range(3, 10)}
    )
    (posterior,) = mixture.posterior
    for prediction, counts in zip(found, ways, strict=True):
        law = np.full(1000, 1 - sum(posterior)) / 1000
        for rate, weight in zip(NOISE_RATES, posterior, strict=True):
            held = np.zeros(1000)
            for gap, count in counts.items():
                held[after[gap - 1]] += count / sum(counts.values())
            law += weight * ((1 - rate) * held + rate / 999 * (1 - held))
        assert prediction.draw is not None
        assert isclose(prediction.probability, law[prediction.draw], rel_tol=1e-3)
        assert isclose(law.max(), law[prediction.draw], rel_tol=1e-3)


def test_a_survivor_by_chance_is_not_worth_the_sums() -> None:
    rng = np.random.default_rng(7)
    draws, _ = planted(PathModel(1, 4, 1000, noise=0.1), 77, 60, rng)
    late = np.concatenate([draws[:30], random_draws(120, seed=8)])
    for values, seed, worth in ((draws, 77, True), (late, 77, True), (draws, 78, False)):
        survivor = Survivor(_JAVA, Scope(values, len(values) - 5), seed, Alignment(0, 0, 3))
        assert worth_weighing(survivor, 1000) is worth
    assert worth_weighing(Survivor(_JAVA, Scope(draws, 55), 78, Alignment(0, 3, 3)), 1000)


def test_a_start_from_any_state_pays_for_all_of_them() -> None:
    draws, _ = compiled.at_positions(_SHIFT, 77, 1000, np.arange(30))
    scope, question = Scope(draws, 25), ask(30)
    seed = weigh(Survivor(_SHIFT, scope, 77, Alignment(0, 0, 0)), question, Division(30))
    state = weigh(
        Survivor(_SHIFT, scope, AtState((77,)), Alignment(0, 0, 0)), question, Division(30)
    )
    assert seed.matches == state.matches == 30
    assert (seed.scored.seed_space, state.scored.seed_space) == (2 * (2**32 - 1), 4 * 2**32)
    assert seed.scored.equivalence == state.scored.equivalence


def test_a_stream_that_has_ended_foretells_nothing() -> None:
    draws, _ = compiled.at_positions(_JAVA, 77, 1000, np.arange(40))
    question = ask(40)
    for after, draw in ((0, True), (3, False)):
        scope = Scope(draws[:30], 25, segment=(0, 30), draws_after=after)
        item = weigh(Survivor(_JAVA, scope, 77, Alignment(0, 0, 0)), question, Division(40))
        mixture = mix([item.scored], held_out=True)
        found = predict([item], mixture, modulus=1000, count=10)
        said = [prediction.draw for prediction in found]
        assert said == (draws[30:].tolist() if draw else [None] * 10)


def test_a_machine_with_a_stream_of_its_own_gets_its_next_draws() -> None:
    draws, _ = compiled.at_positions(_JAVA, 77, 1000, np.arange(40))
    scope = Scope(draws[:30], 25, machine="B")
    item = weigh(Survivor(_JAVA, scope, 77, Alignment(0, 0, 0)), ask(30), Division(60, 1, 2))
    (found,) = predict([item], mix([item.scored], held_out=True), modulus=1000, count=1)
    assert (found.draw, found.machine, found.session) == (draws[30], "B", None)
    alone = weigh(
        Survivor(_JAVA, Scope(draws[:30], 25), 77, Alignment(0, 0, 0)), ask(30), Division(60)
    )
    assert alone.scored.log2_weight - item.scored.log2_weight == 2
