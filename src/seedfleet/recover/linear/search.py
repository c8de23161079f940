"""Small linear generators as a search: all states under every skip, from each of many windows."""

from __future__ import annotations

from math import ceil, log2
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.generators import compiled
from seedfleet.recover.controls import (
    PLANTED_SEEDS,
    TARGET_SURVIVORS,
    negative_control,
    positive_control,
)
from seedfleet.recover.linear.families import Equations
from seedfleet.recover.linear.rows import unknown_count
from seedfleet.recover.linear.states import solve_state
from seedfleet.recover.linear.survivors import Solved, linear_survivors
from seedfleet.recover.linear.systems import SystemTable, consistent_systems
from seedfleet.recover.scope import Scope
from seedfleet.recover.search import Coverage, Found
from seedfleet.recover.windows import chance_of_clean_window
from seedfleet.sieve import constant_skip_positions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedfleet.recover.controls import Control
    from seedfleet.recover.linear.families import LinearFamily
    from seedfleet.recover.search import Question, Survivor
    from seedfleet.recover.watch import Watch

__all__ = ["LEAST_SURPLUS", "LinearSearch", "window_length"]

LEAST_SURPLUS = 40  # equations that must agree beyond those that decide the state
_SPARE = LEAST_SURPLUS + 16  # equations of a window beyond the unknowns, some of which depend
_LONGEST = 2  # times the mean, beyond which a window of draws that show little is passed over
_SYSTEM_S = 4.0e-5  # rough cost of one small system on one core
_POWER_SKIPS = 8  # skips over which the power is averaged, from the least to the greatest
_CONTROL_SKIPS = 8  # and those of the negative control
_LEAST_REPLICATES = 8
_LEAST_CHANCE = 2  # surplus equations of the negative control


def window_length(family: LinearFamily, scope: Scope) -> int:
    """Return how many draws decide a small state and agree with it beyond chance, on average."""
    bits = len(family.equations(scope.searchable)) / scope.fitted
    return ceil((unknown_count(family.generator) + _SPARE) / bits)


