"""Kernels that test many seeds at once: exact scans over seed spaces, on every core."""

from seedfleet.sieve.backend import DEFAULT_ROOM, Backend, Hits, TooManyHitsError
from seedfleet.sieve.cpu import CpuBackend
from seedfleet.sieve.rows import Leg, Rows, Walk, constant_skip_positions

__all__ = [
    "DEFAULT_ROOM",
    "Backend",
    "CpuBackend",
    "Hits",
    "Leg",
    "Rows",
    "TooManyHitsError",
    "Walk",
    "constant_skip_positions",
]
