"""Seed scans as searches: every small seed of a generator, under constant skips and offsets.

All streams of a generator are searched together: what their boundings reject is decided exactly,
since the back end tests the streams themselves. Of a seed space wider than 32 bits the seeds below
2**32 are scanned, which is what programs pass.
"""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from math import ceil, log2
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence.chance import expected_pairs
from seedfleet.evidence.start_prior import seed_odds
from seedfleet.generators import compiled
from seedfleet.recover.controls import (
    LEAST_SURVIVORS,
    PLANTED_SEEDS,
    TARGET_SURVIVORS,
    negative_control,
    positive_control,
)
from seedfleet.recover.scans.rates import scan_s
from seedfleet.recover.search import Coverage, Found, Survivor, constant_alignments
from seedfleet.recover.windows import interleaved_windows, power_of
from seedfleet.sieve import Rows, constant_skip_positions, local_backend
from seedfleet.sieve.weighing import Alignment

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from numpy.typing import NDArray

    from seedfleet.generators import Generator, Stream
    from seedfleet.recover.controls import Control
    from seedfleet.recover.scope import Scope
    from seedfleet.recover.search import Question
    from seedfleet.recover.watch import Watch
    from seedfleet.sieve import Backend

__all__ = ["SeedScan", "scan_problems", "seed_scans"]

_MAX_CHANCE_PAIRS = 1.0  # a window is as deep as it takes to leave about one false pair
_MAX_SEEDS, _SMALL_SEEDS = 2**32, 2**26
_KERNEL_S = 1.0  # to load a kernel; to compile it takes longer, once
_DEAR_S = 5.0  # from which on small seeds are scanned first
_MAX_ALIGNMENTS = 2**13  # of one scope: beyond that a pass takes days
_CLEAR_BITS = (
    20  # by which draws must over-determine the seed for a scope to be scanned with others
)
_PART_S = 4.0  # of one core at most, between two looks at the clock
_LEAST_PART, _MOST_PART = 2**10, 2**30
_FIRST_PART = 8  # times smaller: soon to know whether the machine is as fast as was thought
_CONTROL_S = 1.0
_CONTROL_SEEDS, _PLANTED_AMONG = 2**25, 2**18
_REPLICATES = 16


def seed_scans(
    streams: Iterable[Stream],
    question: Question,
    backend: Backend | None = None,
    *,
    decided: Collection[Stream] = (),
) -> tuple[SeedScan, ...]:
    """Return the scans of each generator, done by `backend`.

    The first draws at offset 0, or the one nearest to it, those at lower and at higher offsets, and
    the windows that the question's noise asks for, come as scans of their own; where offset 0 is
    the least that is asked for, also those below it at which the first draw came before all of a
    skip. Where a scan takes long, one of small seeds goes before it.

    Parameters
    ----------
    streams
        To be covered; those that lack the modulus are left out, and those with more than 2**32
        seeds that are all as likely (`evidence.start_prior`).
    decided
        Streams that another search decides from all states.
    """
    backend = backend or local_backend()
    groups: dict[Generator, list[Stream]] = {}
    for stream in streams:
        fits = stream.bounding.layout(question.modulus) is not None
        if fits and stream not in decided and _is_scanned(stream.generator):
            groups.setdefault(stream.generator, []).append(stream)
    return tuple(
        scan
        for members in groups.values()
        for scopes in _batches(question, len(_seeds(members[0].generator)))
        for scan in _passes(members, replace(question, scopes=scopes), backend)
    )


def scan_problems(question: Question) -> list[str]:
    """Say why the question's scan skips and offsets cannot be scanned; empty where they can."""
    alignments = len(question.scan_skips) * len(question.offsets)
    if alignments <= _MAX_ALIGNMENTS:
        return []
    asked = f"{len(question.scan_skips)} skips at {len(question.offsets)} offsets"
    return [f"seed scans test at most {_MAX_ALIGNMENTS} alignments, not {asked}"]


def _is_scanned(generator: Generator) -> bool:
    seeds = generator.seed_count
    return seeds <= _MAX_SEEDS or seed_odds(seeds, 0) < seed_odds(seeds, seeds - 1)


def _seeds(generator: Generator, most: int = _MAX_SEEDS) -> range:
    """Return the canonical seeds that are scanned."""
    return range(generator.seeds.start, min(generator.seeds.stop, most))


def _batches(question: Question, seeds: int) -> list[tuple[Scope, ...]]:
    """Put scopes together, but those that cannot single out a seed alone.

    They would spoil the others' filter.
    """
    clear: list[Scope] = []
    poor: list[Scope] = []
    for scope in question.scopes:
        spare_bits = scope.fitted * log2(question.modulus) - log2(seeds)
        (clear if spare_bits >= _CLEAR_BITS else poor).append(scope)
    return ([tuple(clear)] if clear else []) + [(scope,) for scope in poor]


