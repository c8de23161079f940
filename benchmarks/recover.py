"""Recovery of states and seeds, beside the times we ask of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import scans
from benchmarks.table import Row, seconds
from seedfleet.generators import compiled, find_preset, find_stream, streams
from seedfleet.recover.congruential import lane_search, lattice_search
from seedfleet.recover.gaps.solver import Gaps, gap_families
from seedfleet.recover.gaps.solver import solve as solve_gaps
from seedfleet.recover.linear import attack as linear_attack
from seedfleet.recover.search import Question, Scope, Unwatched
from seedfleet.sieve import constant_skip_positions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seedfleet.recover.search import Search

_JAVA, _DOUBLES = "nextInt(m)", "floor(u * m), 26 + 27 bits"
_ALL, _ONE = range(501), range(1)

# (generator, bounding, modulus, skips, draws, seconds asked for)
_WINDOWS = (
    ("java.util.Random", _JAVA, 1000, _ALL, 20, 0.1),
    ("java_lcg", "word % m", 1000, _ALL, 20, 0.1),
    ("java.util.Random", "nextInt(10) digits", 1000, _ONE, 20, 2.0),
    ("java.util.Random", _JAVA, 10, _ONE, 24, 2.0),
    ("java.util.Random", _JAVA, 10, _ALL, 24, 30.0),
    ("java.util.Random", _JAVA, 49, _ONE, 20, 1.0),
    ("java.util.Random", _JAVA, 49, _ALL, 20, 15.0),
    ("java.util.Random", _JAVA, 999, _ONE, 20, 0.1),
    ("java.util.Random", _JAVA, 999, _ALL, 20, 15.0),
    ("java.util.Random", _JAVA, 7, _ALL, 40, 60.0),
    ("java.util.Random", _JAVA, 5, _ALL, 40, 60.0),
    ("java.util.Random", _DOUBLES, 1000, _ALL, 20, 5.0),
    ("java.util.Random", _DOUBLES, 10, _ALL, 40, 10.0),
    ("drand48", "floor(u * m), 48 bits", 100, _ALL, 30, 5.0),
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
# (preset, skips, draws, seconds asked for)
_LINEAR = (
    ("cpp_mt19937", _ONE, 7000, 20.0),
    ("cpp_mt19937_uniform", _ONE, 3500, 20.0),
    ("python_random", _ONE, 3500, 20.0),
    ("v8_math_random", _ONE, 40, 1.0),
    ("v8_math_random", _ALL, 40, 5.0),
    ("xorshift128", _ALL, 80, 1.0),
)
_SEED, _SKIP, _MODULUS = 1234567890, 0, 1000
_LONG_S = 5.0  # work of more is timed once, not five times


def rows() -> Iterator[Row]:
    """Time every attack on one window of draws, and the scans, from a warm cache, on every core."""
    yield from _window_rows()
    yield from _variable_skip_rows()
    yield from _linear_rows()
    yield from scans.rows()


def _window_rows() -> Iterator[Row]:
    for generator, bounding, modulus, skips, draws, bound_s in _WINDOWS:
        stream = find_stream(generator, bounding)
        asked = _planted(stream.name, modulus, skips, draws)
        search = (
            *lane_search.searches([stream], asked),
            *lattice_search.searches([stream], asked),
        )[0]
        what = (
            f"{generator} {bounding}, m = {modulus}, skips {skips[0]}..{skips[-1]}, {draws} draws"
        )
        yield _row(search, what, bound_s)


def _variable_skip_rows() -> Iterator[Row]:
    """Time the search of all states under every path of gaps, for one window."""
    rng = np.random.default_rng(_SEED)
    for name, modulus, most, draws, bound_s in _VARIABLE_SKIPS:
        stream = next(stream for stream in streams() if stream.name == name)
        (family,) = gap_families([stream], modulus)
        gaps = Gaps(1, most + 1)
        positions = np.cumsum(rng.integers(gaps.least, gaps.most + 1, draws)) - 1
        values, _ = compiled.at_positions(stream, _SEED, modulus, positions)
        if not solve_gaps(family, values, gaps).states:
            raise RuntimeError(f"{name}: the planted state was not found")
        taken_s = seconds(partial(solve_gaps, family, values, gaps), runs=3)
        what = f"{name}, m = {modulus}: 2^48 states, variable skip 0..{most}"
        yield Row(what, taken_s, bound_s, "s", "asked for", bound_s / taken_s)


def _linear_rows() -> Iterator[Row]:
    for slug, skips, draws, bound_s in _LINEAR:
        stream = find_preset(slug).stream
        asked = _planted(stream.name, _MODULUS, skips, draws)
        search = linear_attack.searches([stream], asked)[0]
        bits = search.coverage.space.bit_length() - 1
        what = f"{slug}: 2^{bits} states, skips {skips[0]}..{skips[-1]}, {draws} draws"
        yield _row(search, what, bound_s)


def _planted(name: str, modulus: int, skips: range, draws: int) -> Question:
    """Ask for the first draws of a planted seed."""
    stream = next(stream for stream in streams() if stream.name == name)
    positions = constant_skip_positions(draws, _SKIP)
    values, _ = compiled.at_positions(stream, _SEED, modulus, positions)
    return Question(modulus, (Scope(values, draws),), skips, range(1))


def _row(search: Search, what: str, bound_s: float) -> Row:
    if not search.run(Unwatched()).survivors:
        raise RuntimeError(f"{what}: the planted seed was not found")
    runs = 5 if bound_s < _LONG_S else 1
    taken_s = seconds(partial(search.run, Unwatched()), runs=runs)
    return Row(what, taken_s, bound_s, "s", "asked for", bound_s / taken_s)
