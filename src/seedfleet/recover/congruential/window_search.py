"""Searches that solve for a state from a window of draws, under every constant skip.

One wrong draw breaks such an attack, so windows slide until one is clean. A state at a window is
walked back to the beginning of its scope, and named by a seed where one leads there.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property, partial
from math import ceil, log2
from threading import Event
from typing import TYPE_CHECKING, Protocol

import numpy as np

from seedfleet.generators import AtState, compiled
from seedfleet.recover.congruential.seeds_before import likeliest_seed, seed_before
from seedfleet.recover.controls import PLANTED_SEEDS, positive_control
from seedfleet.recover.search import Coverage, Found, Survivor
from seedfleet.recover.windows import chance_of_clean_window, window_batches
from seedfleet.sieve import constant_skip_positions
from seedfleet.sieve.weighing import Alignment
from seedfleet.threads import ThreadPool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from seedfleet.generators import PowerOfTwoLcg, Stream
    from seedfleet.recover.congruential.jumps import Observations
    from seedfleet.recover.congruential.seeds_before import SeedBefore
    from seedfleet.recover.controls import Control
    from seedfleet.recover.scope import Scope
    from seedfleet.recover.search import Question
    from seedfleet.recover.watch import Watch

__all__ = ["WindowFamily", "WindowSearch", "window_searches"]

_SPARE_BITS = 10  # by which a window over-determines the state
_DEAR_S = 120.0  # for a window under all skips, above which the likely ones come first
_SAMPLED_SKIPS = 8  # skips over which the power is averaged, from the least to the greatest
_DRAWS_AFTER = 50  # of a planted seed, which what was found must draw as well
_NEAR_OUTPUTS = 1024  # within which a seed is looked for: one state of srand48 in 64 has one there
_REPORTED = 16  # plans between two words about progress


class WindowFamily(Protocol):
    """Streams that show the same of the same states, and how states follow from what they show.

    Attributes
    ----------
    attack
        Name of the method.
    streams
        The streams; they differ in how a seed becomes a state, and in what they reject.
    lcg
        The algebra of the state bits that the draws ever show: no more than those are solved for.
    modulus, radix
        Of a draw, and of a part of it.
    draw_words
        Output words that a draw takes, without those rejected.
    rejection
        Largest share of words that one of the streams rejects.
    """

    @property
    def attack(self) -> str: ...  # noqa: D102
    @property
    def streams(self) -> tuple[Stream, ...]: ...  # noqa: D102
    @property
    def lcg(self) -> PowerOfTwoLcg: ...  # noqa: D102
    @property
    def modulus(self) -> int: ...  # noqa: D102
    @property
    def radix(self) -> int: ...  # noqa: D102
    @property
    def draw_words(self) -> int: ...  # noqa: D102
    @property
    def rejection(self) -> float: ...  # noqa: D102

    def observations(self, skip: int, draws: int) -> Observations:
        """Return where so many successive draws lie under `skip`."""

    def states(
        self,
        observations: Observations,
        draws: NDArray[np.int64],
        stop: Callable[[], bool] | None = None,
    ) -> list[int]:
        """Return the states at the first observed word that give these draws."""

    def found_share(self, observations: Observations) -> float:
        """Return the share of planted states that `states` finds."""

    def cost_s(self, draws: int, skips: int, windows: int) -> float:
        """Estimate the seconds that so many windows of `draws` take on two cores."""

    def comfortable_draws(self, least: int) -> tuple[int, int]:
        """Return how long the first window should be, and how long one of many; `least` do."""

    def shuffled(
        self, searchable: NDArray[np.int64], skips: range, rng: np.random.Generator
    ) -> tuple[Control, ...]:
        """Run the kernels on shuffled draws, where chance leaves something to count."""


def window_searches(family: WindowFamily, question: Question) -> tuple[WindowSearch, ...]:
    """Return the searches of a family for every scope of a question.

    Of each scope first a window at its beginning, enough where draws are recorded right, then up to
    three batches of sliding windows, few far-apart ones first, since moderate noise leaves one of
    those clean.
    """
    least = _least_draws(family, question)
    first, short = (max(least, draws) for draws in family.comfortable_draws(least))
    searches = []
    for scope in question.scopes:
        chosen = partial(WindowSearch, family, question, scope, least_draws=least)
        length = max(2, min(first, scope.fitted))
        if family.cost_s(first, len(question.skips), 1) > _DEAR_S:
            few = replace(question, skips=question.scan_skips)
            searches.append(
                WindowSearch(family, few, scope, length=length, starts=(0,), least_draws=least)
            )
        searches.append(chosen(length=length, starts=(0,)))
        if scope.fitted > short:
            batches = window_batches(scope.fitted, short)
            searches += [chosen(length=short, starts=each) for each in batches]
    return tuple(searches)


def _least_draws(family: WindowFamily, question: Question) -> int:
    """Return how many draws decide the state and the skip."""
    unknown_bits = family.lcg.modulus_bits + log2(len(question.skips)) + _SPARE_BITS
    return max(2, ceil(unknown_bits / log2(family.modulus)))


class WindowSearch:
    """A family over windows of equal length of one scope, for every constant skip.

    Parameters
    ----------
    length
        Draws of a window, at least 2; with fewer fitted draws than that the search cannot run.
    starts
        Index of each window's first draw.
    least_draws
        Below which a window tells nothing.
    """

    def __init__(
        self,
        family: WindowFamily,
        question: Question,
        scope: Scope,
        *,
        length: int,
        starts: Sequence[int],
        least_draws: int = 1,
    ) -> None:
        self._family = family
        self._question = question
        self._scope = scope
        self._length = length
        self._starts = starts
        self._powers: dict[float, float] = {}
        windows = "" if tuple(starts) == (0,) else f", {len(starts)} windows"
        self.coverage = Coverage(
            attack=family.attack + windows,
            streams=family.streams,
            scopes=(scope,),
            skips=question.skips,
            space=max(_algebra(stream).modulus for stream in family.streams),
            from_states=True,
            draws_used=length,
            least_draws=least_draws,
            windows=len(starts),
            power=self._power,
            cost_s=family.cost_s(length, len(question.skips), len(starts)),
        )

    def run(self, watch: Watch) -> Found:
        """Decide every state under every skip from each window, or as many as time allows."""
        survivors: dict[Survivor, None] = {}  # in the order of the windows, each once
        total, done = len(self._starts) * len(self._question.skips), 0
        for done, (start, skip, states) in enumerate(self._solved(watch), start=1):
            for state in states:
                survivors |= dict.fromkeys(self._survivors(skip, start, state))
            if done % _REPORTED == 0 or done == total:
                watch.progress(done / total)
        pairs = {(survivor.alignment, survivor.start) for survivor in survivors}
        tested = self.coverage.space if done == total else self.coverage.space * done // total
        return Found(tuple(survivors), tested, len(pairs))

    def controls(self, rng: np.random.Generator) -> tuple[Control, ...]:
        """Shuffled draws over a slice of the states, and planted seeds found in full.

        Where the modulus is so large that few draws leave nothing to chance, only the latter.
        """
        shuffled = self._family.shuffled(self._scope.searchable, self._question.skips, rng)
        return (*shuffled, self._planted(rng))

    def _solved(self, watch: Watch) -> Iterator[tuple[int, int, list[int]]]:
        """Yield window, skip and states found, on all cores, until time is up."""
        skips, stop = self._question.skips, Event()
        plans = [self._family.observations(skip, self._length) for skip in skips]
        with ThreadPool() as pool:
            try:
                for start in self._starts:
                    draws = self._scope.values[start : start + self._length]
                    one = partial(self._family.states, draws=draws, stop=stop.is_set)
                    for skip, states in zip(skips, pool.map(one, plans), strict=True):
                        if watch.expired():
                            return
                        yield start, skip, states
            finally:
                stop.set()

    def _survivors(self, skip: int, start: int, state: int) -> list[Survivor]:
        """Name the state at a window's first word as a start of every stream that has one for it.

        Where no seed leads there, it stands for itself.
        """
        found = []
        for stream in self._family.streams:
            before = self._at_position_0(stream, skip, start, state)
            named = self._likely_seed(stream, skip, before)
            if named is not None:
                alignment = Alignment(named.outputs, skip, skip)
                found.append(Survivor(stream, self._scope, named.seed, alignment))
        if not found:
            stream = self._family.streams[0]
            before = self._at_position_0(stream, skip, start, state)
            at_state = AtState((before,))
            found.append(Survivor(stream, self._scope, at_state, Alignment(0, skip, skip)))
        return found

    def _likely_seed(self, stream: Stream, skip: int, before: int) -> SeedBefore | None:
        """Return a seed and the offset at which its stream comes to a state, if there is one."""
        asked, words, shown = self._question.offsets, self._family.draw_words, self._shown(-1)
        if 0 not in asked:  # others come first where they are asked for
            own = range(max(-skip, asked.start), asked.stop)
            named = seed_before(_algebra(stream), before, words, own, shown=shown)
            if named is not None:
                return named
        near = range(-skip, max(_NEAR_OUTPUTS, asked[-1]) + 1)
        return likeliest_seed(stream.generator, before, words, near, skip=skip, shown=shown)

    def _shown(self, state: int) -> int:
        """Leave out the bits of a state that the draws never show."""
        return state & (self._family.lcg.modulus - 1)

    def _at_position_0(self, stream: Stream, skip: int, start: int, state: int) -> int:
        accepted = (skip + start * (skip + 1)) * self._family.draw_words
        return self._shown(_walk_back(stream, self._family.radix, state, accepted))

    def _power(self, noise: float) -> float:
        """Return the chance that some clean window is solved, averaged over some skips."""
        if noise not in self._powers:
            clean = self._some_clean_window(noise)
            self._powers[noise] = float(np.mean(clean * self._shares))
        return self._powers[noise]

    @cached_property
    def _shares(self) -> NDArray[np.float64]:
        """The shares of clean windows that are solved, under some skips."""
        plans = (self._family.observations(s, self._length) for s in self._sampled_skips())
        return np.array([self._family.found_share(plan) for plan in plans])

    def _sampled_skips(self) -> range:
        skips = self._question.skips
        return skips[:: max(1, len(skips) // _SAMPLED_SKIPS)]

    def _some_clean_window(self, noise: float) -> NDArray[np.float64]:
        """Return the chance that some window has no wrong draw and no rejected word inside."""
        words = self._family.draw_words * (np.array(self._sampled_skips()) + 1)
        clean = (1 - noise) * (1 - self._family.rejection) ** words
        return chance_of_clean_window(self._starts, self._length, clean)

    def _planted(self, rng: np.random.Generator) -> Control:
        stream, skips = self._family.streams[0], self._question.skips
        found, power = 0, 0.0
        for _ in range(PLANTED_SEEDS):
            seed = stream.generator.seeds[int(rng.integers(stream.generator.seed_count))]
            skip = skips[int(rng.integers(len(skips)))]
            positions = constant_skip_positions(self._length, skip)
            draws, _ = compiled.at_positions(stream, seed, self._question.modulus, positions)
            plan = self._family.observations(skip, self._length)
            states = self._family.states(plan, draws)
            survivors = [each for state in states for each in self._survivors(skip, 0, state)]
            found += any(self._goes_on(seed, survivor) for survivor in survivors)
            words = self._family.draw_words * self._length * (skip + 1)
            power += (1 - self._family.rejection) ** words * self._family.found_share(plan)
        return positive_control(
            found, power, text=f"{PLANTED_SEEDS} seeds of {stream.name} planted"
        )

    def _goes_on(self, seed: int, survivor: Survivor) -> bool:
        """Tell whether a survivor draws what the planted seed does, also after the window."""
        skip = survivor.alignment.skip_max
        positions = constant_skip_positions(self._length + _DRAWS_AFTER, skip)
        planted, found = (
            compiled.at_positions(stream, start, self._question.modulus, at)[0]
            for stream, start, at in (
                (self._family.streams[0], seed, positions),
                (survivor.stream, survivor.start, positions + survivor.alignment.offset),
            )
        )
        return np.array_equal(planted, found)


def _algebra(stream: Stream) -> PowerOfTwoLcg:
    if stream.generator.lcg is None:
        raise ValueError(f"{stream.name} is not linear modulo a power of two")
    return stream.generator.lcg


def _walk_back(stream: Stream, radix: int, state: int, accepted: int) -> int:
    """Return the state from which `accepted` accepted words, and then the one at `state`, come.

    Rejected words on the way are passed over; before the first accepted one none is assumed.
    """
    lcg = _algebra(stream)
    if stream.bounding.rejection(radix) == 0:
        return lcg.advance(state, -(accepted + 1))
    multiplier, increment = lcg.jump(-1)
    mask = lcg.modulus - 1
    state = (multiplier * state + increment) & mask
    while accepted > 0:
        word = np.uint32(state >> lcg.output_shift)
        accepted -= not stream.bounding.rejects(word, np.int64(radix))
        state = (multiplier * state + increment) & mask
    return state