def _passes(members: list[Stream], question: Question, backend: Backend) -> list[SeedScan]:
    """Return the scans of one generator's streams, cheapest first."""
    scan = partial(SeedScan, members, backend=backend)
    groups = _offset_groups(question.offsets)
    scans = [scan(replace(question, offsets=offsets), noise=0.0) for offsets in groups]
    # Dates, counters and what people type are small.
    few = [each.coverage.offsets for each in scans if each.coverage.cost_s > _DEAR_S]
    before = _before_skip(question)
    if before and groups[0] in few:
        few.insert(1, before)
    elif before:
        scans.append(scan(replace(question, offsets=before), noise=0.0))
    small = partial(scan, noise=question.noise, most_seeds=_SMALL_SEEDS)
    scans = [small(replace(question, offsets=offsets)) for offsets in few] + scans
    if question.noise > 0:
        noisy = scan(question, noise=question.noise)
        scans += [noisy] if noisy.coverage.windows > 1 else []
    return scans


def _offset_groups(offsets: range) -> list[range]:
    """Part the offset that is nearest to 0 from those below and those above it."""
    nearest = min(max(0, offsets.start), offsets.stop - 1)
    groups = (
        range(nearest, nearest + 1),
        range(offsets.start, nearest),
        range(nearest + 1, offsets.stop),
    )
    return [group for group in groups if group]


def _before_skip(question: Question) -> range:
    """Return the offsets at which the first draw came before all of a skip, if not asked for."""
    return range(-question.scan_skips[-1], 0) if question.offsets[0] == 0 else range(0)


