"""Scans beside plain C, both on every core, in the same run.

Two questions for each stream: four draws modulo 1000 that must all match, and 200 draws of which a
fifth must. The C versions answer the same questions for the same seeds. Kernels are loaded once
before, and what that took is in rows of its own. Streams without a C version stand alone.
``SEEDFLEET_BENCHMARK_QUICK=1`` asks about a sixteenth of the seeds.
"""

from __future__ import annotations

import ctypes
import math
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
    from collections.abc import Callable, Iterator

    from seedfleet.generators import Stream

_DRAWS = np.array([123, 45, 678, 901], dtype=np.int64)
_MODULUS, _WINDOW, _NEEDED, _PLANTED = 1000, 200, 40, 12345
# Preset, C version, seeds for exact draws, seeds for a window.
_CASES = (
    ("java_lcg", "java_lcg", 2**31, 2**24),
    ("xorshift32", "xorshift32", 2**31, 2**24),
    ("minstd", "minstd", 2**30, 2**23),
    ("mt19937", "mt19937", 2**27, 2**22),
    ("java_next_int", "java_next_int", 2**30, 2**23),
    ("php_mt_rand", "mt19937", 2**27, 2**22),
    ("lcg32", "lcg32", 2**30, 2**23),
    ("xorshift64", "xorshift64", 2**29, 2**22),
)
# Presets without a C version, and seeds for exact draws.
_ALONE = (
    ("xorshift128", 2**28),
    ("pcg32", 2**28),
    ("xoshiro256pp", 2**27),
    ("philox4x32", 2**26),
    ("sfc64", 2**27),
    ("java_next_double", 2**28),
    ("lua_random", 2**24),
    ("numpy_default_rng", 2**21),
    ("python_randrange", 2**19),
    ("glibc_rand", 2**19),
)
_QUICK = 16 if os.environ.get("SEEDFLEET_BENCHMARK_QUICK") == "1" else 1
_COLD = "import sys; from benchmarks.sieve import load; load(sys.argv[1])"


def rows() -> Iterator[Row]:
    """Time exact draws, thresholds over one and five skips, and the kernels' compilation."""
    compiler = shutil.which("gcc")
    if compiler is None:
        raise RuntimeError("this benchmark compares with C and needs gcc")
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "scan.so"
        source = Path(__file__).with_name("scan.c")
        flags = ["-O3", "-march=native", "-shared", "-fPIC"]
        subprocess.run([compiler, *flags, "-o", str(library), str(source)], check=True)
        c_code = ctypes.CDLL(str(library))
        for slug, in_c, exact_seeds, window_seeds in _CASES:
            stream = find_preset(slug).stream
            yield from _exact(slug, stream, c_code[f"scan_{in_c}"], exact_seeds // _QUICK)
            yield from _window(slug, stream, c_code[f"count_{in_c}"], window_seeds // _QUICK)
    for slug, seeds in _ALONE:
        yield _alone(slug, seeds // _QUICK)
    for slug in ("java_lcg", "mt19937"):
        yield _compilation(slug)


def _exact(
    slug: str, stream: Stream, c_scan: ctypes._NamedFuncPointer, count: int
) -> Iterator[Row]:
    seeds = range(1, count + 1)
    in_c = partial(_in_c, c_scan, seeds, _DRAWS)
    ours = partial(_hits, stream, _four_draws(), seeds)
    _same(slug, ours(), in_c())
    million = count / 1e6
    c_rate, rate = million / seconds(in_c, runs=3), million / seconds(ours, runs=3)
    yield Row(f"{slug}: 4 draws, all", rate, c_rate, "M seeds/s", "plain C", rate / c_rate)
    positions = np.array([constant_skip_positions(4, skip) for skip in range(9)])
    nine = Rows.exact(positions, np.array([_DRAWS] * 9), _MODULUS)
    slower = million / 4 / seconds(partial(_hits, stream, nine, seeds[: count // 4]), runs=3)
    what = f"{slug}: 4 draws, all, skips 0..8 in one pass"
    yield Row(what, slower, rate / 9, "M seeds/s", "nine passes", slower / (rate / 9))


def _alone(slug: str, count: int) -> Row:
    ours = partial(_hits, find_preset(slug).stream, _four_draws(), range(1, count + 1))
    rate = count / 1e6 / seconds(ours, runs=3)
    return Row(f"{slug}: 4 draws, all", rate, math.nan, "M seeds/s", "no C version", math.nan)


def _four_draws() -> Rows:
    return Rows.exact(constant_skip_positions(4, 0)[np.newaxis], _DRAWS[np.newaxis], _MODULUS)


def _window(
    slug: str, stream: Stream, c_count: ctypes._NamedFuncPointer, count: int
) -> Iterator[Row]:
    seeds = range(1, count + 1)
    positions = np.array([constant_skip_positions(_WINDOW, skip) for skip in range(5)])
    draws, _ = compiled.at_positions(stream, _PLANTED, _MODULUS, positions[0])
    legs = (Leg(_WINDOW, _NEEDED),)
    asked = Rows(positions[:1], draws[np.newaxis], _MODULUS, legs)
    in_c = partial(_in_c, c_count, seeds, draws, _WINDOW, _NEEDED)
    ours = partial(_hits, stream, asked, seeds)
    _same(slug, ours(), in_c())
    million = count * _WINDOW / 1e6
    c_rate, rate = million / seconds(in_c, runs=3), million / seconds(ours, runs=3)
    what = f"{slug}: {_NEEDED} of {_WINDOW} draws"
    yield Row(what, rate, c_rate, "M outputs/s", "plain C", rate / c_rate)
    five = Rows(positions, np.array([draws] * 5), _MODULUS, legs)
    several = 5 * million / 4 / seconds(partial(_hits, stream, five, seeds[: count // 4]), runs=3)
    what = f"{slug}: {_NEEDED} of {_WINDOW} draws, skips 0..4"
    yield Row(what, several, rate, "M outputs/s", "one skip", several / rate)


def _hits(stream: Stream, asked: Rows, seeds: range) -> int:
    return len(CpuBackend().scan(stream, asked, seeds).seeds)


def _in_c(function: ctypes._NamedFuncPointer, seeds: range, draws: np.ndarray, *more: int) -> int:
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


def _same(slug: str, ours: int, in_c: int) -> None:
    if ours != in_c:
        raise RuntimeError(f"{slug}: {ours} hits, but {in_c} in C")


def load(slug: str) -> None:
    """Make both kernels of a stream ready, and print how long it took in seconds."""
    stream, began = find_preset(slug).stream, time.perf_counter()
    positions = np.array([[0, 1, 2, 3]])
    for needed in (4, 1):
        _hits(stream, Rows(positions, _DRAWS[np.newaxis], _MODULUS, (Leg(4, needed),)), range(9))
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
