"""Scans beside plain C, both on every core, in the same run.

Two questions for each stream: four draws modulo 1000 that must all match, and 200 draws of which a
fifth must. The C versions answer the same questions for the same seeds, one of them planted, and
the hits must be equal. Both run in turn, after a short run each; the best one of each counts. The
seeds are so many that ours takes about half a second on two cores. What it takes to compile and to
load kernels is in rows of its own, and so is what several skips cost in one pass.
``SEEDFLEET_BENCHMARK_QUICK=1`` times every scan once over half of the seeds, and leaves out those
other rows.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.table import Row, seconds
from seedfleet.generators import compiled, find_preset
from seedfleet.sieve import CpuBackend, Leg, Rows, constant_skip_positions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from seedfleet.generators import Stream

    _Scan = Callable[[range], int]

_MODULUS, _WINDOW, _NEEDED, _PLANTED = 1000, 200, 40, 12345
# Preset, seeds for exact draws, seeds for a window.
_CASES = (
    ("xorshift32", 2**31, 2**24),
    ("xorshift64", 2**30, 2**24),
    ("xorshift128", 2**31, 2**24),
    ("lcg32", 2**31 - 1, 2**24),
    ("minstd", 2**31 - 1, 2**24),
    ("java_lcg", 2**31, 2**25),
    ("pcg32", 2**31, 2**24),
    ("mt19937", 2**26, 2**22),
    ("xoshiro256pp", 2**30, 2**23),
    ("philox4x32", 2**29, 2**19),
    ("sfc64", 2**30, 2**23),
    ("java_next_int", 2**31, 2**24),
    ("java_next_double", 2**31, 2**23),
    ("php_mt_rand", 2**26, 2**22),
    ("lua_random", 2**26, 2**20),
    ("numpy_default_rng", 2**25, 2**20),
    ("python_randrange", 2**24, 2**17),
    ("glibc_rand", 2**26, 2**18),
)
# Presets of one generator, asked together and one after the other, and the seeds.
_TOGETHER = (
    (("mt19937", "php_mt_rand", "cpp_mt19937_uniform", "numpy_randint"), 2**24),
    (("python_randrange", "python_random"), 2**23),
)
_SEVERAL_SKIPS = ("java_lcg", "mt19937")
_QUICK = os.environ.get("SEEDFLEET_BENCHMARK_QUICK") == "1"
_RUNS, _ENOUGH_S, _SHARE = (1, 0.0, 2) if _QUICK else (5, 2.0, 1)
_COLD = "import sys; from benchmarks.sieve import load; load(sys.argv[1])"


def rows() -> Iterator[Row]:
    """Time exact draws, thresholds, several skips in one pass, and the kernels' compilation."""
    compiler = shutil.which("gcc")
    if compiler is None:
        raise RuntimeError("this benchmark compares with C and needs gcc")
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "scan.so"
        source = Path(__file__).with_name("scan.c")
        flags = ["-O3", "-march=native", "-shared", "-fPIC"]
        subprocess.run([compiler, *flags, "-o", str(library), str(source)], check=True)
        c_code = ctypes.CDLL(str(library))
        for slug, exact_seeds, window_seeds in _CASES:
            stream = find_preset(slug).stream
            yield from _exact(slug, stream, c_code[f"scan_{slug}"], range(1, exact_seeds // _SHARE))
            yield from _window(
                slug, stream, c_code[f"count_{slug}"], range(1, window_seeds // _SHARE)
            )
    for slugs, seeds in () if _QUICK else _TOGETHER:
        yield _together(slugs, range(1, seeds))
    for slug in () if _QUICK else ("java_lcg", "mt19937"):
        yield _compilation(slug)


def _exact(
    slug: str, stream: Stream, c_scan: ctypes._NamedFuncPointer, seeds: range
) -> Iterator[Row]:
    positions = np.array([constant_skip_positions(4, skip) for skip in range(9)])
    draws, _ = compiled.at_positions(stream, _PLANTED, _MODULUS, positions[0])
    asked = Rows.exact(positions[:1], draws[np.newaxis], _MODULUS)
    ours, in_c = partial(_hits, stream, asked), partial(_in_c, c_scan, draws, ())
    ours_s, c_s = _times(slug, ours, in_c, seeds)
    million = len(seeds) / 1e6
    rate, c_rate = million / ours_s, million / c_s
    yield Row(f"{slug}: 4 draws, all", rate, c_rate, "M seeds/s", "plain C", c_s / ours_s)
    if slug in _SEVERAL_SKIPS and not _QUICK:
        nine = Rows.exact(positions, np.array([draws] * 9), _MODULUS)
        slower = (
            million / 4 / seconds(partial(_hits, stream, nine, seeds[: len(seeds) // 4]), runs=3)
        )
        what = f"{slug}: 4 draws, all, skips 0..8 in one pass"
        yield Row(what, slower, rate / 9, "M seeds/s", "nine passes", slower / (rate / 9))


def _together(slugs: Sequence[str], seeds: range) -> Row:
    """Time four draws at skips 0 to 8, asked of several presets in one pass."""
    positions = np.array([constant_skip_positions(4, skip) for skip in range(9)])
    streams = [find_preset(slug).stream for slug in slugs]
    drawn = [compiled.at_positions(each, _PLANTED, _MODULUS, positions[0])[0] for each in streams]
    questions = [
        (stream, Rows.exact(positions, np.array([draws] * 9), _MODULUS))
        for stream, draws in zip(streams, drawn, strict=True)
    ]

    def apart() -> list[int]:
        return [_hits(stream, asked, seeds) for stream, asked in questions]

    def together() -> list[int]:
        return [len(hits.seeds) for hits in CpuBackend().scan_together(questions, seeds)]

    if together() != apart():
        raise RuntimeError(f"{slugs}: other hits together than apart")
    million = len(seeds) / 1e6
    rate, slower = million / seconds(together, runs=3), million / seconds(apart, runs=3)
    what = f"{', '.join(slugs)}: 4 draws, all, skips 0..8 in one pass"
    return Row(what, rate, slower, "M seeds/s", "a pass for each", rate / slower)


def _window(
    slug: str, stream: Stream, c_count: ctypes._NamedFuncPointer, seeds: range
) -> Iterator[Row]:
    positions = np.array([constant_skip_positions(_WINDOW, skip) for skip in range(5)])
    draws, _ = compiled.at_positions(stream, _PLANTED, _MODULUS, positions[0])
    legs = (Leg(_WINDOW, _NEEDED),)
    asked = Rows(positions[:1], draws[np.newaxis], _MODULUS, legs)
    ours, in_c = partial(_hits, stream, asked), partial(_in_c, c_count, draws, (_WINDOW, _NEEDED))
    ours_s, c_s = _times(slug, ours, in_c, seeds)
    million = len(seeds) * _WINDOW / 1e6
    rate, c_rate = million / ours_s, million / c_s
    what = f"{slug}: {_NEEDED} of {_WINDOW} draws"
    yield Row(what, rate, c_rate, "M outputs/s", "plain C", c_s / ours_s)
    if slug in _SEVERAL_SKIPS and not _QUICK:
        five = Rows(positions, np.array([draws] * 5), _MODULUS, legs)
        fewer = seeds[: len(seeds) // 4]
        several = 5 * million / 4 / seconds(partial(_hits, stream, five, fewer), runs=3)
        what = f"{slug}: {_NEEDED} of {_WINDOW} draws, skips 0..4"
        yield Row(what, several, rate, "M outputs/s", "one skip", several / rate)


def _times(slug: str, ours: _Scan, in_c: _Scan, seeds: range) -> tuple[float, float]:
    """Return the best times of both in seconds; all their runs must find the same."""
    few = seeds[: max(_PLANTED, len(seeds) // 64)]
    _same(slug, _timed(ours, few)[1], _timed(in_c, few)[1])
    times: list[tuple[float, float]] = []
    while not times or (len(times) < _RUNS and sum(map(sum, times)) < _ENOUGH_S):
        (ours_s, found), (c_s, expected) = _timed(ours, seeds), _timed(in_c, seeds)
        _same(slug, found, expected)
        times.append((ours_s, c_s))
    return min(each[0] for each in times), min(each[1] for each in times)


def _timed(scan: _Scan, seeds: range) -> tuple[float, int]:
    began = time.perf_counter()
    hits = scan(seeds)
    return time.perf_counter() - began, hits


def _same(slug: str, ours: int, in_c: int) -> None:
    if ours != in_c or not ours:
        raise RuntimeError(f"{slug}: {ours} hits, but {in_c} in C")


def _hits(stream: Stream, asked: Rows, seeds: range) -> int:
    return len(CpuBackend().scan(stream, asked, seeds).seeds)


def _in_c(
    function: ctypes._NamedFuncPointer, draws: np.ndarray, more: tuple[int, ...], seeds: range
) -> int:
    function.restype = ctypes.c_uint64
    wanted = (ctypes.c_uint32 * len(draws))(*draws.tolist())
    workers = os.cpu_count() or 1
    share = -(-len(seeds) // workers)
    parts = [seeds[start : start + share] for start in range(0, len(seeds), share)]

    def run(part: range) -> int:
        first, count = ctypes.c_uint64(part.start), ctypes.c_uint64(len(part))
        return int(function(first, count, wanted, *more))

    with ThreadPoolExecutor(workers) as pool:
        return sum(pool.map(run, parts))


def load(slug: str) -> None:
    """Make both kernels of a stream ready, and print how long it took in seconds."""
    stream, began = find_preset(slug).stream, time.perf_counter()
    positions, draws = np.array([[0, 1, 2, 3]]), np.array([[123, 45, 678, 901]])
    for needed in (4, 1):
        _hits(stream, Rows(positions, draws, _MODULUS, (Leg(4, needed),)), range(9))
    print(time.perf_counter() - began)


def _compilation(slug: str) -> Row:
    with tempfile.TemporaryDirectory() as cache:
        measure: Callable[[], float] = partial(_loading_s, slug, cache)
        cold_s, warm_s = measure(), measure()
    what = f"{slug}: both kernels from the cache"
    return Row(what, warm_s, cold_s, "s", "compiled anew", cold_s / warm_s)


def _loading_s(slug: str, cache: str) -> float:
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
    command = [sys.executable, "-c", _COLD, slug]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)
