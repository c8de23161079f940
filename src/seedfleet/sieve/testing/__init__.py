"""What back ends are held to: the contract suite, for those in this package and for your own."""

from seedfleet.sieve.testing.brute_force import scanned, walked
from seedfleet.sieve.testing.contract import (
    BrokenLawError,
    check_backend,
    check_scan,
    check_together,
    check_walk,
)

__all__ = [
    "BrokenLawError",
    "check_backend",
    "check_scan",
    "check_together",
    "check_walk",
    "scanned",
    "walked",
]
