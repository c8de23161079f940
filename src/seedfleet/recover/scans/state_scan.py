"""State scans: every state of a small generator that has one orbit, for all constant skips at once.

Where all states lie on one cycle, the draws of every state are pieces of one endless stream, and a
window of the history is found in it by its values, whatever skips it has. That takes seconds for
2**32 states and 501 skips, finds every offset, and names the seed: the state so many steps earlier.
"""

from __future__ import annotations

import os
from math import ceil, log2
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.evidence.chance import expected_pairs
from seedfleet.generators import AtState, Residue, compiled
from seedfleet.generators.canonical import seed_of_state
from seedfleet.generators.start import state_words
from seedfleet.recover.controls import (
    LEAST_SURVIVORS,
    PLANTED_SEEDS,
    TARGET_SURVIVORS,
    negative_control,
    positive_control,
)
from seedfleet.recover.scans._orbit_kernel import RARE_RADIX, least_depth
from seedfleet.recover.scans.orbit import Pieces, first_state, orbit_length, pieces
from seedfleet.recover.scopes import by_length
from seedfleet.recover.search import Coverage, Found, Survivor
from seedfleet.recover.windows import contiguous_windows, power_of
from seedfleet.sieve import constant_skip_positions
from seedfleet.sieve.weighing import Alignment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from seedfleet.generators import Start, Stream
    from seedfleet.recover.controls import Control
    from seedfleet.recover.search import Question
    from seedfleet.recover.watch import Watch

__all__ = ["StateScan", "state_scans"]

_MAX_CHANCE_PAIRS = 10.0  # left by chance from one window; each is weighed in a millisecond
_REPLICATES = 16
_CONTROL_STATES = 2**23
_PLANTED_AMONG = 2**20
_CONTROL_SKIPS = 64
# Seconds of one core for each state: to make it, and for each value looked for; for each window
# also by skip, where the first draw is common and where it is rare.
_STEP_S, _VALUE_S, _COMMON_S, _RARE_S = 0.5e-9, 0.1e-9, 17e-12, 1.5e-9


def state_scans(streams: Iterable[Stream], question: Question) -> tuple[StateScan, ...]:
    """Return the scans of all streams whose generator has one small orbit.

    One scan for each stream looks at the first draws of every scope that has as many as it takes;
    where the question asks to withstand noise, a second one looks at further windows. Scopes with
    fewer draws have a scan of their own.
    """
    return tuple(
        scan
        for stream in streams
        if _applies(stream, question.modulus)
        for asked in by_length(question, _depth(stream, question))
        for scan in _passes(stream, asked)
    )


def _passes(stream: Stream, question: Question) -> Iterator[StateScan]:
    yield StateScan(stream, question, noise=0.0)
    if question.noise > 0:
        noisy = StateScan(stream, question, noise=question.noise)
        if noisy.coverage.windows > 1:
            yield noisy


def _depth(stream: Stream, question: Question) -> int:
    """Return how many draws leave little to chance."""
    pairs = (orbit_length(stream.generator) or 0) * len(question.skips)
    wanted = log2(pairs / _MAX_CHANCE_PAIRS) / log2(question.modulus)
    return max(least_depth(question.modulus), ceil(wanted))


def _applies(stream: Stream, modulus: int) -> bool:
    bounding = stream.bounding
    if bounding.layout(modulus) != (modulus, 1) or bounding.rejection(modulus) > 0:
        return False
    shape = bounding.shape(modulus)
    plain = isinstance(shape, Residue) and shape.modulus == modulus
    short = stream.generator.output_bits <= 32 and modulus < 2**31
    return plain and short and orbit_length(stream.generator) is not None


