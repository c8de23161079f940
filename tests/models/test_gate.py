"""The gate lets in what predicts draws beyond the likelihood, and hardly anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from seedfleet.models.gate import Gate, GateResult, Stakes, _scores
from seedfleet.models.permutation import GroupPermutations
from seedfleet.models.tilt import Tilt

if TYPE_CHECKING:
    from collections.abc import Callable

N_ROWS = 150
N_CANDIDATES = 40
DRAWS = 20  # of each slice, one in ten of them right by chance
Array = np.ndarray[Any, Any]


def log2_ratio(hits: Array, draws: int, modulus: int = 10, noise: float = 0.8) -> Array:
    """Of a stream that is right in one draw of five."""
    miss = np.log2(noise * modulus / (modulus - 1))
    return np.asarray(hits * np.log2((1 - noise) * modulus) + (draws - hits) * miss)


class World:
    """Survivors of which none is true, or one; and candidates that know nothing, or that one.

    After the sieve slice the first of them weighs as much as the null, by chance.
    """

    def __init__(self, seed: int, *, true_row: int | None = None, knowing: bool = False) -> None:
        chance = np.random.default_rng(seed)
        self.prior = np.full(N_ROWS, -10.0)
        sieved = chance.normal(-20, 3, size=N_ROWS)
        sieved[0] = 8.0
        rates = np.full(N_ROWS, 0.1)
        draws = DRAWS
        if true_row is not None:
            draws = 5 * DRAWS
            rates[true_row], sieved[true_row] = 0.2, 0.0
        slices = [log2_ratio(chance.binomial(draws, rates), draws) for _ in range(2)]
        self.tune = Stakes(self.prior + sieved, self.prior + sieved + slices[0])
        self.gate = Stakes(self.tune.after, self.tune.after + slices[1])
        self.candidates = chance.normal(size=(N_CANDIDATES, N_ROWS))
        if knowing and true_row is not None:
            self.candidates[3, true_row] += 5

    def judged(self, **options: int) -> GateResult:
        gate = Gate(self.prior, -1.0, self.candidates, np.arange(N_ROWS))
        return gate.judge(self.tune, self.gate, **options)


def accepted_by_chance(judge: Callable[[World, int], GateResult], worlds: int = 200) -> int:
    return sum(judge(World(number), number).accepted for number in range(worlds))


@pytest.mark.slow
def test_lets_one_in_a_hundred_in_by_chance() -> None:
    # 200 worlds, 1 % each: eight or more come once in a thousand times.
    assert accepted_by_chance(lambda world, seed: world.judged(permutations=119, seed=seed)) < 8


@pytest.mark.slow
def test_that_is_so_because_the_choice_is_repeated() -> None:
    class Careless(Gate):
        """Judges the candidate and the tau that were chosen as if there had been no choice."""

        first: int | None = None

        def _chosen(self, values: Array, nulls: Array, untilted: Array) -> Any:
            if self.first is None:
                self.first = super()._chosen(values, nulls, untilted)[0]
            if self.first is None:
                return None, (0.0, 0.0)
            gained = _scores(self._tilts[[self.first]] @ values, nulls)[0] - untilted
            return self.first, (float(gained[0]), float(gained[1]))

    def careless(world: World, seed: int) -> GateResult:
        gate = Careless(world.prior, -1.0, world.candidates, np.arange(N_ROWS))
        return gate.judge(world.tune, world.gate, permutations=119, seed=seed)

    assert accepted_by_chance(careless) >= 8


def test_lets_in_what_knows_the_true_stream() -> None:
    results = [World(number, true_row=7, knowing=True).judged() for number in range(10)]
    assert sum(result.accepted for result in results) >= 6
    found = next(result for result in results if result.accepted)
    assert found.candidate == 3
    assert found.bits > found.chance_bits
    assert found.p_value < 0.01
    assert found.reason.startswith("accepted")


def test_what_is_told_of_copies_of_one_stream_counts_once() -> None:
    """Dealt out one by one they would look like many witnesses."""
    world = World(0, true_row=7, knowing=True)
    gate = Gate(world.prior, -1.0, world.candidates, np.zeros(N_ROWS, dtype=np.int64))
    result = gate.judge(world.tune, world.gate, permutations=119)
    assert result.bits > 0
    assert result.p_value == 1.0, "there is nobody to whom it could be dealt"


def test_a_true_stream_is_no_reason_to_accept_what_knows_nothing() -> None:
    results = [World(number, true_row=7).judged(permutations=119) for number in range(20)]
    assert sum(result.accepted for result in results) <= 2


def test_scores_are_those_of_the_mixture() -> None:
    world = World(3, true_row=7, knowing=True)
    result = world.judged(permutations=9)
    assert result.candidate is not None
    predicted = world.candidates[result.candidate]
    tilted = Tilt.of(result.tau, predicted).log2_weights(world.prior, predicted)

    def score(weights: Array, stakes: Stakes) -> float:
        both = [
            np.log2(0.5 + np.exp2(weights + side - world.prior).sum())
            for side in (stakes.after, stakes.before)
        ]
        return float(both[0] - both[1])

    for stakes, bits in ((world.tune, result.tune_bits), (world.gate, result.bits)):
        assert bits == pytest.approx(score(tilted, stakes) - score(world.prior, stakes))
    assert np.exp2(tilted).sum() == pytest.approx(np.exp2(world.prior).sum())


def test_overwhelming_likelihood_leaves_nothing_to_gain() -> None:
    world = World(5, true_row=7, knowing=True)
    sure = Stakes(
        world.tune.before + 20000.0 * (np.arange(N_ROWS) == 7), world.tune.after + 20000.0
    )
    after = Stakes(sure.after, sure.after + 3000.0)
    gate = Gate(world.prior, -1.0, world.candidates * 1e6, np.arange(N_ROWS))
    result = gate.judge(sure, after, permutations=99)
    assert np.isfinite([result.bits, result.tune_bits, result.chance_bits]).all()
    assert abs(result.bits) < 1e-6
    assert not result.accepted


def test_rows_without_a_part_do_not_count() -> None:
    world = World(3, true_row=7, knowing=True)
    gone = np.full(5, -np.inf)
    parts = [
        Stakes(np.r_[gone, part.before], np.r_[gone, part.after])
        for part in (world.tune, world.gate)
    ]
    candidates = np.c_[np.full((N_CANDIDATES, 5), 1e9), world.candidates]
    gate = Gate(np.r_[gone, world.prior], -1.0, candidates, np.arange(N_ROWS + 5))
    assert gate.judge(*parts, permutations=49) == world.judged(permutations=49)


def test_no_survivor_and_no_candidate_are_rejected() -> None:
    nothing = np.zeros(0)
    gate = Gate(nothing, -1.0, np.zeros((2, 0)), np.zeros(0, dtype=np.int64))
    stakes = Stakes(nothing, nothing)
    assert not gate.judge(stakes, stakes, permutations=9).accepted
    world = World(1)
    gate = Gate(world.prior, -1.0, np.zeros((0, N_ROWS)), np.arange(N_ROWS))
    result = gate.judge(world.tune, world.gate, permutations=9)
    assert (result.candidate, result.p_value) == (None, 1.0)


def test_permutations_keep_groups_whole() -> None:
    groups = np.array([4, 4, 9, 1, 1, 7, 2, 2, 2])
    permutations = GroupPermutations(groups)
    seen = set()
    chance = np.random.default_rng(0)
    for _ in range(50):
        dealt = permutations.draw(chance)
        assert sorted(dealt.tolist()) == list(range(9))
        for group in set(groups.tolist()):
            places = dealt[groups == group]
            assert len(set(groups[places].tolist())) == 1
            assert (groups == groups[places[0]]).sum() == len(places)
        assert dealt[6:].tolist() == [6, 7, 8]
        seen.add(tuple(dealt.tolist()))
    assert len(seen) == 4
