"""No bet of a sieve counts twice, and nothing that is chosen after a look earns anything."""

from __future__ import annotations

from math import exp2
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from plain_history import history

from seedfleet.evidence import Verdict
from seedfleet.generators import find_preset, reference
from seedfleet.pipeline.sieve_plan import SieveOptions, plan_sieve
from seedfleet.pipeline.sieving import run_sieve
from seedfleet.recover import OptionsError
from seedfleet.sieve import CpuBackend, Direction

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from seedfleet.pipeline.sieving import Answer

SEED = 5489
NEAR = (SEED - 40, SEED + 40)


def drawn(slug: str, count: int, *, skip: int = 0, seed: int = SEED) -> list[int]:
    positions = [skip + at * (skip + 1) for at in range(count)]
    return reference.at_positions(find_preset(slug).stream, seed, 1000, positions)


def answer(draws: Sequence[int], *searches: str, **asked: Any) -> Answer:
    options: dict[str, Any] = {"seeds": NEAR, "skips": range(3), **asked}
    plan = plan_sieve(history(draws), SieveOptions(searches, **options))
    return run_sieve(plan, CpuBackend(1), keep=lambda *_: None, progress=lambda *_: None)


def figures(answer: Answer) -> list[float | None]:
    """Return all that the verdict is taken from, of all searches and of each."""
    return [
        answer.fitted.evidence_bits,
        answer.known.evidence_bits,
        answer.predictive_bits,
        max(answer.known.classes.values()),
    ]


FEW = drawn("mt19937", 14)  # so few that the bits are not all the stream's
LOOSE = {"forward_threshold": 0.5, "reverse_threshold": 0.5}
LAW = {"skips": range(1), "variable_skip": (0, 0)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("names", "more"),
    [
        (("mt19937", "cpp_mt19937"), {}),
        (("cpp_mt19937", "mt19937"), {}),
        (("mt19937", "mt19937_reverse"), {}),
        (("mt19937_reverse", "cpp_mt19937", "mt19937"), {}),
        (("mt19937", "mt19937_hybrid"), LAW),
        (("mt19937_hybrid", "mt19937_hybrid_reverse", "mt19937"), LAW),
    ],
)
def test_a_stream_is_one_bet_whatever_searches_let_it_pass(
    names: tuple[str, ...], more: dict[str, Any]
) -> None:
    unused = {"variable_skip": None}  # by a constant skip alone
    alone = answer(FEW, "mt19937", **LOOSE | more | unused)
    several = answer(FEW, *names, **LOOSE | more)
    assert several.verdict is alone.verdict
    assert figures(several) == pytest.approx(figures(alone), abs=1e-6)
    passed = [(found.search.stream, found.seed, found.alignment) for found in several.findings]
    assert len(passed) == len(set(passed))
    assert len(several.findings) >= len(alone.findings) > 0


def test_names_of_one_stream_are_sieved_once() -> None:
    names = ("cpp_mt19937", "mt19937", "mt19937_reverse", "cpp_mt19937_reverse", "minstd")
    plan = plan_sieve(history(FEW), SieveOptions(names, seeds=NEAR))
    planned = [search.name.text for search in plan.searches]
    assert planned == ["cpp_mt19937", "mt19937_reverse", "minstd"]
    assert len({search.fitted for search in plan.searches}) == 1
    onward = SieveOptions(("mt19937", "cpp_mt19937"), direction=Direction.REVERSE, seeds=NEAR)
    assert len(plan_sieve(history(FEW), onward).searches) == 1


@pytest.mark.slow
def test_a_window_chosen_after_a_look_is_no_signal() -> None:
    draws = np.random.default_rng(5).integers(1000, size=300).tolist()
    draws[100:119] = drawn("xorshift32", 119)[100:]
    found = answer(draws, "xorshift32", window_start=100, window_size=19)
    assert found.findings[0].seed == SEED
    assert found.fitted.evidence_bits > 100
    assert found.known.evidence_bits < 0
    assert found.predictive_bits is not None
    assert found.predictive_bits < -100
    assert found.verdict is found.records[0].verdict is Verdict.NO_EVIDENCE
    assert "the other known draws speak against it" in found.reason


@pytest.mark.slow
@pytest.mark.parametrize("right", [16, 19, 22, 25])
def test_no_window_recovers_what_all_known_draws_do_not(right: int) -> None:
    rng = np.random.default_rng(right)
    draws = [*drawn("xorshift32", right), *rng.integers(1000, size=30 - right).tolist()]
    together = []
    for size in range(8, 30, 3):
        found = answer(draws, "xorshift32", window_start=0, window_size=size, **LOOSE)
        together.append(found.known.evidence_bits)
        if found.verdict is Verdict.RECOVERED:
            assert found.known.evidence_bits >= 59
    whole = answer(draws, "xorshift32", forward_threshold=0.0, reverse_threshold=0.0)
    assert max(together) <= whole.known.evidence_bits + 1e-9