class StateScan:
    """All states of one stream's generator, for every scope, constant skip and offset at once.

    Parameters
    ----------
    stream
        One whose generator has an orbit (`orbit_length`).
    noise
        Share of wrong draws for which windows are chosen; 0 looks at the first draws alone.
    """

    def __init__(self, stream: Stream, question: Question, *, noise: float) -> None:
        self._stream, self._question = stream, question
        self._length = orbit_length(stream.generator) or 0
        depth = _depth(stream, question)
        self._windows = [
            contiguous_windows(scope.fitted, depth, noise) for scope in question.scopes
        ]
        most = max(len(windows) for windows in self._windows)
        self.coverage = Coverage(
            attack="state scan" if most <= 1 else f"state scan, {most} windows",
            streams=(stream,),
            scopes=question.scopes,
            skips=question.skips,
            space=self._length,
            from_states=True,
            draws_used=depth,
            least_draws=depth,
            windows=max(1, most),
            power=self._power,
            cost_s=self._cost_s(depth),
        )

    def run(self, watch: Watch) -> Found:
        """Go along the orbit once; the end comes soon when time is up."""
        depth = self.coverage.draws_used
        places = [
            (scope, window[0])
            for scope, windows in zip(self._question.scopes, self._windows, strict=True)
            for window in windows
        ]
        if not places:
            return Found((), 0, 0)  # too few draws, nothing decided
        draws = np.stack([scope.values[first : first + depth] for scope, first in places])
        survivors: dict[Survivor, None] = {}
        tested = 0
        for tested, hits in pieces(self._asked(draws), self._length):
            for hit in hits:
                scope, begin = places[hit.window]
                start = self._start(hit.state, hit.skip + begin * (hit.skip + 1))
                alignment = Alignment(0, hit.skip, hit.skip)
                survivors[Survivor(self._stream, scope, start, alignment)] = None
            watch.progress(tested / self._length)
            if watch.expired():
                break
        return Found(tuple(survivors), tested, len(survivors))

    def controls(self, rng: np.random.Generator) -> tuple[Control, ...]:
        """Shuffled draws over pieces of the orbit, and windows of planted states found in them.

        Where the modulus is so large that two draws leave nothing to chance, only the latter.
        """
        return tuple(filter(None, (self._shuffled(rng), self._planted(rng))))

    def _cost_s(self, depth: int) -> float:
        windows, modulus = sum(map(len, self._windows)), self._question.modulus
        rare = modulus >= RARE_RADIX
        window_s = _RARE_S * RARE_RADIX / modulus if rare else _COMMON_S
        values_s = _VALUE_S * min(modulus, windows * depth)
        skips = len(self._question.skips)
        each = _STEP_S + values_s + windows * window_s * (skips / 501 if rare else skips)
        return self._length * each / (os.cpu_count() or 1)

    def _power(self, noise: float) -> float:
        """Return the chance in the scope that has least windows."""
        return min(power_of(windows, noise) for windows in self._windows)

    def _asked(self, draws: NDArray[np.int64], skips: range | None = None) -> Pieces:
        skips = self._question.skips if skips is None else skips
        return Pieces(self._stream, self._question.modulus, skips, draws)

    def _start(self, state: Any, position: int) -> Start:
        """Name the state so many steps earlier, as a seed where there is one."""
        generator = self._stream.generator
        before = generator.jumped(state, -position % self._length)
        at_state = AtState(state_words(before))
        seed = seed_of_state(generator, at_state)
        return at_state if seed is None else seed

    def _piece(self, rng: np.random.Generator, count: int) -> tuple[Any, int]:
        """Return a state somewhere on the orbit, and its number."""
        generator = self._stream.generator
        first = int(rng.integers(self._length - count + 1))
        return generator.jumped(first_state(generator), first), first

    def _shuffled(self, rng: np.random.Generator) -> Control | None:
        modulus, skips = self._question.modulus, self._question.skips[:_CONTROL_SKIPS]
        states = min(_CONTROL_STATES, self._length)
        depth = least_depth(modulus)
        while TARGET_SURVIVORS * modulus ** (depth + 1) <= states * len(skips) * _REPLICATES:
            depth += 1
        wanted = TARGET_SURVIVORS * modulus**depth / _REPLICATES
        states = min(states, max(1, ceil(wanted / len(skips))))
        expected = expected_pairs(states * len(skips), [(depth, depth)], modulus)
        if expected * _REPLICATES < LEAST_SURVIVORS:
            return None
        counts = []
        for _ in range(_REPLICATES):
            draws = rng.permutation(self._question.scopes[0].searchable)[np.newaxis, :depth]
            hits = self._asked(draws, skips).hits(*self._piece(rng, states), states)
            counts.append(len(hits))
        text = f"{_REPLICATES} times {depth} shuffled draws, {states:,} states each"
        return negative_control(counts, expected, text=text)

    def _planted(self, rng: np.random.Generator) -> Control:
        stream, skips, depth = self._stream, self._question.skips, self.coverage.draws_used
        found, states = 0, min(_PLANTED_AMONG, self._length)
        for _ in range(PLANTED_SEEDS):
            start, first = self._piece(rng, states)
            skip, ahead = int(rng.choice(skips)), int(rng.integers(states))
            planted = stream.generator.jumped(start, ahead)
            positions = constant_skip_positions(depth, skip) - skip
            at_state = AtState(state_words(planted))
            draws, _ = compiled.at_positions(stream, at_state, self._question.modulus, positions)
            hits = self._asked(draws[np.newaxis]).hits(start, first, states)
            found += (first + ahead, skip) in {(hit.index, hit.skip) for hit in hits}
        text = f"{PLANTED_SEEDS} states of {stream.name} planted"
        return positive_control(found, float(PLANTED_SEEDS), text=text)
