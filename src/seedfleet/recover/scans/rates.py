"""What a seed scan costs, for the order of searches and the budgets of runs; nothing rests on it.

Measured on slices, in seconds of one core of a 2.9 GHz machine with AVX-512.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedfleet.generators import Stream

__all__ = ["scan_s"]

# Nanoseconds for a seed without its rows, by generator, all boundings together; of a generator of
# the user's, a guess.
_SEED_NS = {
    "System.Random": 27.0,
    "glibc random TYPE_3": 30.0,
    "Go math/rand": 45.0,
    "mt19937": 33.0,
    "mt19937 of PHP 5.2.1": 25.0,
    "mt19937 of PHP 5.2.0": 25.0,
    "mt19937 by array": 73.0,
    "numpy PCG64": 38.0,
    "numpy PCG64DXSM": 38.0,
    "numpy Philox": 64.0,
    "numpy SFC64": 31.0,
    "philox4x32": 10.0,
    "V8 xorshift128": 10.0,
    "V8 xorshift128+": 10.0,
    "Lua 5.4 random": 17.0,
}
_OTHERS_NS = 1.0
# To test a word for one row, and what comes on top where the first draw passes: one time in m.
_ROW_NS, _PASSED_NS = 0.25, 33.0


def scan_s(streams: Sequence[Stream], rows: int, modulus: int) -> float:
    """Return the seconds that one seed takes on this machine's cores.

    Parameters
    ----------
    streams
        Of one generator, tested together.
    rows
        Alignments and windows tested for each of them.
    modulus
        Of the draws.
    """
    seed_ns = _SEED_NS.get(streams[0].generator.name, _OTHERS_NS)
    row_ns = _ROW_NS + _PASSED_NS / modulus
    return (seed_ns + len(streams) * rows * row_ns) * 1e-9 / (os.cpu_count() or 1)
