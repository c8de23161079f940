"""Go's math/rand: the additive lagged Fibonacci generator with lags 607 and 273.

State
    607 words of 64 bits and the position of the next one; ``x_n = x_(n-607) + x_(n-273)`` modulo
    2**64. Only the low 63 bits of a word are used by ``Int63`` and what is built on it.
Seeding
    ``rand.NewSource(seed)``: the seed modulo 2**31 - 1, with 89482311 in place of 0. Each word
    xors three of its followers under ``x -> 48271 x mod (2**31 - 1)``, shifted by 40, 20 and 0
    bits, with a word of a fixed table. That table is itself a state of this generator: the one
    7.8e12 steps from seed 1 with shifts of 20, 10 and 0, and no table. It is computed here.
Compatibility guarantee
    The Go 1 promise as its tests keep it: a seeded math/rand gives the same numbers in every
    version of Go 1. math/rand/v2 is another package.
Source
    Mitchell and Reeds, whose generator Plan 9 and Go took over; Knuth, The Art of Computer
    Programming 2, 3rd edition, section 3.2.2, algorithm A (with lags 55 and 24).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import uint64

from seedfleet.generators.algebra import EarlyWords
from seedfleet.generators.boundings import GO_INT31N
from seedfleet.generators.compiled import jitable
from seedfleet.generators.definition import Generator, Preset, Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["GO_RAND", "PRESETS"]

_SIZE = 607
_SEPARATION = 273
_FEED = _SIZE - _SEPARATION
_MODULUS = uint64(2**31 - 1)
_MULTIPLIER = uint64(48271)
_FOR_ZERO = uint64(89482311)
_WARM_UP = 20
_LANES = 512
_COOKED_STEPS = 7_800_000_000_000


def _step(state: Any) -> Any:
    position = int(state[_SIZE])
    state[position] = uint64(state[position] + state[(position + _FEED) % _SIZE])
    state[_SIZE] = (position + 1) % _SIZE
    return state


def _output(state: Any) -> Any:
    return state[(int(state[_SIZE]) + _SIZE - 1) % _SIZE]


def _place(index: Any) -> Any:
    """Return where Go's word `index` stands here: Go goes through its words downwards."""
    return (_FEED - 1 - index) % _SIZE


def _residue(seed: Any) -> Any:
    """Return ``seed mod (2**31 - 1)`` of a signed seed, with the number that Go has for 0."""
    folded = (uint64(seed) & _MODULUS) + (uint64(seed) >> uint64(31))
    if uint64(seed) >> uint64(63) > 0:
        folded += _MODULUS - uint64(4)  # 2**64 less, which is 4
    folded = _folded(_folded(folded))
    return _FOR_ZERO if folded == 0 else folded


def _folded(number: Any) -> Any:
    """Bring a number below 2**62 nearer to, and one below 2**32 within ``[0, 2**31 - 1)``."""
    folded = (number & _MODULUS) + (number >> uint64(31))
    return folded - _MODULUS if folded >= _MODULUS else folded


def _chain_words(seed: Any, high: Any, middle: Any) -> Any:
    """Return the state before the table is mixed in.

    `high` and `middle` are the shifts of the first and the second number of each word.
    """
    state = np.zeros(_SIZE + 1, dtype=uint64)  # the last element is the position
    link = _residue(seed)
    for _link in range(_WARM_UP):
        link = link * _MULTIPLIER % _MODULUS
    for index in range(_SIZE):
        first = link * _MULTIPLIER % _MODULUS
        second = first * _MULTIPLIER % _MODULUS
        link = second * _MULTIPLIER % _MODULUS
        state[_place(index)] = first << uint64(high) ^ second << uint64(middle) ^ link
    return state


