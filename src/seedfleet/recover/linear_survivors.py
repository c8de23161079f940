"""From a solved state to survivors: named by a seed where there is one, and tried on the draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seedfleet.generators import compiled
from seedfleet.recover.linear_states import origin_of, seed_before, start_after
from seedfleet.recover.search import Survivor
from seedfleet.sieve import constant_skip_positions
from seedfleet.sieve.weighing import Alignment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seedfleet.generators import Start, Stream
    from seedfleet.recover.linear import LinearFamily
    from seedfleet.recover.search import Scope

__all__ = ["linear_survivors", "most_matching"]


def linear_survivors(
    family: LinearFamily,
    scope: Scope,
    window: range,
    solved: tuple[tuple[int, ...], int],
    *,
    skip: int,
) -> list[Survivor]:
    """Return a survivor for each stream of a family that gives every draw of a window.

    Parameters
    ----------
    window
        Indices of its draws.
    solved
        Unknown words of a state at the start of a cycle, and how many steps it lies after the
        stream's position 0; negative where it lies before.
    """
    words, steps = origin_of(family.generator, *solved)
    survivors = []
    for stream in family.streams:
        for start, offset in _starts(stream, words, steps):
            alignment = Alignment(offset, skip, skip)
            survivor = Survivor(stream, scope, start, alignment)
            if _gives(survivor, family.modulus, window):
                survivors.append(survivor)
                break
    return survivors


def _starts(stream: Stream, words: tuple[int, ...], steps: int) -> Iterator[tuple[Start, int]]:
    """Yield a seed with its offset, where it has one, and the state itself."""
    seeded = seed_before(stream.generator, words)
    if seeded is not None:
        seed, before = seeded
        offset, rest = divmod(before + steps, stream.bounding.words)
        if rest == 0:
            yield seed, offset
    yield start_after(stream.generator, words, steps), 0


def _gives(survivor: Survivor, modulus: int, window: range) -> bool:
    """Tell whether a survivor's stream gives every draw of a window."""
    return _matches(survivor, modulus, window) == len(window)


def _matches(survivor: Survivor, modulus: int, window: range) -> int:
    alignment = survivor.alignment
    positions = constant_skip_positions(window.stop, alignment.skip_min) + alignment.offset
    values, _ = compiled.at_positions(
        survivor.stream, survivor.start, modulus, positions[window.start :]
    )
    return int((values == survivor.scope.values[window.start : window.stop]).sum())


def most_matching(survivors: list[Survivor], modulus: int) -> list[Survivor]:
    """Return those of one window that give the most of all draws that may be searched.

    A run of draws within one cycle fits several phases of it: they differ in what comes next.
    """
    matches = [_matches(each, modulus, range(each.scope.fitted)) for each in survivors]
    most = max(matches, default=0)
    return [each for each, count in zip(survivors, matches, strict=True) if count == most]