@pytest.mark.slow
@pytest.mark.parametrize(
    "chosen",
    [
        {"seeds": (SEED, SEED)},
        {"forward_threshold": 0.0, "reverse_threshold": 0.0},
        {"forward_threshold": 1.0, "reverse_threshold": 1.0},
        {"direction": Direction.FORWARD},
        {"direction": Direction.REVERSE},
        {"top": 1},
        {"skips": range(1)},
        {"window_start": 0, "window_size": 9},
        {"window_start": 3, "window_size": 4},
    ],
)
def test_what_is_chosen_after_a_look_earns_nothing(chosen: dict[str, Any]) -> None:
    wide = answer(FEW, "xorshift32", "mt19937", forward_threshold=0.0, reverse_threshold=0.0)
    narrow = answer(FEW, "mt19937", **{**LOOSE, **chosen})
    assert narrow.findings[0].seed == SEED
    assert narrow.known.evidence_bits <= wide.known.evidence_bits + 1e-9


@pytest.mark.slow
def test_a_seed_that_repeats_another_survives_and_weighs_nothing() -> None:
    draws = drawn("minstd", 14, seed=1)
    alone = answer(draws, "minstd", seeds=(1, 9))
    both = answer(draws, "minstd", seeds=(0, 9))
    assert both.records[0].passed == 2
    assert [found.seed for found in both.findings] == [1]
    assert figures(both) == figures(alone)
    nothing = answer(draws, "minstd", seeds=(0, 0))
    assert (nothing.records[0].passed, nothing.findings) == (1, ())
    assert nothing.verdict is Verdict.UNDER_POWERED


@pytest.mark.parametrize(
    ("slug", "seeds", "first", "last", "said"),
    [
        ("dotnet_next", (2**31 - 10, 2**31 + 10), 0, 2**31 - 1, (2**31, 2**31 - 1)),
        ("dotnet_next", (2**31 + 7, 2**31 + 10), 0, 2**31 - 1, (2**31 + 7, 2**31 - 7)),
        ("glibc_rand_type0", (9, 2**31 + 9), 1, 2**31, (2**31 + 1, 1)),
        ("minstd", (0, 2**31 - 1), 1, 2**31 - 2, (2**31 - 1, 1)),
        ("msvc_rand", (5, 2**31), 0, 2**31 - 1, (2**31, 0)),
        ("mt19937", (5, 2**32 + 1), 0, 2**32 - 1, (2**32, 0)),
    ],
)
def test_seeds_beyond_the_distinct_ones_are_refused(
    slug: str, seeds: tuple[int, int], first: int, last: int, said: tuple[int, int]
) -> None:
    with pytest.raises(OptionsError) as caught:
        plan_sieve(history(FEW), SieveOptions((slug,), seeds=seeds))
    beyond, twin = said
    (problem,) = caught.value.problems
    assert problem == (
        f"seeds: the distinct seeds of {slug} are {first}..{last}; {seeds[1]} is beyond; "
        f"seed {beyond} is the stream of seed {twin}"
    )
    stream = find_preset(slug).stream
    same, theirs = (
        reference.at_positions(stream, seed, 1000, list(range(50))) for seed in (beyond, twin)
    )
    assert same == theirs


def stake(sessions: Iterable[str | None], *wanted: str) -> float:
    """Return what the prior stakes on the plain alignment of these sessions' draws."""
    listed = list(sessions)
    draws = np.random.default_rng(1).integers(1000, size=len(listed)).tolist()
    options = SieveOptions(("mt19937",), seeds=NEAR, sessions=wanted)
    (search,) = plan_sieve(history(draws, sessions=listed), options).searches
    return exp2(search.log2_weight(0, 0, 0))


def test_sessions_are_chosen_within_one_stake() -> None:
    whole = stake([None] * 40)
    three = ["a", "b", "c"] * 20
    assert stake(three) == stake(three, "a", "b", "c") == whole / 2
    assert stake(three, "b") == stake(three, "a", "c") == pytest.approx(whole / 12)
    assert stake(["a", "b"] * 20, "b") == whole / 4
    some = ["a", "b", None] * 20
    assert stake(some) == whole / 2
    assert stake(some, "a", "b") == pytest.approx(whole / 12)


@pytest.mark.slow
def test_weighing_survivors_tells_how_far_it_is() -> None:
    told: list[tuple[str, float]] = []
    asked = SieveOptions(("mt19937_hybrid",), seeds=NEAR, variable_skip=(0, 1), **_NOTHING_NEEDED)
    plan = plan_sieve(history(FEW), asked)
    run_sieve(plan, CpuBackend(1), keep=lambda *_: None, progress=lambda *words: told.append(words))
    shares = [share for label, share in told if label == "mt19937_hybrid: weighing survivors"]
    assert len(shares) > 50
    assert shares == sorted(shares)
    assert (shares[0], round(shares[-1], 1)) == (0, 1)


_NOTHING_NEEDED: dict[str, Any] = {"forward_threshold": 0.0, "reverse_threshold": 0.0}


@pytest.mark.slow
def test_neighbours_on_one_orbit_are_one_stream() -> None:
    """Seed 1 leads to state 48271, so that its paths are those of seed 48271 with a longer gap."""
    gaps = np.random.default_rng(8).integers(1, 4, 60)
    gaps[0] = 2
    draws = reference.at_positions(
        find_preset("minstd").stream, 48271, 1000, (np.cumsum(gaps) - 1).tolist()
    )
    near = {"seeds": (1, 50_000), "skips": None, "variable_skip": (0, 2)}
    found = answer(draws, "minstd_hybrid", **near)
    assert sorted(finding.seed for finding in found.findings) == [1, 48271]
    assert list(found.fitted.classes.values()) == [pytest.approx(1)]
    assert found.verdict is Verdict.RECOVERED