class LinearSearch:
    """All states of a small linear generator, for every constant skip, from windows of one scope.

    Parameters
    ----------
    question
        Has one scope.
    starts
        Index of each window's first draw.
    """

    def __init__(self, family: LinearFamily, question: Question, *, starts: Sequence[int]) -> None:
        self._family = family
        self._question = question
        (self._scope,) = question.scopes
        self._starts = starts
        self._powers: dict[float, float] = {}
        self._unknowns = unknown_count(family.generator)
        self._length = window_length(family, self._scope)
        self._strides = _strides(family, question.skips)
        systems = family.linear.cycle * len(self._strides)
        places = self._length * self._strides[-1]
        attack = "linear equations"
        self.coverage = Coverage(
            attack=attack if tuple(starts) == (0,) else f"{attack}, windows: {len(starts)}",
            streams=family.streams,
            scopes=question.scopes,
            skips=question.skips,
            space=family.linear.cycle << self._unknowns,
            from_states=True,
            draws_used=self._length,
            least_draws=self._length,
            windows=len(starts),
            power=self._power,
            cost_s=0.1 + 1e-5 * places + len(starts) * systems * _SYSTEM_S / 2,
        )

    def run(self, watch: Watch) -> Found:
        """Decide every state under every skip from each window."""
        equations = self._family.equations(self._scope.searchable)
        table = self._table(equations, self._strides)
        survivors: dict[Survivor, None] = {}  # in the order of the windows, each once
        done = passed_over = 0
        for start in self._starts:
            if watch.expired():
                break
            window = self._window(equations, start)
            if window is None:
                passed_over += 1
            else:
                found = self._survivors(self._scope, window, table, self._strides)
                survivors |= dict.fromkeys(found)
            done += 1
            watch.progress(done / len(self._starts))
        pairs = {(survivor.alignment, survivor.start) for survivor in survivors}
        undecided = self.coverage.space * passed_over // len(self._starts)
        tested = self.coverage.space * done // len(self._starts) - undecided
        remark = f"{passed_over} of {len(self._starts)} windows show too few bits"
        return Found(
            tuple(survivors),
            tested,
            len(pairs),
            undecided=undecided,
            remark=remark if passed_over else None,
        )

    def controls(self, rng: np.random.Generator) -> tuple[Control, ...]:
        """Shuffled draws with few surplus equations, and planted seeds found in full."""
        return self._shuffled(rng), self._planted(rng)

    def _window(self, equations: Equations, start: int) -> range | None:
        """Return the draws of a window; None where they are too many for the bits that they show.

        Too near the end of the draws the window reaches back instead.
        """
        wanted = self._unknowns + _SPARE
        end = equations.end(start, wanted)
        if end is None and len(equations) >= wanted:
            start, end = int(equations.draws[-wanted]), self._scope.fitted
        if end is None or end - start > _LONGEST * self._length:
            return None
        return range(start, end)

    def _table(self, equations: Equations, strides: range) -> SystemTable:
        longest = _LONGEST * self._length
        generator = self._family.generator
        return SystemTable.of(generator, equations.bits, draws=longest, stride=strides[-1])

    def _survivors(
        self, scope: Scope, window: range, table: SystemTable, strides: range
    ) -> list[Survivor]:
        """Return the streams that give the draws of a window."""
        family, values = self._family, scope.values[window.start : window.stop]
        hits = consistent_systems(
            table, family.equations(values), strides, least_surplus=LEAST_SURPLUS
        )
        solved = []
        for phase, stride, _ in hits:
            found = solve_state(family, values, phase + stride * np.arange(len(values)))
            skip = stride // family.words - 1
            steps = (skip + window.start * (skip + 1)) * family.words - phase
            solved += [Solved(words, steps, skip) for words in (found.states if found else ())]
        return linear_survivors(family, scope, window, solved)

    def _power(self, noise: float) -> float:
        """Return the chance that some window has no wrong draw and no rejected word inside."""
        if noise not in self._powers:
            self._powers[noise] = self._some_clean_window(noise)
        return self._powers[noise]

    def _some_clean_window(self, noise: float) -> float:
        step = max(1, len(self._strides) // _POWER_SKIPS)
        words = np.array(self._strides[::step])
        clean = (1 - noise) * (1 - self._family.rejection) ** words
        return float(chance_of_clean_window(self._starts, self._length, clean).mean())

    def _shuffled(self, rng: np.random.Generator) -> Control:
        """Count the systems that shuffled draws pass, cut to so few equations that some do.

        What is expected depends on how many equations of each system follow from others, which is
        counted with right sides of zero: those contradict nothing.
        """
        strides = self._strides[:: max(1, len(self._strides) // _CONTROL_SKIPS)]
        systems = self._family.linear.cycle * len(strides)
        replicates = max(_LEAST_REPLICATES, -(-(TARGET_SURVIVORS << _LEAST_CHANCE) // systems))
        surplus = int(log2(systems * replicates / TARGET_SURVIVORS))
        values = self._scope.searchable
        table = self._table(self._family.equations(values), strides)
        counts, expected = [], 0.0
        for _ in range(replicates):
            shuffled = self._family.equations(rng.permutation(values)[: _LONGEST * self._length])
            cut = shuffled.first(self._unknowns + surplus)
            counts.append(len(consistent_systems(table, cut, strides, least_surplus=0)))
            zero = Equations(cut.draws, cut.bits, np.zeros_like(cut.right))
            every = consistent_systems(table, zero, strides, least_surplus=0)
            expected += sum(2.0**-follow for _, _, follow in every)
        return negative_control(
            counts,
            expected / replicates,
            text=f"{replicates} times {systems} systems of shuffled draws with {surplus} more "
            "equations than unknowns",
        )

    def _planted(self, rng: np.random.Generator) -> Control:
        stream, skips = self._family.streams[0], self._question.skips
        modulus, seeds = self._question.modulus, stream.generator.seeds
        found, power = 0, 0.0
        for _ in range(PLANTED_SEEDS):
            seed = seeds[int(rng.integers(len(seeds)))]
            skip = skips[int(rng.integers(len(skips)))]
            positions = constant_skip_positions(_LONGEST * self._length, skip)
            draws, _ = compiled.at_positions(stream, seed, modulus, positions)
            strides = _strides(self._family, range(skip, skip + 1))
            equations = self._family.equations(draws)
            end = equations.end(0, self._unknowns + _SPARE) or len(draws)
            table = self._table(equations, strides)
            survivors = self._survivors(Scope(draws, len(draws)), range(end), table, strides)
            starts = {(each.stream, each.start, each.alignment.offset) for each in survivors}
            found += (stream, seed, 0) in starts
            power += (1 - self._family.rejection) ** (end * strides[0])
        return positive_control(
            found, power, text=f"{PLANTED_SEEDS} seeds of {stream.name} planted"
        )


def _strides(family: LinearFamily, skips: range) -> range:
    """Return the words from one draw to the next under each skip."""
    return range(family.words * (skips.start + 1), family.words * (skips[-1] + 1) + 1, family.words)
