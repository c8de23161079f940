"""Lag detectors: relations that hold for every seed and hardly ever by chance."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from planted import (
    UNWATCHED,
    history_of,
    planted_draws,
    question,
    random_draws,
    silent,
    with_noise,
)

from seedfleet.generators import Stream
from seedfleet.generators.boundings import DIVIDE_31, GO_INT31N, MODULO
from seedfleet.generators.families.dotnet import DOTNET
from seedfleet.generators.families.glibc_random import GLIBC_RAND
from seedfleet.generators.families.go_rand import GO_RAND
from seedfleet.generators.families.xorshift import XORSHIFT32
from seedfleet.recover import Options, recover
from seedfleet.recover.scans import lags
from seedfleet.recover.scans.lag_relations import LAGGED, Relation, relation
from seedfleet.recover.scans.lags import LagSearch, lag_searches
from seedfleet.recover.scope import Scope
from seedfleet.recover.search import Question

pytestmark = pytest.mark.slow

_GLIBC, _GO = Stream(GLIBC_RAND, MODULO), Stream(GO_RAND, GO_INT31N)
_DOTNET = Stream(DOTNET, DIVIDE_31)


def the_search(stream: Stream, values: object, *, modulus: int = 1000) -> LagSearch:
    (search,) = lag_searches([stream], question(np.asarray(values), modulus=modulus))
    return search


@pytest.mark.parametrize("stream", list(LAGGED), ids=lambda s: s.generator.name)
@pytest.mark.parametrize("modulus", [2, 10, 49, 1000, 4096])
@pytest.mark.parametrize("skip", [0, 1, 2, 4])
def test_every_draw_of_every_seed_keeps_the_relation(
    stream: Stream, modulus: int, skip: int
) -> None:
    related = relation(stream, modulus, skip)
    for seed in (1, 20_240_229, stream.generator.seeds[-1]):
        draws = planted_draws(stream, seed, count=900, skip=skip, modulus=modulus)
        assert related.kept(draws).all()


def test_the_relations_are_those_of_the_definitions() -> None:
    glibc = relation(_GLIBC, 1000, 0)
    assert glibc.lags.tolist() == [3, 31]
    # A carry of 0 or 1, less 648 = 2**31 % 1000 or nothing.
    assert set(glibc.rests.tolist()) == {0, 1, 352, 353}
    dotnet = relation(_DOTNET, 1000, 0)
    assert dotnet.lags.tolist() == [34, 55]
    assert set(dotnet.rests.tolist()) == {999, 0}
    assert relation(_GO, 1000, 0).lags.tolist() == [273, 607]


@pytest.mark.parametrize("skip", [0, 1, 3])
@pytest.mark.parametrize("modulus", [49, 1000])
def test_random_draws_keep_it_as_often_as_it_says(modulus: int, skip: int) -> None:
    related = relation(_DOTNET, modulus, skip)
    draws = random_draws(50_000, modulus=modulus, seed=skip)
    expected = related.share
    spread = np.sqrt(expected * (1 - expected) / len(draws))
    assert abs(related.kept(draws).mean() - expected) < 5 * spread


@pytest.mark.parametrize("stream", list(LAGGED), ids=lambda s: s.generator.name)
@pytest.mark.parametrize("skip", [0, 1])
def test_a_stream_leaves_a_lead_though_draws_are_wrong(stream: Stream, skip: int) -> None:
    truth = planted_draws(stream, 31337, count=760, skip=skip)
    search = the_search(stream, with_noise(truth, 0.1))
    found = search.run(UNWATCHED)
    assert search.coverage.power(0.1) > 0.99
    lead = found.leads[0]
    assert (lead.stream, lead.skip) == (stream, skip)
    assert lead.chance < 1e-12
    assert f"{lead.hits} of {lead.of} draws" in lead.text
    assert stream.name in lead.text
    assert found.tested == 0  # which state it is remains open
    assert found.survivors == ()


@pytest.mark.parametrize(("stream", "draws"), [(_GLIBC, 45), (_DOTNET, 75), (_GO, 700)])
def test_a_whole_search_follows_the_lead_of_few_draws(stream: Stream, draws: int) -> None:
    """Seeds are what it leads to, so draws need not pay for the choice of a state."""
    values = planted_draws(stream, 1_987_654_321, count=draws)
    chosen = frozenset({stream.generator.name})
    options = Options(searched=chosen, variable_skip=None, budget_s=0.5, controls=False)
    recovery = recover(history_of(values), options, progress=silent)
    (asked,) = [each for each in recovery.searches if each.coverage.attack == "lag relation"]
    assert asked.found is not None
    lead = asked.found.leads[0]
    assert (lead.skip, lead.hits) == (0, lead.of)


@pytest.mark.parametrize("modulus", [10, 49, 1000])
def test_draws_without_a_lead_decide_every_seed(modulus: int) -> None:
    for stream in LAGGED:
        for seed in range(20):
            search = the_search(
                stream, random_draws(800, modulus=modulus, seed=seed), modulus=modulus
            )
            found = search.run(UNWATCHED)
            assert found.leads == ()
            assert found.tested == search.coverage.space == stream.generator.seed_count


def test_leads_come_where_draws_suffice() -> None:
    least = the_search(_GLIBC, random_draws(200)).coverage.least_draws
    draws = planted_draws(_GLIBC, 5, count=least + 5)
    assert the_search(_GLIBC, draws).run(UNWATCHED).leads
    assert the_search(_GLIBC, draws).coverage.power(0.0) > 0
    assert lag_searches([_GLIBC], question(draws[:-1])) == ()
    assert lag_searches([_GO], question(random_draws(500))) == ()
    assert lag_searches([Stream(XORSHIFT32, MODULO)], question(random_draws(500))) == ()
    # With two residues three in four rests are left: no relation tells anything.
    assert lag_searches([_GLIBC], question(random_draws(500, modulus=2), modulus=2)) == ()


def test_the_power_is_that_of_the_scope_with_fewest_draws() -> None:
    scopes = Scope(random_draws(900), 850), Scope(random_draws(45), 40, session="a")
    asked = Question(1000, scopes, range(1), range(1))
    (both,), (alone,) = (
        lag_searches([_GLIBC], replace(asked, scopes=each)) for each in (scopes, scopes[1:])
    )
    assert both.coverage.power(0.3) < 0.9
    # Two scopes are twice as many chances, which takes a little more.
    assert alone.coverage.power(0.3) == pytest.approx(both.coverage.power(0.3), abs=0.1)


def test_power_is_the_share_of_noisy_histories_with_a_lead() -> None:
    noise, found = 0.25, 0
    asked = question(planted_draws(_GLIBC, 1, count=45), scan_skips=range(1), skips=range(1))
    (search,) = lag_searches([_GLIBC], asked)
    for seed in range(300):
        values = with_noise(planted_draws(_GLIBC, seed + 2, count=45), noise, seed=seed)
        (each,) = lag_searches([_GLIBC], question(values, skips=range(1)))
        found += bool(each.run(UNWATCHED).leads)
    power = search.coverage.power(noise)
    assert 0.05 < power < 0.95
    # Wrong draws spoil three relations each, so that the share scatters more than a binomial's.
    assert abs(found / 300 - power) < 0.1


@pytest.mark.parametrize("stream", list(LAGGED), ids=lambda s: s.generator.name)
def test_controls_pass_and_notice_a_broken_relation(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = the_search(stream, random_draws(900))
    controls = search.controls(np.random.default_rng(0))
    assert [control.kind for control in controls] == ["negative", "positive"]
    assert all(control.passed for control in controls), controls

    def shifted(*asked: Any) -> Relation:
        right = relation(*asked)
        return replace(right, rests=np.arange(3 * len(right.rests)) + 400)

    monkeypatch.setattr(lags, "relation", shifted)
    broken = {each.kind: each.passed for each in search.controls(np.random.default_rng(0))}
    assert not broken["positive"]
