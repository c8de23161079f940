"""Kernels that test many seeds at once: exact scans over seed spaces, on every core."""

from seedfleet.sieve.queries import Queries, constant_skip_positions
from seedfleet.sieve.scan import LAST_POSITION, MAX_QUERIES, Scanner, ScanResult, scan

__all__ = [
    "LAST_POSITION",
    "MAX_QUERIES",
    "Queries",
    "ScanResult",
    "Scanner",
    "constant_skip_positions",
    "scan",
]
