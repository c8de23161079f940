"""Recovery of states and seeds, beside the times we ask of it.

``SEEDFLEET_BENCHMARK_QUICK=1`` times everything once, and the whole portfolio on random draws in
a tenth of its budget.
"""

from __future__ import annotations

import os
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import reseeding, scans
from benchmarks.table import Row, seconds
from seedfleet.draws import History
from seedfleet.evidence import Verdict
from seedfleet.generators import compiled, find_preset, find_stream, streams
from seedfleet.recover import Options, recover
from seedfleet.recover.congruential import lane_search, lattice_search
from seedfleet.recover.gaps.solver import Gaps, gap_families
from seedfleet.recover.gaps.solver import solve as solve_gaps
from seedfleet.recover.linear import attack as linear_attack
from seedfleet.recover.scope import Scope
from seedfleet.recover.search import Question
from seedfleet.recover.watch import Unwatched
from seedfleet.sieve import constant_skip_positions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

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
_QUICK = os.environ.get("SEEDFLEET_BENCHMARK_QUICK") == "1"
_BUDGET_S, _RANDOM_DRAWS = 6.0 if _QUICK else 60.0, 500


def rows() -> Iterator[Row]:
    """Time every attack on one window of draws, and the scans, from a warm cache, on every core."""
    yield from _window_rows()
    yield from _variable_skip_rows()
    yield from _linear_rows()
    yield from scans.rows()
    yield from reseeding.rows()
    yield _random_row()


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
        taken_s = seconds(partial(solve_gaps, family, values, gaps), runs=1 if _QUICK else 3)
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


def _random_row() -> Row:
    """Let every search look at draws of the system's source, for as long as the budget goes."""
    draws = np.frombuffer(os.urandom(8 * _RANDOM_DRAWS), dtype=np.uint64) % np.uint64(_MODULUS)
    history, options = _undated(draws.astype(np.int64)), Options(budget_s=_BUDGET_S)

    def run() -> None:
        verdict = recover(history, options, progress=_unheard).verdict
        if verdict is not Verdict.NO_EVIDENCE and verdict is not Verdict.UNDER_POWERED:
            raise RuntimeError(f"{verdict.value} in random draws")

    taken_s = seconds(run, runs=1)
    what = f"every search, {_RANDOM_DRAWS} random draws, m = {_MODULUS}"
    return Row(what, taken_s, _BUDGET_S, "s", "budget", _BUDGET_S / taken_s)


def _undated(values: NDArray[np.int64]) -> History:
    nothing = (None,) * len(values)
    return History(
        name="random",
        source="os.urandom",
        sha256=sha256(values.tobytes()).hexdigest(),
        values=values,
        dates=nothing,
        sessions=nothing,
        machines=nothing,
        modulus=_MODULUS,
        modulus_inferred=False,
        notes=(),
    )


def _unheard(_label: str, _share: float) -> None:
    pass


def _planted(name: str, modulus: int, skips: range, draws: int) -> Question:
    """Ask for the first draws of a planted seed."""
    stream = next(stream for stream in streams() if stream.name == name)
    positions = constant_skip_positions(draws, _SKIP)
    values, _ = compiled.at_positions(stream, _SEED, modulus, positions)
    return Question(modulus, (Scope(values, draws),), skips, range(1))


def _row(search: Search, what: str, bound_s: float) -> Row:
    if not search.run(Unwatched()).survivors:
        raise RuntimeError(f"{what}: the planted seed was not found")
    runs = 5 if bound_s < _LONG_S and not _QUICK else 1
    taken_s = seconds(partial(search.run, Unwatched()), runs=runs)
    return Row(what, taken_s, bound_s, "s", "asked for", bound_s / taken_s)
