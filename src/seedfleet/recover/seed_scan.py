"""Seed scans as searches: every seed of a 32-bit space under a few constant skips."""

from __future__ import annotations

from dataclasses import replace
from math import log2
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence.chance import expected_pairs
from seedfleet.generators import Residue, Stream, compiled
from seedfleet.generators.boundings import MODULO, MODULO_31
from seedfleet.generators.families.mt19937 import MT19937
from seedfleet.recover.controls import (
    PLANTED_SEEDS,
    TARGET_SURVIVORS,
    negative_control,
    positive_control,
)
from seedfleet.recover.lane import lane_families
from seedfleet.recover.search import Coverage, Found, Survivor
from seedfleet.sieve import Rows, constant_skip_positions, local_backend
from seedfleet.sieve.weighing import Alignment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from seedfleet.generators import Generator
    from seedfleet.recover.controls import Control
    from seedfleet.recover.search import Question, Scope, Watch
    from seedfleet.sieve import Backend

__all__ = ["SeedScan", "scan_problems", "seed_scans"]

_MAX_CHANCE_PAIRS = 1.0  # the filter is as deep as it takes to leave about one false pair
_MAX_ALIGNMENTS = 32  # in one pass over the seeds
_MAX_SEEDS = 2**32  # a larger space would take days
_MAX_FILTER_PAIRS = 10**5  # more survivors than that are no filter
_CLEAR_BITS = 20  # by which draws must over-determine the seed for a scope to be scanned at all
_LAST_MT19937_POSITION = 226  # from there on whole states are needed, at twice the price
_LAST_WORD_POSITION = 2**16  # where a scan would take hours, not where a kernel ends
_CONTROL_SEEDS = 2**25
_REPLICATES = 16
_PLANTED_AMONG = 2**18  # seeds scanned around each planted one
# Million seeds a second on two cores, for the order of searches and nothing else.
_RATES = {MT19937: 50e6}
_WORD_RATE = 400e6
_PLAIN = {0: MODULO, 1: MODULO_31}  # by the low bits that are dropped


def seed_scans(
    streams: Iterable[Stream], question: Question, backend: Backend | None = None
) -> tuple[SeedScan, ...]:
    """Return one scan for each generator and residue that the streams share, done by `backend`.

    Streams that a lane split answers at this modulus are left to it; generators with large states
    or more than 2**32 seeds are left out.
    """
    backend = backend or local_backend()
    streams = tuple(streams)
    split = {each for family in lane_families(streams, question.modulus) for each in family.streams}
    groups: dict[tuple[Generator, int], list[Stream]] = {}
    for stream in streams:
        layout = stream.bounding.layout(question.modulus)
        if stream in split or not _is_scanned(stream.generator) or layout != (question.modulus, 1):
            continue
        shape = stream.bounding.shape(question.modulus)
        if isinstance(shape, Residue) and shape.modulus == question.modulus:
            groups.setdefault((stream.generator, shape.dropped_bits), []).append(stream)
    return tuple(
        SeedScan(
            generator,
            tuple(members),
            replace(question, scopes=scopes),
            dropped_bits=dropped,
            backend=backend,
        )
        for (generator, dropped), members in groups.items()
        for scopes in _batches(question, generator.seed_count)
    )


