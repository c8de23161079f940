"""Histories that repeat themselves: constant, periodic, or with whole blocks drawn twice.

They are reported as what they are before any generator is looked for, since a repeat fits some
degenerate generator with any amount of evidence. What is left once the repeats are taken out is
searched as usual.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Block", "Repeats", "find_repeats"]

_CHANCE_BITS = 20.0  # a repeat counts when chance would give one in less than 2**-20 histories


@dataclass(frozen=True)
class Block:
    """A run of draws that stands in the history twice: indices of both, and the length."""

    first: int
    copy: int
    length: int


@dataclass(frozen=True)
class Repeats:
    """What repeats.

    Attributes
    ----------
    kind
        "constant", "periodic" or "repeated_blocks".
    period
        Draws of a period; None for blocks.
    blocks
        Every maximal repeated block, in order of its copy; empty unless kind is repeated_blocks.
    analysed
        ``(start, stop)``: the longest stretch of draws without the second copy of anything.
    text
        The finding as a sentence.
    """

    kind: str
    period: int | None
    blocks: tuple[Block, ...]
    analysed: tuple[int, int]
    text: str


def find_repeats(values: NDArray[np.int64], modulus: int) -> Repeats | None:
    """Return what repeats in a history, or None.

    Parameters
    ----------
    values
        int64 array, shape (n,), draws in ``[0, modulus)``.

    Notes
    -----
    O(n) expected. A block counts from the length at which chance would give a repeat in fewer than
    ``2**-20`` histories, with the values' own collision rate in place of 1/m where that is higher.
    """
    period = _period(values)
    if period is not None and (len(values) - period) * log2(modulus) < _CHANCE_BITS:
        period = None  # so short that chance may have done it
    if period == 1:
        text = f"all {len(values)} draws are {int(values[0])}"
        return Repeats("constant", 1, (), (0, 1), text)
    if period is not None:
        following = ", ".join(str(values[(len(values) + i) % period]) for i in range(3))
        text = (
            f"the draws repeat with period {period} from the first to the last; "
            f"if that goes on, the next are {following}, ..."
        )
        return Repeats("periodic", period, (), (0, period), text)
    blocks = _repeated_blocks(values, _least_length(values, modulus))
    if not blocks:
        return None
    analysed = _longest_fresh_stretch(len(values), blocks)
    total = sum(block.length for block in blocks)
    text = (
        f"{total} of {len(values)} draws repeat earlier ones in blocks of up to "
        f"{max(block.length for block in blocks)}; draws {analysed[0]} to {analysed[1] - 1} "
        "are free of copies"
    )
    return Repeats("repeated_blocks", None, tuple(blocks), analysed, text)


def _period(values: NDArray[np.int64]) -> int | None:
    """Return the least period that fits at least twice, by the prefix function; None if none."""
    n = len(values)
    listed = values.tolist()
    border = [0] * n
    length = 0
    for i in range(1, n):
        while length and listed[i] != listed[length]:
            length = border[length - 1]
        if listed[i] == listed[length]:
            length += 1
        border[i] = length
    period = n - border[-1] if n else 0
    return period if n >= 2 and 2 * period <= n else None


def _least_length(values: NDArray[np.int64], modulus: int) -> int:
    """Return the block length from which a repeat is no chance."""
    n = len(values)
    counts = np.unique(values, return_counts=True)[1].astype(float)
    collision = float((counts * (counts - 1)).sum()) / max(n * (n - 1), 1)
    bits_a_draw = -log2(min(0.999, max(collision, 1 / modulus)))
    return max(2, ceil((2 * log2(max(n, 2)) - 1 + _CHANCE_BITS) / bits_a_draw))


def _repeated_blocks(values: NDArray[np.int64], length: int) -> list[Block]:
    """Return maximal blocks of at least `length` draws that stood in the history before."""
    n = len(values)
    data = np.ascontiguousarray(values).tobytes()
    size = values.itemsize
    seen: dict[int, int] = {}  # by hash: the blocks themselves would fill the memory
    starts: dict[int, int] = {}
    for start in range(n - length + 1):
        first = seen.setdefault(hash(data[start * size : (start + length) * size]), start)
        if (
            first != start
            and (values[first : first + length] == values[start : start + length]).all()
        ):
            starts[start] = first
    blocks: list[Block] = []
    covered = 0
    for start, first in starts.items():
        if start < covered:
            continue
        end = length
        while start + end < n and values[first + end] == values[start + end]:
            end += 1
        blocks.append(Block(first, start, end))
        covered = start + end
    return blocks


def _longest_fresh_stretch(n: int, blocks: list[Block]) -> tuple[int, int]:
    """Return the longest run of indices that no block's copy touches."""
    stretches: dict[int, int] = {}
    start = 0
    for block in [*blocks, Block(n, n, 0)]:
        stretches[start] = block.copy - start
        start = max(start, block.copy + block.length)
    best = max(stretches, key=lambda key: (stretches[key], -key))
    return best, best + stretches[best]
