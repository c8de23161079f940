"""The one orbit of a small generator, and windows of draws looked for along it."""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.generators import Residue
from seedfleet.generators.compiled import build_kernel
from seedfleet.recover.scans._orbit_kernel import WALKERS, orbit_factory
from seedfleet.sieve import TooManyHitsError
from seedfleet.threads import ThreadPool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from seedfleet.generators import Generator, Stream

__all__ = ["OrbitHit", "Pieces", "orbit_length", "pieces"]

_MAX_STATES = 2**32
_PIECE = 2**25  # states between two looks at the clock
_ROOM = 2**12
_MAX_ROOM = 2**20


@cache
def orbit_length(generator: Generator) -> int | None:
    """Return how many states the orbit of the seeds has, if it is small and every seed is on it.

    The period is proven by jumps: it divides the number of seeds that are not degenerate, and no
    part of that by a prime.
    """
    inside = sum(seed in generator.seeds for seed in generator.degenerate_seeds)
    length = generator.seed_count - inside
    if length > _MAX_STATES or not generator.can_jump:
        return None
    start = first_state(generator)
    if not isinstance(start, np.generic) or generator.jumped(start, length) != start:
        return None
    shorter = [generator.jumped(start, length // prime) for prime in _primes_of(length)]
    return None if start in shorter else length


def first_state(generator: Generator) -> Any:
    """Return the state of the first seed, from which the orbit is counted."""
    with np.errstate(over="ignore"):
        return generator.seed_state(np.uint64(generator.seeds.start))


def _primes_of(number: int) -> list[int]:
    primes, divisor = [], 2
    while divisor * divisor <= number:
        if number % divisor == 0:
            primes.append(divisor)
        while number % divisor == 0:
            number //= divisor
        divisor += 1
    return primes + ([number] if number > 1 else [])


@dataclass(frozen=True)
class OrbitHit:
    """A state that gives a window under a skip.

    Attributes
    ----------
    index
        Steps from the first seed's state to that state, below the orbit's length.
    state
        Right before the step that makes the window's first draw.
    window, skip
        Which window it gives, and how many outputs lie between two draws.
    """

    index: int
    state: Any
    window: int
    skip: int


@dataclass(frozen=True)
class Pieces:
    """Windows of equal length to be looked for, under every one of some skips.

    Attributes
    ----------
    stream
        Its bounding is a plain remainder; its generator's states are words on one orbit.
    modulus
        Draws lie in ``[0, modulus)``.
    skips
        Constant skips, without gaps.
    draws
        int64 array, shape (windows, depth), with `least_depth` draws or more.
    """

    stream: Stream
    modulus: int
    skips: range
    draws: NDArray[np.int64]

    def hits(self, start: Any, first: int, count: int) -> list[OrbitHit]:
        """Return the hits among `count` states from `start` on, which is number `first`."""
        generator, steps = self.stream.generator, -(-count // WALKERS)
        walkers = [start]
        for _ in range(WALKERS - 1):
            walkers.append(generator.jumped(walkers[-1], steps))
        found = []
        for walker, step, window, skip in self._places(np.array(walkers), steps).tolist():
            index = walker * steps + step
            if index < count:
                state = generator.jumped(walkers[walker], step)
                found.append(OrbitHit(first + index, state, window, skip))
        return found

    def _places(self, walkers: NDArray[Any], steps: int) -> NDArray[np.int64]:
        """Return (walker, step, window, skip) of each hit, in an array of shape (n, 4)."""
        shape = self.stream.bounding.shape(self.modulus)
        dropped = shape.dropped_bits if isinstance(shape, Residue) else 0
        bounds = (steps, self.skips[0], self.skips[-1], dropped, self.modulus)
        values, rows = np.unique(self.draws, return_inverse=True)
        asked = (values.astype(np.uint32), rows.reshape(self.draws.shape).astype(np.int64))
        room = _ROOM
        while True:
            places = np.empty((room, 4), np.int64)
            found = int(_kernel(self.stream.generator)(walkers.copy(), bounds, *asked, places))
            if found <= room:
                return places[:found]
            if found > _MAX_ROOM:
                raise TooManyHitsError(_MAX_ROOM)
            room = found


@cache
def _kernel(generator: Generator) -> Callable[..., Any]:
    return build_kernel(orbit_factory, generator.step, generator.output)


def pieces(asked: Pieces, length: int) -> Iterator[tuple[int, list[OrbitHit]]]:
    """Go along the orbit on every core; yield the states that are done, and the hits in the last.

    When the caller stops, what runs is waited for.
    """
    workers = os.cpu_count() or 1
    waiting: deque[tuple[int, Future[list[OrbitHit]]]] = deque()
    start = first_state(asked.stream.generator)
    with ThreadPool(workers) as pool:
        for first in range(0, length, _PIECE):
            count = min(_PIECE, length - first)
            waiting.append((first + count, pool.submit(asked.hits, start, first, count)))
            start = asked.stream.generator.jumped(start, count)
            if len(waiting) > workers:
                done, future = waiting.popleft()
                yield done, future.result()
        for done, future in waiting:
            yield done, future.result()