def _batches(question: Question, seeds: int) -> list[tuple[Scope, ...]]:
    """Share out the scopes so that each scan has at most _MAX_ALIGNMENTS alignments.

    Scopes with too few draws to single out a seed come alone, so that they spoil no other's filter.
    """
    clear: list[Scope] = []
    poor: list[Scope] = []
    for scope in question.scopes:
        spare_bits = scope.fitted * log2(question.modulus) - log2(seeds)
        (clear if spare_bits >= _CLEAR_BITS else poor).append(scope)
    size = max(1, _MAX_ALIGNMENTS // len(question.scan_skips))
    together = [tuple(clear[at : at + size]) for at in range(0, len(clear), size)]
    return together + [(scope,) for scope in poor]


def scan_problems(streams: Iterable[Stream], question: Question) -> list[str]:
    """Say why the question's scan skips cannot be scanned; empty where they can."""
    scans = seed_scans(streams, question)
    generators = {scan_.coverage.streams[0].generator for scan_ in scans}
    skips = question.scan_skips
    problems = []
    if generators and len(skips) > _MAX_ALIGNMENTS:
        problems.append(f"seed scans test at most {_MAX_ALIGNMENTS} skips, not {len(skips)}")
    for generator in sorted(generators, key=lambda each: each.name):
        reach = _reach(generator, question)
        pairs = generator.seed_count * len(skips)
        if log2(pairs) - reach * log2(question.modulus) > log2(_MAX_FILTER_PAIRS):
            last = _last_position(generator)
            problems.append(
                f"a scan of {generator.name} looks at stream positions up to {last}: with skip "
                f"{skips[-1]} these are {reach} draws modulo {question.modulus}, too few to filter "
                "seeds; give smaller scan skips"
            )
    return problems


def _is_scanned(generator: Generator) -> bool:
    """Tell whether a scan of all its seeds ends in a minute or two."""
    if generator.seed_count > _MAX_SEEDS:
        return False
    if generator.step is MT19937.step:
        return True
    with np.errstate(over="ignore"):
        return isinstance(generator.seed_state(np.uint64(1)), np.generic)


def _last_position(generator: Generator) -> int:
    """Return the last stream position that a scan of this generator can look at."""
    return _LAST_MT19937_POSITION if generator.step is MT19937.step else _LAST_WORD_POSITION


def _reach(generator: Generator, question: Question) -> int:
    """Return how many draws lie within the positions that a scan can look at."""
    return (_last_position(generator) + 1) // (question.scan_skips[-1] + 1)


class SeedScan:
    """A pass over all canonical seeds of one generator, for every scope and skip at once."""

    def __init__(
        self,
        generator: Generator,
        streams: tuple[Stream, ...],
        question: Question,
        *,
        dropped_bits: int,
        backend: Backend,
    ) -> None:
        self._generator = generator
        # Words as they come: what a bounding of the streams rejects is counted in the power.
        self._words = Stream(generator, _PLAIN[dropped_bits])
        self._backend = backend
        self._question = question
        self._alignments = [
            (scope, skip) for scope in question.scopes for skip in question.scan_skips
        ]
        pairs = generator.seed_count * len(self._alignments)
        wanted = 1
        while pairs / question.modulus**wanted > _MAX_CHANCE_PAIRS:
            wanted += 1
        depth = min(
            wanted,
            max(1, _reach(generator, question)),
            *(scope.fitted for scope in question.scopes),
        )
        self.coverage = Coverage(
            attack="seed scan",
            streams=streams,
            scopes=question.scopes,
            skips=question.scan_skips,
            space=generator.seed_count,
            draws_used=depth,
            power=self._power,
            cost_s=generator.seed_count / _RATES.get(generator, _WORD_RATE),
        )

    def run(self, watch: Watch) -> Found:
        """Test every seed under every alignment."""
        seeds = self._generator.seeds
        depth = self.coverage.draws_used
        rows = self._rows([scope.values[:depth] for scope in self._question.scopes])
        result = self._backend.scan(
            self._words, rows, seeds, progress=lambda tested: watch.progress(tested / len(seeds))
        )
        survivors = tuple(
            Survivor(stream, scope, int(seed), Alignment(0, skip, skip))
            for seed, (scope, skip) in zip(
                result.seeds, (self._alignments[row] for row in result.rows), strict=True
            )
            for stream in self.coverage.streams
        )
        return Found(survivors, result.tested, len(result.seeds))

    def controls(self, rng: np.random.Generator) -> tuple[Control, ...]:
        """Shuffled draws over slices of the seeds, and a planted seed in one of them."""
        return self._shuffled(rng), self._planted(rng)

    def _rows(self, draws: Sequence[NDArray[np.int64]]) -> Rows:
        """Ask for `draws`, one array for each scope, under every skip."""
        skips = self._question.scan_skips
        positions = [constant_skip_positions(len(row), skip) for row in draws for skip in skips]
        values = [row for row in draws for _ in skips]
        return Rows.exact(np.array(positions), np.array(values), self._question.modulus)

    def _slice(self, rng: np.random.Generator, size: int) -> range:
        seeds = self._generator.seeds
        start = int(rng.integers(len(seeds) - size + 1))
        return seeds[start : start + size]

    def _shuffled(self, rng: np.random.Generator) -> Control:
        modulus, alignments = self._question.modulus, len(self._question.scan_skips)
        largest = min(_CONTROL_SEEDS, self._generator.seed_count) // _REPLICATES
        depth = 1
        while TARGET_SURVIVORS * modulus ** (depth + 1) <= largest * _REPLICATES * alignments:
            depth += 1
        size = min(largest, -(-TARGET_SURVIVORS * modulus**depth // (_REPLICATES * alignments)))
        searchable = self._question.scopes[0].searchable
        counts, backend = [], local_backend()  # no fleet job for a handful of seeds
        for _ in range(_REPLICATES):
            draws = rng.permutation(searchable)[:depth]
            hits = backend.scan(self._words, self._rows([draws]), self._slice(rng, size))
            counts.append(len(hits.seeds))
        return negative_control(
            counts,
            expected_pairs(size * alignments, [(depth, depth)], modulus),
            text=f"{_REPLICATES} times {depth} shuffled draws, {size} seeds each",
        )

    def _planted(self, rng: np.random.Generator) -> Control:
        skips, stream = self._question.scan_skips, self.coverage.streams[0]
        found, power = 0, 0.0
        for _ in range(PLANTED_SEEDS):
            seeds = self._slice(rng, min(_PLANTED_AMONG, self._generator.seed_count))
            seed = seeds[int(rng.integers(len(seeds)))]
            row = int(rng.integers(len(skips)))
            positions = constant_skip_positions(self.coverage.draws_used, skips[row])
            draws, _ = compiled.at_positions(stream, seed, self._question.modulus, positions)
            result = local_backend().scan(self._words, self._rows([draws]), seeds)
            hits = zip(result.seeds, result.rows, strict=True)
            found += (seed, row) in {(int(hit), int(at)) for hit, at in hits}
            power += (1 - stream.bounding.rejection(self._question.modulus)) ** (
                self.coverage.draws_used * (skips[row] + 1)
            )
        return positive_control(
            found, power, text=f"{PLANTED_SEEDS} seeds of {stream.name} planted"
        )

    def _power(self, noise: float) -> float:
        """Return the chance that the draws looked at are clean and need no rejected word."""
        modulus, skips = self._question.modulus, self._question.scan_skips
        rejection = max(s.bounding.rejection(modulus) for s in self.coverage.streams)
        depth = self.coverage.draws_used
        kept = sum((1 - rejection) ** (depth * (skip + 1)) for skip in skips) / len(skips)
        return kept * (1 - noise) ** depth
