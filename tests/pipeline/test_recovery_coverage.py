"""What the document says of a search: what chance passes, and what it could have found."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from seedfleet.evidence.path_chance import WalkShape, walk_chance
from seedfleet.generators import find_preset
from seedfleet.pipeline.recovery_coverage import chance_pairs, searched_part
from seedfleet.recover import SearchRecord, Status
from seedfleet.recover.scope import Scope
from seedfleet.recover.search import Coverage, Found


def _coverage(depth: int, gaps: int, *, before: int = 0, from_states: bool = False) -> Coverage:
    return Coverage(
        attack="variable skip",
        streams=(find_preset("java_next_int").stream,),
        scopes=(Scope(np.arange(60), 54),),
        skips=range(0),
        variable_skip=(0, gaps - 1),
        space=2**20,
        draws_used=depth,
        least_draws=before + depth,
        from_states=from_states,
        power=lambda _noise: 1.0,
        cost_s=1.0,
    )


@pytest.mark.parametrize("gaps", [1, 2, 7])
def test_a_variable_skip_has_as_many_gaps(gaps: int) -> None:
    assert _coverage(10, gaps).gaps == gaps


@pytest.mark.parametrize(("gaps", "before"), list(product([2, 4], [0, 3])))
def test_pairs_by_chance_bound_those_that_pass(gaps: int, before: int) -> None:
    depth, modulus = 5, 20
    draws = np.arange(depth)
    starts = (before + 1) * (gaps - 1) + 1
    shape = WalkShape(draws, modulus, 1, gaps, starts, ((depth, depth),))
    chance = walk_chance(shape, rng=np.random.default_rng(3), streams=400)
    passing = 2**20 * 2**chance.log2_estimate
    bound = chance_pairs(_coverage(depth, gaps, before=before), modulus)
    assert passing * (1 - 4 * chance.relative_error) < bound < 2 * gaps * passing


def test_a_state_has_no_gap_before_its_draw() -> None:
    found = chance_pairs(_coverage(6, 3, from_states=True), 100)
    assert found == pytest.approx(2**20 * 3**5 / 100**6)


def test_without_gaps_nothing_changes() -> None:
    assert chance_pairs(_coverage(6, 1, from_states=True), 100) == pytest.approx(2**20 / 100**6)


def _told(record: SearchRecord) -> dict[str, Any]:
    question = SimpleNamespace(modulus=1000)
    searched = SimpleNamespace(question=question, searches=(record,), uncovered=(), unselected=())
    return searched_part(cast("Any", searched))[0]


@pytest.mark.parametrize(
    ("status", "tested", "power"),
    [
        (Status.COMPLETED, 2**20, 0.8),
        (Status.INCOMPLETE, 2**18, 0.2),
        (Status.INCOMPLETE, 0, 0.0),
        (Status.UNDER_POWERED, None, 0.0),
        (Status.OVER_BUDGET, None, 0.0),
        (Status.NOT_NEEDED, None, 0.0),
    ],
)
def test_power_is_of_what_was_done(status: Status, tested: int | None, power: float) -> None:
    coverage = replace(_coverage(10, 1), power=lambda noise: 0.8 * (1 - noise))
    found = None if tested is None else Found((), tested, 0)
    record = SearchRecord(coverage, status, reason=None, draws_needed=17, found=found)
    told = _told(record)["power"]
    assert told["0"] == pytest.approx(power)
    assert told["0.25"] == pytest.approx(0.75 * power)
