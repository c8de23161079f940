"""Scoring survivors beside the rate at which their streams give draws at all, on the same cores.

Each row scores so many survivors against 4,000 draws, 62 features each, with score and confidence.
The bound is what the stream alone takes in the same run: the same draws of the same seeds, made
and thrown away. The rows of java_lcg are those of a whole table of 395,211; its processor time,
which other work on the machine changes less, and its memory have rows of their own, beside the six
seconds and the gigabyte that they may take.
"""

from __future__ import annotations

import os
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.table import Row
from seedfleet.evidence.part_prior import Division
from seedfleet.evidence.skip_paths import PathModel
from seedfleet.generators import compiled, find_preset
from seedfleet.scoring import ScoringSettings
from seedfleet.scoring._stream_kernels import ConstantSkips
from seedfleet.scoring.global_features import global_features
from seedfleet.scoring.mean_path import pruned_mean_path
from seedfleet.scoring.score import confidences, scores
from seedfleet.scoring.survivors import Candidates, compare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

_MODULUS, _DRAWS, _WHOLE = 1000, 4000, 395_211
_QUICK = os.environ.get("SEEDFLEET_BENCHMARK_QUICK") == "1"
_CASES = (
    ("java_lcg", _WHOLE // 16 if _QUICK else _WHOLE),
    ("pcg32", 20_000),
    ("xorshift32", 20_000),
    ("mt19937", 20_000),
    ("java_next_int", 20_000),
    ("python_randrange", 10_000),
    ("glibc_rand", 5_000),
)
_RUNS = 1 if _QUICK else 3
_BLOCK = 32


def rows() -> Iterator[Row]:
    """Time whole tables, what they take of memory, and mean paths of variable skips."""
    yield from _table(*_CASES[0], memory=True)
    for slug, count in _CASES[1:]:
        yield from _table(slug, count, memory=False)
    yield _mean_path()


def _table(slug: str, count: int, *, memory: bool) -> Iterator[Row]:
    draws = np.random.default_rng(7).integers(0, _MODULUS, _DRAWS)
    candidates = _candidates(slug, count)
    _score(_candidates(slug, _BLOCK), draws)  # compiles
    _streams(_candidates(slug, _BLOCK))
    before = _peak_gib()
    work_s = time.process_time()
    ours_s = min(_timed(lambda: _score(candidates, draws)) for _ in range(_RUNS))
    work_s = (time.process_time() - work_s) / _RUNS / (os.cpu_count() or 1)
    peak = _peak_gib()
    bound_s = min(_timed(lambda: _streams(candidates)) for _ in range(_RUNS))
    million = count * _DRAWS / 1e6
    what = f"{slug}: {count} survivors, {_DRAWS} draws, 62 features"
    yield Row(what, ours_s, bound_s, "s", "the streams alone", bound_s / ours_s)
    rate, bound = million / ours_s, million / bound_s
    yield Row(f"{slug}: draws compared", rate, bound, "M draws/s", "streams", rate / bound)
    if memory:
        what = f"{slug}: processor time of that on each core"
        yield Row(what, work_s, 6.0, "s", "the aim", 6.0 / work_s)
        what = f"{slug}: peak memory, {before:.2f} GiB of it before"
        yield Row(what, peak, 1.0, "GiB", "a gigabyte", 1.0 / peak)


def _candidates(slug: str, count: int) -> Candidates:
    none = np.zeros(count, dtype=np.int64)
    return Candidates(
        stream=find_preset(slug).stream,
        seeds=np.arange(1, count + 1, dtype=np.uint64),
        offsets=none,
        skip_min=none,
        skip_max=none,
        origins=none,
        ends=none - 1,
        counts=none,
        selectivities=none.astype(float),
        missed=np.full(count, np.nan),
    )


def _score(candidates: Candidates, draws: NDArray[np.int64]) -> None:
    settings = ScoringSettings.of_modulus(_MODULUS)
    found = compare(candidates, draws, _MODULUS, settings)
    scores(found, candidates, draws=draws, modulus=_MODULUS, settings=settings)
    confidences(found, candidates, draws, _MODULUS, division=Division(len(draws)))
    global_features(draws)


def _streams(candidates: Candidates) -> None:
    """Make every survivor's draws, a block at a time, and keep none."""
    skips = ConstantSkips(candidates.stream, _MODULUS, np.zeros((1, 2), dtype=np.int64))

    def block(start: int) -> None:
        seeds = candidates.seeds[start : start + _BLOCK]
        room = np.empty((len(seeds), _DRAWS), dtype=np.uint16)
        skips.fill(seeds, np.zeros(len(seeds), dtype=np.int64), room)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(block, range(0, len(candidates), _BLOCK)))


def _mean_path() -> Row:
    """Time a planted stream and a stranger under skips 0..8, beside a core's raw outputs."""
    stream, model = find_preset("java_lcg").stream, PathModel(1, 9, _MODULUS, 0, 0.05)
    reach = np.arange(9 * _DRAWS)
    values, _ = compiled.at_positions(stream, 5, _MODULUS, reach)
    rng = np.random.default_rng(3)
    planted = values[np.cumsum(rng.integers(1, 10, _DRAWS)) - 1]
    pruned_mean_path(values, planted, model)
    theirs = min(
        _timed(lambda: compiled.at_positions(stream, 5, _MODULUS, reach)) for _ in range(5)
    )
    ours = min(_timed(lambda: pruned_mean_path(values, planted, model)) for _ in range(5))
    what = f"java_lcg: mean path of {_DRAWS} draws, skips 0..8"
    return Row(what, ours * 1e3, theirs * 1e3, "ms", "its outputs", theirs / ours)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
