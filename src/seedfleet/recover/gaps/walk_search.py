"""Variable skips over spaces of seeds: every seed, every path of gaps from its first outputs on.

The walk looks at the first draws of a scope, and, where draws may be wrong, at as many draws after
them: a later window would have to be reached from the seed, over ever more positions.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil, log2
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence.path_chance import WalkShape, walk_chance
from seedfleet.generators import compiled
from seedfleet.recover.controls import (
    PLANTED_SEEDS,
    TARGET_SURVIVORS,
    negative_control,
    positive_control,
)
from seedfleet.recover.search import Coverage, Found, Survivor
from seedfleet.sieve import Leg, Walk, local_backend
from seedfleet.sieve.weighing import Alignment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from seedfleet.generators import Generator, Stream
    from seedfleet.recover.controls import Control
    from seedfleet.recover.scope import Scope
    from seedfleet.recover.search import Question
    from seedfleet.recover.watch import Watch
    from seedfleet.sieve import Backend

__all__ = ["WalkSearch", "searches"]

_MAX_SEEDS = 2**32  # a larger space would take days
_SPARE_BITS = 10  # by which the draws looked at over-determine the seed
_WINDOWS = 2
_REPLICATES = 4
_CONTROL_SEEDS = 2**20
_PLANTED_AMONG = 2**12
# Positions a second on two cores, measured: states of few words, stepped side by side, and arrays.
_WORD_RATE, _ARRAY_RATE, _ARRAY_SEEDING_S = 9e9, 1e8, 0.9e-6
# Where the first draw lets more seeds pass than this, each is walked by itself: seconds a seed.
_MOST_PASSING, _ONE_BY_ONE_S = 0.25, 0.45e-6


def searches(
    streams: Sequence[Stream], question: Question, backend: Backend | None = None
) -> tuple[WalkSearch, ...]:
    """Return the searches for every scope and every stream with at most 2**32 seeds.

    There are none without a variable skip, where there are as many gaps as values, and where only
    offsets below 0 are asked for: nothing is staked on those, since a skip that varies is of any
    size before the first draw as well.
    """
    if question.variable_skip is None:
        return ()
    least, most = question.variable_skip
    if least == most or most - least + 1 >= question.modulus:
        return ()
    offsets = range(max(0, question.offsets.start), question.offsets.stop)
    if not offsets:
        return ()
    asked = replace(question, offsets=offsets)
    windows = range(_WINDOWS if question.noise > 0 else 1)
    return tuple(
        WalkSearch(stream, asked, scope, window=window, backend=backend)
        for stream in streams
        if stream.generator.seed_count <= _MAX_SEEDS
        and stream.bounding.layout(question.modulus) is not None
        for scope in question.scopes
        for window in windows
    )


class WalkSearch:
    """Every seed of one stream under a variable skip, from one window of draws.

    Parameters
    ----------
    question
        Has a variable skip, and offsets from 0 on.
    scope
        One of the question's.
    window
        0 for the first draws, 1 for as many draws after them.
    backend
        Walks the seeds; by default on the cores of this machine.
    """

    def __init__(
        self,
        stream: Stream,
        question: Question,
        scope: Scope,
        *,
        window: int = 0,
        backend: Backend | None = None,
    ) -> None:
        least, most = question.variable_skip or (0, 0)
        self._stream, self._question, self._scope = stream, question, scope
        self._gaps = (least + 1, most + 1)
        self._backend = backend or local_backend()
        width = most - least + 1
        bits = log2(stream.generator.seed_count) + log2(len(question.offsets)) + _SPARE_BITS
        depth = ceil(bits / (log2(question.modulus) - log2(width)))
        self._depth, self._first = depth, window * depth
        self.coverage = Coverage(
            attack="variable skip over seeds" + (", later window" if window else ""),
            streams=(stream,),
            scopes=(scope,),
            skips=range(0),
            variable_skip=(least, most),
            offsets=question.offsets,
            space=stream.generator.seed_count,
            draws_used=depth,
            least_draws=self._first + depth,
            power=self._power,
            cost_s=self._cost_s(),
        )

    def run(self, watch: Watch) -> Found:
        """Walk every seed, in parts, until time is up."""
        seeds = self._stream.generator.seeds
        draws = self._scope.searchable[self._first : self._first + self._depth]
        walk, tested, survivors = self._walk(draws, [self._start()]), 0, list[Survivor]()
        part = -(-len(seeds) // 64)
        for start in range(0, len(seeds), part):
            some = seeds[start : start + part]
            hits = self._backend.walk(self._stream, walk, some)
            tested += hits.tested
            survivors += [self._survivor(int(seed)) for seed in hits.seeds]
            watch.progress(tested / len(seeds))
            if watch.expired():
                break
        return Found(tuple(survivors), tested, len(survivors))

    def controls(self, rng: np.random.Generator) -> tuple[Control, ...]:
        """Shuffled draws over slices of the seeds, and planted seeds among others."""
        return self._shuffled(rng), self._planted(rng)

    def _start(self, window: int | None = None) -> tuple[int, int]:
        """Return the first and the last position that the first draw of the window may have."""
        offsets, before = self._question.offsets, (self._first if window is None else window) + 1
        least, most = self._gaps
        return offsets[0] + before * least - 1, offsets[-1] + before * most - 1

    def _walk(self, draws: NDArray[np.int64], starts: Sequence[tuple[int, int]]) -> Walk:
        legs = (Leg(len(draws), len(draws)),)
        return Walk(np.array(starts), draws, self._question.modulus, *self._gaps, legs)

    def _survivor(self, seed: int) -> Survivor:
        """Name a seed with the least offset from which the window can be reached."""
        offsets, (least, most) = self._question.offsets, self._gaps
        shift = (self._first + 1) * least - 1, (self._first + 1) * most - 1
        starts = [(offset + shift[0], offset + shift[1]) for offset in offsets]
        draws = self._scope.searchable[self._first : self._first + self._depth]
        hits = local_backend().walk(self._stream, self._walk(draws, starts), range(seed, seed + 1))
        alignment = Alignment(offsets[int(hits.rows[0])], least - 1, most - 1)
        return Survivor(self._stream, self._scope, seed, alignment)

    def _power(self, noise: float) -> float:
        """Return the chance that every draw looked at is recorded right."""
        return float((1 - noise) ** self._depth)

    def _cost_s(self) -> float:
        """Return the positions that are stepped through, times what each costs."""
        generator = self._stream.generator
        words = self._stream.bounding.words * (self._start()[1] + self._gaps[1])
        if _steps_side_by_side(generator):
            least, most = self._gaps
            few_pass = (most - least + 1) / self._question.modulus <= _MOST_PASSING
            return generator.seed_count * (words / _WORD_RATE if few_pass else _ONE_BY_ONE_S)
        return generator.seed_count * (_ARRAY_SEEDING_S + words / _ARRAY_RATE)

    def _shuffled(self, rng: np.random.Generator) -> Control:
        generator, modulus = self._stream.generator, self._question.modulus
        size = min(_CONTROL_SEEDS, generator.seed_count) // _REPLICATES
        if not _steps_side_by_side(generator):
            size //= 2**6
        counts, depth = [], 1
        while True:
            draws = [rng.permutation(self._scope.searchable)[:depth] for _ in range(_REPLICATES)]
            shares = [self._passing(each, rng) for each in draws]
            expected = size * sum(share for share, _ in shares) / _REPLICATES
            if expected * _REPLICATES <= TARGET_SURVIVORS or depth == self._scope.fitted:
                break
            depth += 1
        for each in draws:
            start = int(rng.integers(generator.seed_count - size + 1))
            some = generator.seeds[start : start + size]
            walk = self._walk(each, [self._start(0)])
            counts.append(len(local_backend().walk(self._stream, walk, some).seeds))
        return negative_control(
            counts,
            expected,
            text=f"{_REPLICATES} times {depth} shuffled draws modulo {modulus}, "
            f"{size:,} seeds each",
            relative_error=max(error for _, error in shares),
        )

    def _passing(self, draws: NDArray[np.int64], rng: np.random.Generator) -> tuple[float, float]:
        """Return the share of wrong seeds that pass, with its relative error."""
        first, last = self._start(0)
        shape = WalkShape(
            draws, self._question.modulus, *self._gaps, last - first + 1, ((len(draws),) * 2,)
        )
        chance = walk_chance(shape, rng=rng, streams=400)
        return 2.0**chance.log2_estimate, chance.relative_error

    def _planted(self, rng: np.random.Generator) -> Control:
        generator, found = self._stream.generator, 0
        least, most = self._gaps
        for _ in range(PLANTED_SEEDS):
            size = min(_PLANTED_AMONG, generator.seed_count)
            start = int(rng.integers(generator.seed_count - size + 1))
            seeds = generator.seeds[start : start + size]
            seed = seeds[int(rng.integers(size))]
            steps = rng.integers(least, most + 1, self._first + self._depth)
            steps[0] += int(rng.choice(self._question.offsets))
            draws, _ = compiled.at_positions(
                self._stream, seed, self._question.modulus, np.cumsum(steps) - 1
            )
            walk = self._walk(draws[self._first :], [self._start()])
            hits = local_backend().walk(self._stream, walk, seeds)
            found += seed in hits.seeds.tolist()
        text = f"{PLANTED_SEEDS} seeds of {self._stream.name} planted"
        return positive_control(found, PLANTED_SEEDS, text=text)


def _steps_side_by_side(generator: Generator) -> bool:
    """Tell whether states are few words, of which a walk steps many at once."""
    with np.errstate(over="ignore"):
        return not isinstance(generator.seed_state(np.uint64(1)), np.ndarray)
