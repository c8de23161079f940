"""Variable skips as a search: every state of a power-of-two generator, from clean windows.

A window needs a run of draws recorded right. The first window is the start of the history; further
ones lie apart from each other, and then between those. Each law of skips is a search of its own,
which is weighed by what the prior stakes on that law.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, log2
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence.path_chance import WalkShape, walk_chance
from seedfleet.evidence.verdict import draws_in_principle
from seedfleet.generators import compiled
from seedfleet.recover.controls import (
    LEAST_SURVIVORS,
    PLANTED_SEEDS,
    TARGET_SURVIVORS,
    negative_control,
    positive_control,
)
from seedfleet.recover.gaps.ladder import laws_within
from seedfleet.recover.gaps.origin import streams_sighted, survivors_of
from seedfleet.recover.gaps.solver import Depth, Gaps, gap_families, solve
from seedfleet.recover.search import Coverage, Found
from seedfleet.recover.windows import chance_of_clean_window, sliding_starts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from seedfleet.generators import Stream
    from seedfleet.recover.controls import Control
    from seedfleet.recover.gaps.solver import GapFamily
    from seedfleet.recover.scope import Scope
    from seedfleet.recover.search import Question, Survivor
    from seedfleet.recover.watch import Watch

__all__ = ["GapsSearch", "searches"]

_SPARE_BITS = 16  # by which a window over-determines the state
_APART = 16  # windows of the first batch that slides
_REPLICATES = 4
_FULL_CONTROL_S = 0.05  # a window that costs more is solved for a planted seed's own pair of gaps


def searches(streams: Sequence[Stream], question: Question) -> tuple[GapsSearch, ...]:
    """Return the searches for every law, scope and family, none where they tell nothing.

    That is without a variable skip, where there are as many gaps as values, and where a window
    would take days. Where the law asked for is dear, narrower ones are searched as well.
    """
    if question.variable_skip is None:
        return ()
    least, most = question.variable_skip
    gaps = Gaps(least + 1, most + 1)
    if gaps.count == 1 or gaps.count >= question.modulus:
        return ()
    return tuple(
        search
        for family in gap_families(streams, question.modulus)
        for law in laws_within(family, gaps)
        for scope in question.scopes
        for search in _windows(family, law, scope, noise=question.noise)
    )


def _windows(family: GapFamily, gaps: Gaps, scope: Scope, *, noise: float) -> Iterator[GapsSearch]:
    """Yield the search of the first draws, and those of the windows that slide."""
    least = _least_draws(family, gaps)
    wanted = draws_in_principle(family.lcg.modulus, 1, family.modulus, gaps.count) or least
    length = max(least, min(wanted, scope.fitted))
    yield GapsSearch(family, gaps, scope, length=length, starts=(0,), noise=noise)
    apart = range(least, scope.fitted - least + 1, least)
    between = sorted({*sliding_starts(scope.fitted, least)[1:]} - {*apart[:_APART]})
    for starts in (apart[:_APART], between):
        if starts:
            yield GapsSearch(family, gaps, scope, length=least, starts=tuple(starts), noise=noise)


def _least_draws(family: GapFamily, gaps: Gaps) -> int:
    """Return how many draws leave less than one false state in ``2**_SPARE_BITS`` windows."""
    bits = family.lcg.modulus_bits - log2(gaps.count) + _SPARE_BITS
    least = ceil(bits / (log2(family.modulus) - log2(gaps.count)))
    return max(least, Depth.of(family, gaps).draws + 1)


@dataclass(frozen=True)
class _Part:
    """The watch of one window among several."""

    watch: Watch
    index: int
    count: int

    def progress(self, share: float) -> None:
        self.watch.progress((self.index + share) / self.count)

    def expired(self) -> bool:
        return self.watch.expired()


class GapsSearch:
    """All states under one law of variable skips, over windows of equal length of one scope.

    Parameters
    ----------
    gaps
        The law: more than one gap, and fewer than values.
    scope
        The draws.
    length
        Draws of a window.
    starts
        Index of each window's first draw.
    noise
        Share of draws recorded wrong.
    """

    def __init__(
        self,
        family: GapFamily,
        gaps: Gaps,
        scope: Scope,
        *,
        length: int,
        starts: tuple[int, ...],
        noise: float,
    ) -> None:
        self._family, self._gaps, self._scope, self._noise = family, gaps, scope, noise
        self._depth = Depth.of(family, gaps)
        self._length, self._starts = length, starts
        self.coverage = Coverage(
            attack="variable skip" if starts == (0,) else f"variable skip, {len(starts)} windows",
            streams=family.streams,
            scopes=(scope,),
            skips=range(0),
            variable_skip=(gaps.least - 1, gaps.most - 1),
            space=family.lcg.modulus,
            from_states=True,
            draws_used=length,
            least_draws=_least_draws(family, gaps),
            windows=len(starts),
            power=self._power,
            cost_s=0.02 + self._depth.cost_s * len(starts),
            controls_s=(_REPLICATES + PLANTED_SEEDS * self._planted_share) * self._depth.cost_s,
        )

    @property
    def _planted_share(self) -> float:
        """Of the pairs of gaps those that are solved for a planted seed: all, or its own."""
        return 1 / self._gaps.count**2 if self._depth.cost_s > _FULL_CONTROL_S else 1.0

    def run(self, watch: Watch) -> Found:
        """Decide every state and every path of gaps, from each window."""
        hits: list[tuple[int, int]] = []
        decided = Fraction(0)
        for index, start in enumerate(self._starts):
            window = self._scope.searchable[start : start + self._length]
            part = _Part(watch, index, len(self._starts))
            solved = solve(self._family, window, self._gaps, watch=part)
            hits += [(start, state) for state in solved.states]
            decided += Fraction(solved.share) / len(self._starts)
            if watch.expired():
                break
        survivors = tuple(self._survivors(hits))
        tested = int(self.coverage.space * decided)
        return Found(survivors, tested, len({survivor.start for survivor in survivors}))

    def controls(self, rng: np.random.Generator) -> tuple[Control, ...]:
        """Shuffled draws over some of the paths, and planted seeds.

        Where the modulus is so large that the lattice's draws leave nothing to chance, only the
        latter.
        """
        return tuple(filter(None, (self._shuffled(rng), self._planted(rng))))

    def _survivors(self, hits: Iterable[tuple[int, int]]) -> Iterator[Survivor]:
        draws = len(self._scope.values)
        for sighting in streams_sighted(self._family, self._gaps, draws, hits):
            yield from survivors_of(
                self._family, self._gaps, self._scope, sighting, noise=self._noise
            )

    def _power(self, noise: float) -> float:
        """Return the chance that some window has no wrong draw and no rejected word inside."""
        words = self._family.stride * (self._gaps.least + self._gaps.most) / 2
        clean = (1 - noise) * (1 - self._family.rejection) ** words
        return float(chance_of_clean_window(self._starts, self._length, np.array([clean]))[0])

    def _shuffled(self, rng: np.random.Generator) -> Control | None:
        """Cut a window so short that chance leaves a few hundred (state, tuple) pairs."""
        family, gaps, depth = self._family, self._gaps, self._depth.draws
        pairs = gaps.count**2
        tuples = float(gaps.count) ** (depth - 3)
        each = tuples * 2.0**family.lcg.modulus_bits / float(family.modulus) ** depth
        length = depth + 1
        while each * self._walk_share(length, rng)[0] > TARGET_SURVIVORS / _REPLICATES:
            length += 1
        share, error = self._walk_share(length, rng)
        chosen = min(pairs, ceil(TARGET_SURVIVORS / _REPLICATES / (each * share)))
        expected = each * share * chosen
        if expected * _REPLICATES < LEAST_SURVIVORS or length > self._scope.fitted:
            return None
        counts = []
        for _ in range(_REPLICATES):
            draws = rng.permutation(self._scope.searchable)[:length]
            first_gaps = [divmod(int(at), gaps.count) for at in rng.choice(pairs, chosen, False)]
            first_gaps = [(gaps.least + a, gaps.least + b) for a, b in first_gaps]
            counts.append(len(solve(family, draws, gaps, first_gaps=first_gaps).states))
        return negative_control(
            counts,
            expected,
            text=f"{_REPLICATES} times {length} shuffled draws, {chosen} of {pairs} pairs of gaps",
            relative_error=error,
        )

    def _walk_share(self, length: int, rng: np.random.Generator) -> tuple[float, float]:
        """Return the share of wrong states that give the draws after the lattice's, with its error.

        Of distinct draws: those that repeat by chance change it little.
        """
        count = length - self._depth.draws
        shape = WalkShape(
            draws=np.arange(count) % self._family.modulus,
            modulus=self._family.modulus,
            least_gap=self._gaps.least,
            most_gap=self._gaps.most,
            start_width=self._gaps.count,
            legs=((count, count),),
        )
        chance = walk_chance(shape, rng=rng, streams=400)
        return 2.0**chance.log2_estimate, chance.relative_error

    def _planted(self, rng: np.random.Generator) -> Control:
        family, gaps = self._family, self._gaps
        stream = family.streams[0]
        found, power = 0, 0.0
        for _ in range(PLANTED_SEEDS):
            seed = stream.generator.seeds[int(rng.integers(stream.generator.seed_count))]
            steps = rng.integers(gaps.least, gaps.most + 1, self._length)
            draws, _ = compiled.at_positions(stream, seed, family.modulus, np.cumsum(steps) - 1)
            own = [(int(steps[1]), int(steps[2]))] if self._planted_share < 1 else None
            states = solve(family, draws, gaps, first_gaps=own).states
            before = int(stream.generator.seed_state(np.uint64(seed)))
            words = (int(steps[0]) - 1) * family.stride + 1
            found += family.lcg.advance(before, words) in states
            power += (1 - family.rejection) ** (int(steps.sum()) * family.stride)
        return positive_control(
            found, power, text=f"{PLANTED_SEEDS} seeds of {stream.name} planted"
        )
