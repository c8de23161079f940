"""The GNU C library's rand: its additive generator (TYPE_3) and the linear one (TYPE_0).

State
    TYPE_3: 31 words of 32 bits and the position of the next one; ``x_i = x_(i-31) + x_(i-3)``
    modulo 2**32, of which the low bit is dropped. TYPE_0: 31 bits,
    ``state -> 1103515245 * state + 12345 mod 2**31``, which are the output word.
Seeding
    ``srand(0)`` is ``srand(1)``. TYPE_3: word 0 is the seed, the others follow from it by
    ``16807 x mod (2**31 - 1)`` from the signed seed, then 310 words are thrown away. TYPE_0, which
    ``initstate`` chooses for a state of 8 to 31 bytes: the seed is the state.
Compatibility guarantee
    None by POSIX. The values have not changed in 30 years of glibc.
Source
    The GNU C Library Reference Manual, "BSD Random"; `random_r(3)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import int32, int64, uint32, uint64

from seedfleet.generators.algebra import EarlyWords, Leap, PowerOfTwoLcg
from seedfleet.generators.boundings import MODULO
from seedfleet.generators.compiled import jitable
from seedfleet.generators.definition import Generator, Preset, Stream

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["GLIBC_RAND", "GLIBC_RAND_TYPE0", "PRESETS"]

_SIZE = 31
_SEPARATION = 3
_DISCARDED = 10 * _SIZE
_MULTIPLIER = uint32(1103515245)
_INCREMENT = uint32(12345)
_MASK = uint32(2**31 - 1)
_EARLY = 1024
_LANES = 128  # 31 words of so many stay in the first-level cache


def _nonzero(seed: Any) -> Any:
    return uint32(1) if uint32(seed) == 0 else uint32(seed)


def _residue(seed: Any) -> Any:
    """Return a 32-bit seed, which counts as signed, modulo 2**31 - 1."""
    signed = int64(int32(seed))
    lifted = signed + int64(_MASK) if signed < 0 else signed
    return uint32(lifted + int64(_MASK) if lifted < 0 else lifted % int64(_MASK))


def _next_initial(previous: Any) -> Any:
    """Return ``16807 * previous mod (2**31 - 1)`` of a number below 2**31 - 1."""
    product = uint64(previous) * uint64(16807)
    folded = uint32((product & uint64(_MASK)) + (product >> uint64(31)))
    return uint32(folded - _MASK) if folded >= _MASK else folded


def _seed_state(seed: Any) -> Any:
    state = np.zeros(_SIZE + 1, dtype=uint32)  # the last element is the position
    state[0] = _nonzero(seed)
    link = _residue(state[0])
    for index in range(1, _SIZE):
        link = _next_initial(link)
        state[index] = link
    state[_SIZE] = _SEPARATION
    for _word in range(_DISCARDED):
        state = _step(state)
    return state


def _step(state: Any) -> Any:
    position = int(state[_SIZE])
    earlier = (position + _SIZE - _SEPARATION) % _SIZE
    state[position] = uint32(state[position] + state[earlier])
    state[_SIZE] = (position + 1) % _SIZE
    return state


def _output(state: Any) -> Any:
    return uint32(state[(int(state[_SIZE]) + _SIZE - 1) % _SIZE] >> uint32(1))


def _early_factory(  # noqa: C901 - its inner functions are counted in
    digest: str,
    nonzero: Callable[..., Any],
    residue: Callable[..., Any],
    next_initial: Callable[..., Any],
) -> Callable[..., Any]:
    """Return ``fill`` of `EarlyWords`: 31 words of many seeds, row by row."""
    lanes = uint64(_LANES)

    @jitable
    def initial(first: Any, rows: Any) -> None:
        for lane in range(lanes):
            rows[lane] = residue(nonzero(first + lane))
        for index in range(1, _SIZE):
            at = uint64(index) * lanes
            for lane in range(lanes):
                rows[at + lane] = next_initial(rows[at - lanes + lane])
        for lane in range(lanes):
            rows[lane] = nonzero(first + lane)

    @jitable
    def advance(turn: Any, rows: Any) -> Any:
        """Renew a word, and return where it stands."""
        at = uint64((turn + _SEPARATION) % _SIZE) * lanes
        earlier = uint64(turn % _SIZE) * lanes
        for lane in range(lanes):
            rows[at + lane] = uint32(rows[at + lane] + rows[earlier + lane])
        return at

    def fill(first: Any, positions: Any, words: Any) -> None:
        _ = digest
        rows = np.empty(_SIZE * _LANES, uint32)
        for base in range(0, words.shape[1], _LANES):
            initial(first + uint64(base), rows)
            reached = 0
            for place in range(len(positions)):
                at = uint64(0)
                while reached < positions[place] + _DISCARDED + 1:
                    at = advance(reached, rows)
                    reached += 1
                for lane in range(min(_LANES, words.shape[1] - base)):
                    words[place, base + lane] = rows[at + uint64(lane)] >> uint32(1)

    return fill


def _seed_state_type0(seed: Any) -> Any:
    return uint32(_nonzero(seed) & _MASK)


def _step_type0(state: Any) -> Any:
    return uint32(uint32(state * _MULTIPLIER + _INCREMENT) & _MASK)


def _output_type0(state: Any) -> Any:
    return state


def _leap_type0(state: Any, multiplier: Any, increment: Any) -> Any:
    return uint32((uint64(state) * multiplier + increment) & uint64(2**31 - 1))


def _seed_of_state(state: int) -> int:
    return state or 2**31


_LCG = PowerOfTwoLcg(1103515245, 12345, 31, 0, _seed_of_state)


def _doubles(seed: int) -> tuple[int, ...]:
    return (0,) if seed == 1 else ()


def _doubles_type0(seed: int) -> tuple[int, ...]:
    return _doubles(seed) if seed == 2**31 else (*_doubles(seed), seed + 2**31)


GLIBC_RAND = Generator(
    name="glibc random TYPE_3",
    seeds=range(1, 2**32),
    seed_modulus=2**32,
    seed_bits=32,
    seed_state=_seed_state,
    step=_step,
    output=_output,
    output_bits=31,
    doubles=_doubles,
    early=EarlyWords(_EARLY, _early_factory, (_nonzero, _residue, _next_initial)),
)
GLIBC_RAND_TYPE0 = Generator(
    name="glibc random TYPE_0",
    # Only seed 2**31 and its like lead to state 0: seed 0 becomes 1.
    seeds=range(1, 2**31 + 1),
    seed_modulus=2**32,
    seed_bits=32,
    seed_state=_seed_state_type0,
    step=_step_type0,
    output=_output_type0,
    output_bits=31,
    doubles=_doubles_type0,
    lcg=_LCG,
    leap=Leap(_LCG.jump, _leap_type0),
)


def _set_state(words: tuple[int, ...]) -> str:
    # The word ahead of the state holds its type and the place of the rear pointer.
    rear = (words[-1] + _SIZE - _SEPARATION) % _SIZE
    listed = ", ".join(f"{word}u" for word in (5 * rear + 3, *words[:-1]))
    return f"uint32_t state[] = {{{listed}}}; setstate((char *) state)"


PRESETS = (
    Preset(
        "glibc_rand",
        "C rand() % m",
        "glibc, also random() after srandom()",
        Stream(GLIBC_RAND, MODULO),
        "srand({seed}); rand() % {m}",
        "c",
        _set_state,
    ),
    Preset(
        "glibc_rand_type0",
        "C rand() % m with 8 bytes of state",
        "glibc, after initstate() with 8 to 31 bytes",
        Stream(GLIBC_RAND_TYPE0, MODULO),
        "char state[8]; initstate({seed}, state, 8); rand() % {m}",
        "c",
    ),
)
