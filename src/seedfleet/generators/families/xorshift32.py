"""Marsaglia's 32-bit xorshift with shifts 13, 17, 5.

State
    One nonzero 32-bit word, which is also the output. All nonzero states lie on one cycle.
Seeding
    The seed modulo 2**32 is the state; seed 0 gives the constant stream 0 and is left out.
Source
    Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8(14), 2003, page 4.
"""

from __future__ import annotations

from typing import Any

from numpy import uint32

from seedfleet.generators.boundings import MODULO
from seedfleet.generators.definition import Generator, Preset, Stream

__all__ = ["PRESETS", "XORSHIFT32"]


def _seed_state(seed: Any) -> Any:
    return uint32(seed)


def _step(state: Any) -> Any:
    state = uint32(state ^ (state << uint32(13)))
    state = uint32(state ^ (state >> uint32(17)))
    return uint32(state ^ (state << uint32(5)))


def _output(state: Any) -> Any:
    return state


XORSHIFT32 = Generator(
    name="xorshift32",
    seeds=range(1, 2**32),
    seed_modulus=2**32,
    seed_bits=32,
    seed_state=_seed_state,
    step=_step,
    output=_output,
    degenerate_seeds=(0,),
)

PRESETS = (
    Preset(
        "xorshift32",
        "xorshift32 % m",
        "classic table",
        Stream(XORSHIFT32, MODULO),
        "s = {seed}; s = xorshift32(s); s % {m}",
    ),
)
