"""Recovery of whole states by algebra, beside the times we ask of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.table import Row, seconds
from seedfleet.generators import compiled, find_preset, streams
from seedfleet.recover import linear_attack
from seedfleet.recover.lane import Observations, lane_families, solve_all
from seedfleet.recover.search import Question, Scope, Unwatched
from seedfleet.sieve import constant_skip_positions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seedfleet.recover.lane import LaneFamily
    from seedfleet.recover.search import Search

# (stream, skips, draws, seconds asked for)
_CASES = (
    ("java.util.Random / nextInt(m)", range(501), 20, 0.1),
    ("java.util.Random / nextInt(10) digits", range(1), 20, 2.0),
    ("java_lcg / word % m", range(501), 20, 0.1),
)
# (preset, skips, draws, seconds asked for)
_LINEAR_CASES = (
    ("cpp_mt19937", range(1), 7000, 20.0),
    ("cpp_mt19937_uniform", range(1), 3500, 20.0),
    ("python_random", range(1), 3500, 20.0),
    ("v8_math_random", range(1), 40, 1.0),
    ("v8_math_random", range(501), 40, 5.0),
    ("xorshift128", range(501), 80, 1.0),
)
_SEED, _SKIP, _MODULUS = 123456789012345, 0, 1000


def rows() -> Iterator[Row]:
    """Time every attack from a warm cache, on every core."""
    yield from _lane_rows()
    yield from _linear_rows()


def _linear_rows() -> Iterator[Row]:
    for slug, skips, draws, bound_s in _LINEAR_CASES:
        search = _linear_search(slug, skips, draws)
        if not search.run(Unwatched()).survivors:
            raise RuntimeError(f"{slug}: the planted seed was not found")
        runs = 1 if bound_s > 5 else 5
        taken_s = seconds(partial(search.run, Unwatched()), runs=runs)
        bits = search.coverage.space.bit_length() - 1
        what = f"{slug}: 2^{bits} states, skips {skips[0]}..{skips[-1]}, {draws} draws"
        yield Row(what, taken_s, bound_s, "s", "asked for", bound_s / taken_s)


def _linear_search(slug: str, skips: range, draws: int) -> Search:
    """Return the search from the first draws of a planted seed."""
    stream = find_preset(slug).stream
    positions = constant_skip_positions(draws, _SKIP)
    values, _ = compiled.at_positions(stream, _SEED % 2**32, _MODULUS, positions)
    question = Question(_MODULUS, (Scope(values, draws),), skips, range(1))
    return linear_attack.searches([stream], question)[0]


def _lane_rows() -> Iterator[Row]:
    for name, skips, draws, bound_s in _CASES:
        family = _family(name)
        stream = next(stream for stream in family.streams if stream.name == name)
        positions = constant_skip_positions(draws, _SKIP)
        values, _ = compiled.at_positions(stream, _SEED, _MODULUS, positions)
        plans = {skip: Observations.of(family, skip, draws) for skip in skips}
        hits = solve_all(family, [values], plans)
        if len(hits) != 1:
            raise RuntimeError(f"{name}: {len(hits)} states found instead of the planted one")
        taken_s = seconds(partial(solve_all, family, [values], plans))
        what = f"{name}: 2^48 states, skips {skips[0]}..{skips[-1]}, {draws} draws"
        yield Row(what, taken_s, bound_s, "s", "asked for", bound_s / taken_s)


def _family(name: str) -> LaneFamily:
    for family in lane_families(streams(), _MODULUS):
        if name in {stream.name for stream in family.streams}:
            return family
    raise KeyError(name)
