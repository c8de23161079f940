"""Predictions are the mixture's own next-draw law."""

from itertools import pairwise
from math import isclose, log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted import random_draws

from seedfleet.evidence import Scored, mix
from seedfleet.evidence.likelihood import NOISE_RATES, bits_of_matches
from seedfleet.generators import AtState, Stream
from seedfleet.generators.boundings import JAVA_NEXT_INT, MODULO
from seedfleet.generators.families.lcg48 import JAVA_RANDOM
from seedfleet.generators.families.xorshift import XORSHIFT32
from seedfleet.recover.scoring import Weighed, predict, weigh
from seedfleet.recover.search import Question, Scope, Survivor
from seedfleet.sieve.weighing import Alignment

_MODULUS = 10
_SCOPE = Scope(np.zeros(20, dtype=np.int64), 15)
_OTHER_SCOPE = Scope(np.zeros(10, dtype=np.int64), 7, session="evening")
_JAVA = Stream(JAVA_RANDOM, JAVA_NEXT_INT)


def weighed(scope: Scope, seed: int, matches: int) -> Weighed:
    """Return a survivor that gives so many of 20 draws, and draws at random from then on."""
    survivor = Survivor(_JAVA, scope, seed, Alignment(0, 0, 0))
    bits = bits_of_matches(matches, 20, _MODULUS)
    scored = Scored(seed, -1.0, 100, bits, bits, scope.part)
    stream_draws = random_draws(40, modulus=_MODULUS, seed=seed)
    return Weighed(survivor, scored, matches, 0, stream_draws, None)


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
    truth = weigh(Survivor(_JAVA, Scope(np.zeros(9, int), 5), 77, Alignment(0, 2, 2)), ask(9), 1)
    scope = Scope(truth.stream_draws[:9].copy(), 5)
    scope.values[[1, 8]] = (scope.values[[1, 8]] + 1) % 1000
    item = weigh(Survivor(_JAVA, scope, 77, Alignment(0, 2, 2)), ask(9), 1)
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
    stream = Stream(XORSHIFT32, MODULO)
    scope = Scope(np.array([5, 295, 296, 5, 999]), 3)
    item = weigh(Survivor(stream, scope, 77, Alignment(0, 0, 0)), ask(5), 1)
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
        weigh(Survivor(_JAVA, scope, seed, Alignment(0, 0, 0)), ask(9), 1).scored.equivalence
        for seed in (7, 7 + 2**48)
    ]
    others = [
        weigh(Survivor(_JAVA, scope, 7, Alignment(0, skip, skip)), ask(9), 1).scored.equivalence
        for skip in range(3)
    ]
    assert same[0] == same[1] == others[0]
    assert all(first != second for first, second in pairwise(others))
