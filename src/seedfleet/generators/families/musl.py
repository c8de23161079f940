"""rand() of musl, the C library of Alpine Linux.

State
    64 bits; ``state -> 6364136223846793005 * state + 1 mod 2**64``; the output word is
    ``state >> 33``, 31 bits. Full period 2**64, of which 2**32 states are seeds.
Seeding
    ``srand(seed)``: the state is the seed less one, in 32 unsigned bits.
Compatibility guarantee
    None is given in writing. Compared with musl 1.2.3.
Source
    The multiplier is Knuth's for MMIX: The Art of Computer Programming, volume 2, 3rd edition,
    section 3.3.4, table 1.
"""

from __future__ import annotations

from typing import Any

from numpy import uint32, uint64

from seedfleet.generators.algebra import Leap, PowerOfTwoLcg
from seedfleet.generators.boundings import MODULO
from seedfleet.generators.definition import Generator, Preset, Stream

__all__ = ["MUSL", "PRESETS"]

_MULTIPLIER = uint64(6364136223846793005)


def _seed_state(seed: Any) -> Any:
    return uint64(uint32(uint32(seed) - uint32(1)))


def _step(state: Any) -> Any:
    return state * _MULTIPLIER + uint64(1)


def _output(state: Any) -> Any:
    return uint32(state >> uint64(33))


def _leap(state: Any, multiplier: Any, increment: Any) -> Any:
    return state * multiplier + increment


_ALGEBRA = PowerOfTwoLcg(int(_MULTIPLIER), 1, 64, 33, lambda state: (state + 1) % 2**32)

# Not its `lcg`: the low words of a lane split would have more bits than a seed has.
MUSL = Generator(
    name="musl",
    seeds=range(2**32),
    seed_modulus=2**32,
    seed_bits=32,
    seed_state=_seed_state,
    step=_step,
    output=_output,
    output_bits=31,
    leap=Leap(_ALGEBRA.jump, _leap),
)

PRESETS = (
    Preset(
        "musl_rand",
        "musl rand() % m",
        "musl 1.2",
        Stream(MUSL, MODULO),
        "srand({seed}); rand() % {m}",
        "c",
    ),
)
