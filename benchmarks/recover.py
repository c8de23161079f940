"""Recovery of java.util.Random over its whole 2**48 space, beside the times we ask of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.table import Row, seconds
from seedfleet.generators import compiled, streams
from seedfleet.recover.gaps import Gaps, gap_families
from seedfleet.recover.gaps import solve as solve_gaps
from seedfleet.recover.lane import Observations, lane_families, solve_all
from seedfleet.sieve import constant_skip_positions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seedfleet.recover.lane import LaneFamily

# (stream, skips, draws, seconds asked for)
_CASES = (
    ("java.util.Random / nextInt(m)", range(501), 20, 0.1),
    ("java.util.Random / nextInt(10) digits", range(1), 20, 2.0),
    ("java_lcg / word % m", range(501), 20, 0.1),
)
# (stream, modulus, largest of the variable skips from 0 on, draws, seconds asked for)
_VARIABLE_SKIPS = (
    ("java.util.Random / nextInt(m)", 1000, 8, 14, 0.3),
    ("java.util.Random / nextInt(m)", 1000, 20, 18, 3.0),
    ("java.util.Random / nextInt(m)", 100, 4, 16, 60.0),  # the default budget of a whole run
    ("java.util.Random / nextInt(m)", 49, 2, 20, 60.0),
    ("java.util.Random / floor(u * m), 26 + 27 bits", 1000, 8, 14, 0.3),
    ("drand48 / floor(u * m), 48 bits", 1000, 20, 18, 3.0),
)
_SEED, _SKIP, _MODULUS = 123456789012345, 0, 1000


def rows() -> Iterator[Row]:
    """Time the lane split from a warm cache, on every core."""
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
    yield from _variable_skip_rows()


def _variable_skip_rows() -> Iterator[Row]:
    """Time the search of all states under every path of gaps, for one window."""
    rng = np.random.default_rng(_SEED)
    for name, modulus, most, draws, bound_s in _VARIABLE_SKIPS:
        stream = next(stream for stream in streams() if stream.name == name)
        (family,) = gap_families([stream], modulus)
        gaps = Gaps(1, most + 1)
        seed = _SEED % stream.generator.seed_count
        positions = np.cumsum(rng.integers(gaps.least, gaps.most + 1, draws)) - 1
        values, _ = compiled.at_positions(stream, seed, modulus, positions)
        if not solve_gaps(family, values, gaps).states:
            raise RuntimeError(f"{name}: the planted state was not found")
        taken_s = seconds(partial(solve_gaps, family, values, gaps), runs=3)
        what = f"{name}, m = {modulus}: 2^48 states, variable skip 0..{most}"
        yield Row(what, taken_s, bound_s, "s", "asked for", bound_s / taken_s)


def _family(name: str) -> LaneFamily:
    for family in lane_families(streams(), _MODULUS):
        if name in {stream.name for stream in family.streams}:
            return family
    raise KeyError(name)
