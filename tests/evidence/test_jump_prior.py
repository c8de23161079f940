"""Bets on missing records: one stake, shared by every place and size of every jump."""

from __future__ import annotations

import math
from itertools import combinations, product
from math import isclose

import numpy as np
import pytest

from seedfleet.evidence.jump_prior import log2_jump_weight
from seedfleet.evidence.part_prior import Division
from seedfleet.generators import Stream
from seedfleet.generators.boundings import MODULO
from seedfleet.generators.families.xorshift import XORSHIFT32
from seedfleet.recover.scope import Scope
from seedfleet.recover.scoring import weigh
from seedfleet.recover.search import Question, Survivor
from seedfleet.sieve import weighing
from seedfleet.sieve.weighing import Alignment

_SHARE = 1 / 32 / (1 / 2)  # of what the same skip without jumps weighs
_STREAM = Stream(XORSHIFT32, MODULO)


def weight(*jumps: tuple[int, int], skip: int, draws: int) -> float:
    return math.pow(2, log2_jump_weight(jumps, skip=skip, draws=draws))


def sizes(skip: int) -> float:
    """Sum the weights of one jump at the only place there is, over its sizes."""
    every = range(-skip - 3, 256 * (skip + 1) + 2**16)
    return sum(weight((1, outputs), skip=skip, draws=2) for outputs in every)


@pytest.mark.parametrize("skip", [0, 1, 6])
def test_jumps_of_every_size_share_one_stake(skip: int) -> None:
    # With no call less to be made there are no jumps by fewer calls, and with skip 0 every jump is
    # one of records.
    total = sizes(skip) / (_SHARE / 2)
    assert total <= 1
    assert total > (0.49 if skip == 0 else 0.6)


def test_places_share_the_stake_of_their_number() -> None:
    sized = [(3, 1 / 16), (4, 1 / 4 / 16 / 4), (-1, 1 / 4 / 16), (9, 1 / 2 / 8 / 2)]
    for count in (1, 2, 3):
        total = sum(
            weight(*zip(places, (size for size, _ in chosen), strict=True), skip=2, draws=6)
            for places in combinations(range(1, 6), count)
            for chosen in product(sized, repeat=count)
        )
        assert isclose(total, _SHARE * 2**-count * sum(share for _, share in sized) ** count)


def test_a_constant_skip_without_jumps_weighs_what_it_did() -> None:
    assert weight(skip=3, draws=9) == 1


@pytest.mark.parametrize("outputs", [0, -3, -9, 256 * 3, 2**16 + 1])
def test_nothing_is_staked_outside_the_support(outputs: int) -> None:
    assert weight((1, outputs), skip=2, draws=9) == 0
    assert weight((1, 3), (2, 3), skip=2, draws=2) == 0


@pytest.mark.slow
def test_bets_on_jumps_pay_out_what_the_prior_staked(monkeypatch: pytest.MonkeyPatch) -> None:
    # Over all histories of five coin tosses, for each place and two sizes.
    monkeypatch.setattr(weighing, "AHEAD", 1)
    paid = []
    question = Question(modulus=2, scopes=(), skips=range(1), scan_skips=range(1))
    for drawn in product(range(2), repeat=5):
        scope = Scope(np.array(drawn), 3)
        items = [
            weigh(
                Survivor(_STREAM, scope, 5, Alignment(0, 1, 1, ((draw, outputs),))),
                question,
                Division(5),
            )
            for draw in range(1, 5)
            for outputs in (2, 3)
        ]
        bits = [stake for item in items for stake in item.scored.stakes(held_out=True)]
        paid.append(np.exp2(bits).sum())
    # Not the null; one preset of 64; 1/32 of the skip laws; a skip of 1, in the second octave; no
    # offset; all draws; a seed. One jump; two more outputs are one record, three are three calls.
    staked = 1 / 2 / 64 / 32 / 16 / 2 * 7 / 16 / 2 / 2 / (2**32 - 1) / 2
    assert np.mean(paid) == pytest.approx(staked * (1 / 2 / 8 + 1 / 4 / 16 / 2), rel=1e-6, abs=0)
    assert np.std(paid) > 0.1 * np.mean(paid)
