"""Recovery of states and seeds, beside the times we ask of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks import scans
from benchmarks.table import Row, seconds
from seedfleet.generators import compiled, streams
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
_SEED, _SKIP, _MODULUS = 123456789012345, 0, 1000


def rows() -> Iterator[Row]:
    """Time the lane split and the scans from a warm cache, on every core."""
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
    yield from scans.rows()


def _family(name: str) -> LaneFamily:
    for family in lane_families(streams(), _MODULUS):
        if name in {stream.name for stream in family.streams}:
            return family
    raise KeyError(name)