def _reduced(polynomial: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the remainder by ``z**607 - z**334 - 1``, which the recurrence makes 0."""
    while len(polynomial) > _SIZE:
        low, high = polynomial[:_SIZE], polynomial[_SIZE:]
        polynomial = np.zeros(max(_SIZE, len(high) + _FEED), dtype=np.uint64)
        polynomial[:_SIZE] = low
        polynomial[: len(high)] += high
        polynomial[_FEED : _FEED + len(high)] += high
    return polynomial


def _power(steps: int) -> NDArray[np.uint64]:
    """Return ``z**steps``: x_steps as a combination of x_0 to x_606."""
    power = np.zeros(_SIZE, dtype=np.uint64)
    power[0] = 1
    for bit in f"{steps:b}":
        power = _reduced(np.convolve(power, power))
        if bit == "1":
            power = _reduced(np.concatenate([np.zeros(1, np.uint64), power]))
    return power


def _jump(state: Any, steps: int) -> Any:
    position = int(state[_SIZE])
    words = np.roll(state[:_SIZE], -position)
    ahead = np.concatenate([words, np.zeros(_SIZE - 1, dtype=np.uint64)])
    for index in range(_SIZE, len(ahead)):
        ahead[index] = ahead[index - _SIZE] + ahead[index - _SEPARATION]
    position = (position + steps) % _SIZE
    after = np.convolve(ahead, _power(steps)[::-1], mode="valid")
    return np.append(np.roll(after, position), np.uint64(position))


_COOKED: NDArray[np.uint64] = _jump(_chain_words(np.uint64(1), 20, 10), _COOKED_STEPS)[:_SIZE]


def _seed_state(seed: Any) -> Any:
    state = _chain_words(seed, 40, 20)
    for index in range(_SIZE):
        state[index] = state[index] ^ _COOKED[index]
    return state


def _doubles(seed: int) -> tuple[int, ...]:
    return (0,) if seed == int(_FOR_ZERO) else ()


def _early_factory(  # noqa: C901 - its inner functions are counted in
    digest: str, residue: Callable[..., Any], folded: Callable[..., Any]
) -> Callable[..., Any]:
    """Return ``fill`` of `EarlyWords`: words as sums of initial ones, each one a leap away."""

    @jitable
    def multipliers() -> Any:
        """Return what takes the seed to the first number of each initial word."""
        ahead = np.empty(_SIZE, np.uint64)
        power = uint64(1)
        for _step in range(_WARM_UP + 1):
            power = power * _MULTIPLIER % _MODULUS
        for index in range(_SIZE):
            ahead[_place(index)] = power
            for _step in range(3):
                power = power * _MULTIPLIER % _MODULUS
        return ahead

    @jitable
    def add_initial(links: Any, multiplier: Any, cooked: Any, sums: Any) -> None:
        for lane in range(_LANES):
            one = folded(folded(links[lane] * multiplier))
            two = folded(one * _MULTIPLIER)
            three = folded(two * _MULTIPLIER)
            sums[lane] += (one << uint64(40)) ^ (two << uint64(20)) ^ three ^ cooked

    @jitable
    def add_terms(position: Any, links: Any, ahead: Any, sums: Any) -> None:
        """Add up the initial words that output word `position` is the sum of."""
        at = position
        while True:
            add_initial(links, ahead[at], _COOKED[at], sums)
            at += _FEED
            if at < _SIZE:
                break
            at -= _SIZE  # a word renewed before, which is a sum itself
        add_initial(links, ahead[at], _COOKED[at], sums)

    def fill(first: Any, positions: Any, words: Any) -> None:
        _ = digest
        ahead = multipliers()
        links, sums = np.empty(_LANES, np.uint64), np.empty(_LANES, np.uint64)
        for base in range(0, words.shape[1], _LANES):
            for lane in range(_LANES):
                links[lane] = residue(first + uint64(base) + uint64(lane))
            for place in range(len(positions)):
                sums[:] = uint64(0)
                add_terms(positions[place], links, ahead, sums)
                for lane in range(min(_LANES, words.shape[1] - base)):
                    words[place, base + lane] = sums[lane]

    return fill


GO_RAND = Generator(
    name="Go math/rand",
    seeds=range(1, 2**31 - 1),
    seed_modulus=2**31 - 1,
    seed_bits=64,
    seed_state=_seed_state,
    step=_step,
    output=_output,
    output_bits=64,
    jump=_jump,
    doubles=_doubles,
    early=EarlyWords(_SIZE, _early_factory, (_residue, _folded)),
)

PRESETS = (
    Preset(
        "go_intn",
        "Go math/rand Intn(m)",
        "Go 1, every version, of math/rand; not of math/rand/v2",
        Stream(GO_RAND, GO_INT31N),
        "r := rand.New(rand.NewSource({seed})); r.Intn({m})",
        "go",
    ),
)
