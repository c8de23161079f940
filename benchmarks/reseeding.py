"""Seeds tried one by one with a library's generator, as other tools do, beside a scan of ours."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.table import Row, seconds
from seedfleet.generators import compiled, find_preset
from seedfleet.sieve import Rows, constant_skip_positions, local_backend

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_SEED, _MODULUS, _DRAWS = 2**31 + 4321, 1000, 12
_OURS, _THEIRS, _DEPTH = 2**24, 2**14, 1000  # seeds of each, and untwister's depth


def rows() -> Iterator[Row]:
    """Time both on the same draws, on every core, and see both find the seed."""
    compiler = shutil.which("g++")
    if compiler is None:
        raise RuntimeError("this benchmark compares with C++ and needs g++")
    stream = find_preset("cpp_mt19937").stream
    positions = constant_skip_positions(_DRAWS, 0)
    draws, _ = compiled.at_positions(stream, _SEED, _MODULUS, positions)
    asked = Rows.exact(positions[np.newaxis], draws[np.newaxis], _MODULUS)
    seeds = range(_SEED - _OURS // 3, _SEED - _OURS // 3 + _OURS)

    def scan() -> None:
        if local_backend().scan(stream, asked, seeds).seeds.tolist() != [_SEED]:
            raise RuntimeError("the scan did not find the planted seed")

    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "reseed.so"
        source = Path(__file__).with_name("reseed.cpp")
        flags = ["-O3", "-march=native", "-shared", "-fPIC", "-pthread"]
        subprocess.run([compiler, *flags, "-o", str(library), str(source)], check=True)
        peer = ctypes.CDLL(str(library)).reseed_mt19937
        peer_s = seconds(partial(_reseed, peer, draws.astype(np.uint32)), runs=3)
    rate, peer_rate = _OURS / seconds(scan, runs=3) / 1e6, _THEIRS / peer_s / 1e6
    what = f"mt19937: {_DRAWS} draws modulo {_MODULUS}, seeds one after the other"
    yield Row(what, rate, peer_rate, "M seeds/s", f"reseeding, depth {_DEPTH}", rate / peer_rate)


def _reseed(peer: ctypes._NamedFuncPointer, draws: NDArray[np.uint32]) -> None:
    peer.restype = ctypes.c_uint64
    found = peer(
        draws.ctypes.data_as(ctypes.c_void_p),
        ctypes.c_uint(len(draws)),
        ctypes.c_uint(_MODULUS),
        ctypes.c_uint(_DEPTH),
        ctypes.c_uint64(_SEED - _THEIRS // 3),
        ctypes.c_uint64(_THEIRS),
    )
    if found != _SEED:
        raise RuntimeError("the peer did not find the planted seed")
