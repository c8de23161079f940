"""In which order searches are taken."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from seedfleet.generators import Stream, find_preset
from seedfleet.recover.agenda import Agenda, in_order
from seedfleet.recover.controls import Control
from seedfleet.recover.scope import Scope
from seedfleet.recover.search import Coverage, Found
from seedfleet.recover.watch import Watch

_SCOPE = Scope(np.zeros(50, dtype=np.int64), 45)
_JAVA, _MINSTD = (find_preset(slug).stream for slug in ("java_next_int", "cpp_minstd_rand0"))
_PHP = find_preset("php_mt_rand").stream


@dataclass
class Named:
    coverage: Coverage

    def run(self, watch: Watch) -> Found:
        raise NotImplementedError

    def controls(self, rng: np.random.Generator) -> tuple[Control, ...]:
        raise NotImplementedError


def named(
    name: str,
    cost_s: float,
    *,
    stream: Stream = _MINSTD,
    power: Callable[[float], float] = lambda _: 1.0,
    **fields: Any,
) -> Named:
    skips = fields.pop("skips", range(9))
    return Named(
        Coverage(
            name,
            (stream,),
            (_SCOPE,),
            skips,
            space=stream.generator.seed_count,
            draws_used=5,
            power=power,
            cost_s=cost_s,
            **fields,
        ),
    )


def taken(*searches: Named) -> list[str]:
    return [search.coverage.attack for search in in_order(searches)]


def test_of_equals_the_cheapest_comes_first() -> None:
    assert taken(named("dear", 9.0), named("cheap", 1.0, skips=range(8, 17))) == ["cheap", "dear"]


def test_a_search_that_withstands_no_more_noise_than_a_cheaper_one_waits() -> None:
    first = named("first", 1.0, power=lambda noise: 1.0 - noise)
    again = named("again", 1.1, power=lambda noise: 1.0 - noise, windows=3)
    other = named("other", 5.0, stream=_JAVA)
    assert taken(again, other, first) == ["first", "other", "again"]


def test_what_more_programs_do_comes_before_what_few_do() -> None:
    rare, common = named("rare", 4.0), named("common", 6.0, stream=_PHP)  # two presets share it
    assert taken(rare, common) == ["common", "rare"]
    varying = named("varying", 4.0, skips=range(0), variable_skip=(0, 8))
    assert taken(varying, rare) == ["rare", "varying"]


def test_what_a_find_leads_to_comes_before_everything() -> None:
    agenda = Agenda()
    agenda.add([named("java", 9.0, stream=_JAVA), named("minstd", 1.0)], led=False)
    agenda.advance({_JAVA})
    agenda.add([named("segment", 20.0)], led=True)
    order = []
    while (search := agenda.take()) is not None:
        order.append(search.coverage.attack)
    assert order == ["java", "segment", "minstd"]
    assert agenda.take() is None


def test_what_costs_next_to_nothing_comes_before_what_is_worth_more() -> None:
    short = named("short", 2.9, skips=range(0), variable_skip=(0, 8))
    assert taken(named("worth more", 3.1, stream=_PHP), short) == ["short", "worth more"]


def test_a_law_of_skips_is_worth_more_from_any_state_than_from_seeds() -> None:
    seeds = named("seeds", 9.0, skips=range(0), variable_skip=(0, 8))
    states = named("states", 20.0, stream=_JAVA, skips=range(0), variable_skip=(0, 8))
    states.coverage = replace(states.coverage, from_states=True)
    assert taken(seeds, states) == ["states", "seeds"]
    states.coverage = replace(states.coverage, cost_s=30.0)
    assert taken(seeds, states) == ["seeds", "states"]


def test_small_seeds_that_cost_as_much_as_all_of_another_generator_wait() -> None:
    small = named("small seeds", 9.0, stream=_PHP)
    small.coverage = replace(small.coverage, space=2**26)
    assert taken(small, named("all", 9.0, stream=_MINSTD)) == ["all", "small seeds"]
    dear = named("all seeds", 500.0, stream=_PHP)
    assert taken(dear, small) == ["small seeds", "all seeds"]
