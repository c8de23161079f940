"""Many steps at once, for steps that are linear modulo a number or over GF(2).

A linear step repeated is a linear step, so its powers of two are found by doubling, and any number
of steps is a product of O(log(steps)) of them.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["affine_power", "linear_jump"]


def affine_power(multiplier: int, increment: int, modulus: int, steps: int) -> tuple[int, int]:
    """Return ``(a, c)`` such that ``steps`` steps are ``state -> a * state + c mod modulus``.

    Parameters
    ----------
    multiplier, increment
        One step is ``state -> multiplier * state + increment mod modulus``.
    steps
        Any integer; negative values step backwards, where `multiplier` has an inverse.
        O(log(steps)).
    """
    if steps < 0:
        multiplier = pow(multiplier, -1, modulus)
        increment = -multiplier * increment % modulus
        steps = -steps
    total_multiplier, total_increment = 1, 0
    while steps:
        if steps & 1:
            total_multiplier = total_multiplier * multiplier % modulus
            total_increment = (total_increment * multiplier + increment) % modulus
        increment = increment * (multiplier + 1) % modulus
        multiplier = multiplier * multiplier % modulus
        steps >>= 1
    return total_multiplier, total_increment


def _image(columns: tuple[int, ...], vector: int) -> int:
    """Multiply a matrix over GF(2), given by its columns, with a vector of bits."""
    image = 0
    while vector:
        lowest = vector & -vector
        image ^= columns[lowest.bit_length() - 1]
        vector ^= lowest
    return image


def linear_jump(step: Callable[[Any], Any], word: Any, words: int) -> Callable[[Any, int], Any]:
    """Return ``jump(state, steps)`` for a step that is linear over GF(2).

    Parameters
    ----------
    step
        Maps a tuple of `words` words to one; ``step(a ^ b) == step(a) ^ step(b)``.
    word
        The words' type, ``numpy.uint32`` or ``numpy.uint64``.

    Returns
    -------
    Callable
        For `steps` from 0 on. O(log(steps)) products of a matrix with a vector; the first jump of
        so many binary digits also squares a matrix for each of them, a few milliseconds.
    """
    width = 8 * word(0).itemsize

    def packed(state: Any) -> int:
        return sum(int(each) << (width * index) for index, each in enumerate(state))

    def unpacked(vector: int) -> Any:
        return tuple(word(vector >> (width * index) & (2**width - 1)) for index in range(words))

    @cache
    def columns(doublings: int) -> tuple[int, ...]:
        """Return the matrix of ``2**doublings`` steps."""
        if doublings == 0:
            return tuple(packed(step(unpacked(1 << bit))) for bit in range(width * words))
        half = columns(doublings - 1)
        return tuple(_image(half, column) for column in half)

    def jump(state: Any, steps: int) -> Any:
        vector = packed(state)
        for doublings in range(steps.bit_length()):
            if steps >> doublings & 1:
                vector = _image(columns(doublings), vector)
        return unpacked(vector)

    return jump