class SeedScan:
    """A pass over the seeds of one generator, for all its streams, scopes, skips and offsets.

    Parameters
    ----------
    streams
        Of one generator, each with the modulus.
    noise
        Share of wrong draws for which windows are chosen; 0 looks at the first draws alone.
    most_seeds
        Only seeds below it are scanned.
    """

    def __init__(
        self,
        streams: Sequence[Stream],
        question: Question,
        *,
        backend: Backend,
        noise: float,
        most_seeds: int = _MAX_SEEDS,
    ) -> None:
        self._streams, self._question, self._backend = tuple(streams), question, backend
        generator = self._streams[0].generator
        self._seeds = _seeds(generator, most_seeds)
        self._pairs = constant_alignments(question.scan_skips, question.offsets)
        depth = self._depth()
        self._windows = [
            interleaved_windows(scope.fitted, depth, noise) for scope in question.scopes
        ]
        most = max(len(windows) for windows in self._windows)
        every = len(self._seeds) == generator.seed_count
        name = "seed scan" if every else f"scan of seeds below 2^{int(log2(most_seeds))}"
        rows = len(self._pairs) * sum(map(len, self._windows))
        seed_s = scan_s(self._streams, max(1, rows), question.modulus)
        self.coverage = Coverage(
            attack=name if most <= 1 else f"{name}, {most} windows",
            streams=self._streams,
            scopes=question.scopes,
            skips=question.scan_skips,
            offsets=question.offsets,
            space=len(self._seeds),
            draws_used=depth,
            windows=max(1, most),
            readings=len(self._streams),
            power=self._power,
            cost_s=_KERNEL_S + len(self._seeds) * seed_s,
        )
        fitting = _PART_S / (seed_s * (os.cpu_count() or 1))
        self._part_size = 2 ** int(log2(min(_MOST_PART, max(_LEAST_PART, fitting))))

    def run(self, watch: Watch) -> Found:
        """Test the seeds in ascending parts; the end comes soon after time is up."""
        space, done, parts = len(self._seeds), 0, list[Found]()

        def told(share: float) -> None:
            watch.progress((done + share * len(part)) / space)

        while done < space:
            # The same parts in every run: a back end may know some already.
            size = min(self._part_size, max(self._part_size // _FIRST_PART, done))
            part = self._seeds[done : done + size]
            parts.append(self.decide(part, told))
            done += len(part)
            if watch.expired():
                break
        survivors = tuple(survivor for part in parts for survivor in part.survivors)
        return Found(survivors, sum(part.tested for part in parts), len(survivors))

    def decide(self, seeds: range, progress: Callable[[float], None]) -> Found:
        """Test some of the seeds.

        Parameters
        ----------
        progress
            Called with the share of them that is done, in [0, 1].
        """
        if not any(self._windows):
            return Found((), 0, 0)  # no draw, nothing decided
        rows, alignments = self._rows([scope.values for scope in self._question.scopes])
        questions = [(stream, rows) for stream in self._streams]
        told = partial(_tell, progress, len(seeds) * len(questions))
        every = self._backend.scan_together(questions, seeds, progress=told)
        survivors: dict[Survivor, None] = {}
        for stream, hits in zip(self._streams, every, strict=True):
            for seed, row in zip(hits.seeds.tolist(), hits.rows.tolist(), strict=True):
                index, alignment = alignments[row]
                scope = self._question.scopes[index]
                survivors[Survivor(stream, scope, seed, alignment)] = None
        untested = sum(len(seeds) - hits.tested for hits in every)
        return Found(tuple(survivors), max(0, len(seeds) - untested), len(survivors))

    def controls(self, rng: np.random.Generator) -> tuple[Control, ...]:
        """Shuffled draws over slices of the seeds, and planted seeds in some of them.

        Where the modulus is so large that one draw leaves nothing to chance, only the latter.
        """
        return tuple(filter(None, (self._shuffled(rng), self._planted(rng))))

    def _depth(self) -> int:
        """Return how many draws leave little to chance, as far as every scope has them."""
        question = self._question
        alignments = len(question.scopes) * len(self._pairs)
        pairs = len(self._seeds) * alignments / _MAX_CHANCE_PAIRS
        wanted = max(1, ceil(log2(pairs) / log2(question.modulus)))
        return max(1, min(wanted, *(scope.fitted for scope in question.scopes)))

    def _power(self, noise: float) -> float:
        """Return the chance in the scope that has least windows."""
        return min(power_of(windows, noise) for windows in self._windows)

    def _rows(
        self, draws: Sequence[NDArray[np.int64]], only: range | None = None
    ) -> tuple[Rows, list[tuple[int, Alignment]]]:
        """Ask for the windows of each scope's draws; say which scope and alignment each row is.

        Given some draws, they are the only window instead.
        """
        chosen = (tuple(only),) if only else ()
        positions, values, alignments = [], [], []
        for index, of_scope in enumerate(draws):
            for window in np.array(chosen or self._windows[index]):
                for offset, skip in self._pairs:
                    positions.append(offset + skip + window * (skip + 1))
                    values.append(of_scope[window])
                    alignments.append((index, Alignment(offset, skip, skip)))
        modulus = self._question.modulus
        return Rows.exact(np.array(positions), np.array(values), modulus), alignments

    def _slice(self, rng: np.random.Generator, size: int) -> range:
        start = int(rng.integers(len(self._seeds) - size + 1))
        return self._seeds[start : start + size]

    def _shuffled(self, rng: np.random.Generator) -> Control | None:
        modulus = self._question.modulus
        alignments = len(self._pairs)
        affordable = int(_CONTROL_S / scan_s(self._streams[:1], alignments, modulus))
        largest = max(1, min(_CONTROL_SEEDS, affordable, len(self._seeds)) // _REPLICATES)
        depth, wanted = 1, TARGET_SURVIVORS / (_REPLICATES * alignments)
        while wanted * modulus ** (depth + 1) <= largest:
            depth += 1
        size = min(largest, ceil(wanted * modulus**depth))
        expected = expected_pairs(size * alignments, [(depth, depth)], modulus)
        if expected * _REPLICATES < LEAST_SURVIVORS:
            return None
        searchable = self._question.scopes[0].searchable
        # Small seeds may share their first word, as 32 values do for all those of pcg32: so few
        # replicates as these would tell nothing of what chance gives there.
        first = min(1, len(searchable) - depth)
        window = range(first, first + depth)
        counts, backend = [], local_backend()  # no fleet job for a handful of seeds
        for replicate in range(_REPLICATES):
            stream = self._streams[replicate % len(self._streams)]
            rows, _ = self._rows([rng.permutation(searchable)], window)
            counts.append(len(backend.scan(stream, rows, self._slice(rng, size)).seeds))
        text = f"{_REPLICATES} times {depth} shuffled draws, {size:,} seeds each"
        return negative_control(counts, expected, text=text)

    def _planted(self, rng: np.random.Generator) -> Control:
        question, found = self._question, 0
        depth = self.coverage.draws_used
        affordable = int(
            _CONTROL_S / scan_s(self._streams[:1], len(question.scan_skips), question.modulus)
        )
        size = max(1, min(_PLANTED_AMONG, affordable // PLANTED_SEEDS, len(self._seeds)))
        for planted in range(PLANTED_SEEDS):
            stream = self._streams[planted % len(self._streams)]
            seeds = self._slice(rng, size)
            seed = seeds[int(rng.integers(len(seeds)))]
            offset, skip = rng.choice(self._pairs).tolist()
            positions = constant_skip_positions(depth, skip, offset=offset)
            draws, _ = compiled.at_positions(stream, seed, question.modulus, positions)
            rows, alignments = self._rows([draws], range(depth))
            hits = local_backend().scan(stream, rows, seeds)
            pairs = zip(hits.seeds.tolist(), hits.rows.tolist(), strict=True)
            wanted = (seed, (0, Alignment(offset, skip, skip)))
            found += wanted in [(hit, alignments[row]) for hit, row in pairs]
        names = " and ".join(dict.fromkeys(stream.bounding.name for stream in self._streams))
        text = f"{PLANTED_SEEDS} seeds of {self._streams[0].generator.name} planted, {names}"
        return positive_control(found, float(PLANTED_SEEDS), text=text)


def _tell(progress: Callable[[float], None], pairs: int, decided: int) -> None:
    progress(decided / pairs)
