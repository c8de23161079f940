"""Which searches a question calls for: no part of a history spoils another's."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import history_of, planted_draws, random_draws, silent

from seedfleet.evidence import Verdict
from seedfleet.evidence.part_prior import Division
from seedfleet.generators import find_preset, streams
from seedfleet.recover import Options, Status, recover
from seedfleet.recover.attacks import searches
from seedfleet.recover.portfolio import planned
from seedfleet.recover.scope import Scope
from seedfleet.recover.search import Question
from seedfleet.recover.stakes import attainable_bits, draws_to_recover
from seedfleet.sieve import local_backend

if TYPE_CHECKING:
    from seedfleet.recover.search import Coverage

_MINSTD = find_preset("cpp_minstd_rand").stream
_WALKED = "variable skip over seeds"
# One for each kind of attack, none of which takes long to plan.
_CHEAP = frozenset(
    (
        "java_next_int",
        "java_next_double",
        "c_drand48",
        "cpp_minstd_rand",
        "glibc_rand",
        "xorshift128",
        "v8_math_random",
        "php_mt_rand",
        "cpp_mt19937",
    )
)


def coverages(question: Question, *slugs: str) -> list[Coverage]:
    streams = [find_preset(slug).stream for slug in slugs]
    return [each.coverage for each in searches(streams, question, local_backend())]


def test_seeds_are_scanned_where_a_scope_is_too_short_for_all_states() -> None:
    long, short = Scope(random_draws(100), 90), Scope(random_draws(9), 6, session="b")
    question = Question(1000, (long, short), range(501), range(9))
    asked = coverages(question, "c_drand48")
    lattices = {each.scopes: each.least_draws for each in asked if each.attack[:7] == "lattice"}
    assert lattices[(short,)] == lattices[(long,)] == 7
    assert {each.scopes for each in asked if "scan" in each.attack} == {(short,)}


@pytest.mark.parametrize("offsets", [range(-8, -1), range(-2, 1), range(-8, 5)])
def test_something_is_staked_on_all_that_is_searched_for_draws_before_their_skip(
    offsets: range,
) -> None:
    """A search of alignments that the prior gives nothing could never end in a verdict."""
    scope = Scope(random_draws(60), 54)
    asked = Question(
        1000, (scope,), range(9), range(9), variable_skip=(0, 8), offsets=offsets, noise=0.1
    )
    planned = searches(streams(), asked, local_backend())
    walks = [each.coverage for each in planned if each.coverage.attack[:24] == _WALKED]
    assert {each.offsets for each in walks} == ({range(offsets.stop)} if 0 in offsets else set())
    for search in planned:
        assert isfinite(attainable_bits(search.coverage, Division(60), 1000))
        assert draws_to_recover(search.coverage, Division(60), 1000) > 10


def test_no_scan_of_seeds_where_a_walk_decides_all_states() -> None:
    scopes = Scope(random_draws(200), 180), Scope(random_draws(2), 0, session="b")
    question = Question(1000, scopes, range(501), range(9))
    asked = coverages(question, "cpp_minstd_rand")
    assert {each.scopes for each in asked if each.attack == "seed scan"} == {scopes[1:]}
    assert [each.scopes for each in asked if each.attack == "state scan"] == [
        scopes[:1],
        scopes[1:],
    ]


@pytest.mark.slow
def test_a_session_in_the_held_out_draws_alone_leaves_the_others_searched() -> None:
    sessions = ["a"] * 198 + ["b"] * 2
    draws = planted_draws(_MINSTD, 5, count=200)
    options = Options(
        searched=frozenset({"cpp_minstd_rand"}), controls=False, budget_s=None, noise=0.0
    )
    recovery = recover(history_of(draws, sessions=sessions), options, progress=silent)
    assert recovery.verdict is Verdict.RECOVERED
    survivor = recovery.items[0].survivor
    assert (survivor.start, survivor.scope.part) == (5, None)
    short = [each for each in recovery.searches if each.coverage.scopes[0].part is not None]
    assert short
    assert {each.status for each in short} <= {Status.UNDER_POWERED, Status.NOT_NEEDED}


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    modulus=st.sampled_from([2, 3, 10, 1000]),
    sessions=st.lists(st.sampled_from([None, "a", "b", "c"]), min_size=1, max_size=8),
    machines=st.lists(st.sampled_from([None, "x", "y"]), min_size=8, max_size=8),
    noise=st.sampled_from([0.0, 0.1]),
    seed=st.integers(0, 5),
)
def test_hardly_any_draws_are_too_few_to_tell(
    modulus: int, sessions: list[str | None], machines: list[str | None], noise: float, seed: int
) -> None:
    draws = random_draws(len(sessions), modulus=modulus, seed=seed)
    history = history_of(draws, modulus=modulus, sessions=sessions, machines=machines[: len(draws)])
    options = Options(searched=_CHEAP, noise=noise, budget_s=0.01)
    assert recover(history, options, progress=silent).verdict is Verdict.UNDER_POWERED


@pytest.mark.slow
@pytest.mark.parametrize("sessions", [["a"] * 198 + ["b"] * 2, [f"{i % 60}" for i in range(200)]])
def test_sessions_of_a_draw_or_none_leave_the_whole_to_be_searched(sessions: list[str]) -> None:
    history = history_of(random_draws(200), sessions=sessions)
    options = Options(searched=_CHEAP, noise=0.1, budget_s=0.01)
    whole = history_of(random_draws(200))
    attacks = {each.attack for each in planned(whole, options)}
    asked = [each for each in planned(history, options) if None in {s.part for s in each.scopes}]
    assert {each.attack for each in asked} == attacks
    for each in asked:
        assert min(scope.fitted for scope in each.scopes) >= min(each.least_draws, 180)
        assert 0.0 <= each.power(0.0) <= 1.0
