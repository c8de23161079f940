"""What is too little to tell two readings of the same draws apart."""

from __future__ import annotations

__all__ = ["LEAST_GAIN_BITS", "NEAR_DRAWS"]

LEAST_GAIN_BITS = 7.0  # by which one must beat the other, all that was tried counted: odds of 100
NEAR_DRAWS = 3  # by which an end of a stretch may be off, since a wrong stream matches by chance
