"""Seed scans beside plain C, both on every core, in the same run."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.table import Row, seconds
from seedfleet.generators import streams
from seedfleet.sieve import Queries, constant_skip_positions, scan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seedfleet.generators import Generator

_DRAWS = np.array([123, 45, 678, 901], dtype=np.int64)
_MODULUS = 1000
_SEEDS = {"xorshift32": 2**30, "minstd": 2**29, "mt19937": 2**27}


def rows() -> Iterator[Row]:
    """Scan for four draws at skip 0 beside C, then for skips 0 to 8 beside ourselves."""
    compiler = shutil.which("gcc")
    if compiler is None:
        raise RuntimeError("this benchmark compares with C and needs gcc")
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "scan.so"
        source = Path(__file__).with_name("scan.c")
        flags = ["-O3", "-march=native", "-shared", "-fPIC"]
        subprocess.run([compiler, *flags, "-o", str(library), str(source)], check=True)
        c_code = ctypes.CDLL(str(library))
        for name, count in _SEEDS.items():
            yield from _compare(_generator(name), c_code[f"scan_{name}"], count)


def _generator(name: str) -> Generator:
    generators = {stream.generator.name: stream.generator for stream in streams()}
    return generators[name]


def _compare(generator: Generator, c_scan: ctypes._NamedFuncPointer, count: int) -> Iterator[Row]:
    seeds = range(1, count + 1)
    c_scan.restype = ctypes.c_uint64
    wanted = (ctypes.c_uint32 * 4)(*_DRAWS.tolist())
    workers = os.cpu_count() or 1

    def in_c() -> int:
        share = -(-count // workers)
        parts = [seeds[start : start + share] for start in range(0, count, share)]
        with ThreadPoolExecutor(workers) as pool:
            call = lambda part: c_scan(  # noqa: E731 - the call is the whole of it
                ctypes.c_uint64(part.start), ctypes.c_uint64(len(part)), wanted
            )
            return sum(pool.map(call, parts))

    def ours(skips: range) -> int:
        positions = np.array([constant_skip_positions(4, skip) for skip in skips])
        queries = Queries(positions, np.array([_DRAWS] * len(skips)), _MODULUS, 0)
        return len(scan(generator, queries, seeds).seeds)

    one, nine = range(1), range(9)
    if ours(one) != in_c():
        raise RuntimeError(f"{generator.name}: the two versions disagree")
    million = count / 1e6
    c_rate = million / seconds(in_c, runs=3)
    rate = million / seconds(lambda: ours(one), runs=3)
    yield Row(f"{generator.name}: skip 0", rate, c_rate, "M seeds/s", "plain C", rate / c_rate)
    slower = million / seconds(lambda: ours(nine), runs=3)
    what = f"{generator.name}: skips 0..8 in one pass"
    yield Row(what, slower, rate / 9, "M seeds/s", "nine passes", slower / (rate / 9))
