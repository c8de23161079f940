"""Large linear generators as a search: MT19937's 19,937 unknown bits from thousands of draws."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.generators import compiled
from seedfleet.recover.controls import Control
from seedfleet.recover.linear.rows import unknown_count
from seedfleet.recover.linear.search import LEAST_SURPLUS
from seedfleet.recover.linear.states import solve_state
from seedfleet.recover.linear.survivors import Solved, linear_survivors
from seedfleet.recover.scope import Scope
from seedfleet.recover.search import Coverage, Found
from seedfleet.recover.watch import Unwatched
from seedfleet.sieve import constant_skip_positions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedfleet.recover.linear.families import LinearFamily
    from seedfleet.recover.linear.states import StateFound
    from seedfleet.recover.search import Question, Survivor
    from seedfleet.recover.watch import Watch

__all__ = ["WholeStateSearch", "whole_state_length"]

# Equations for each unknown until every bit is decided, by measurement of their rank: the same low
# bits of every word (6,900 draws modulo 1000), or as many leading bits as a value happens to show.
_FIXED_BITS, _LEADING_BITS = 1.045, 1.36
_SOLVE_S, _ROWS_S = 1.7, 0.5  # rough cost of elimination, and of all rows for each word of a draw


def whole_state_length(family: LinearFamily, scope: Scope) -> int:
    """Return how many draws decide a large state, on average."""
    equations = family.equations(scope.searchable)
    each = np.bincount(equations.draws, minlength=scope.fitted)
    share = _FIXED_BITS if each.min() == each.max() else _LEADING_BITS
    return ceil(share * unknown_count(family.generator) / float(each.mean()))


class WholeStateSearch:
    """The whole state of a large linear generator, for some constant skips of one scope.

    Parameters
    ----------
    question
        Has one scope; every skip costs a system of its own.
    starts
        Index of each window's first draw; windows do not overlap.
    """

    def __init__(self, family: LinearFamily, question: Question, *, starts: Sequence[int]) -> None:
        self._family = family
        self._question = question
        (self._scope,) = question.scopes
        self._starts = starts
        self._length = whole_state_length(family, self._scope)
        words = sum(family.words * (skip + 1) for skip in question.skips)
        share = sum(1 + start / self._length for start in starts)
        systems = len(starts) * len(question.skips)
        attack = "linear equations, whole state"
        self.coverage = Coverage(
            attack=attack if tuple(starts) == (0,) else f"{attack}, windows: {len(starts)}",
            streams=family.streams,
            scopes=question.scopes,
            skips=question.skips,
            space=1 << unknown_count(family.generator),
            from_states=True,
            draws_used=self._length,
            least_draws=self._length,
            windows=len(starts),
            power=self._power,
            cost_s=_SOLVE_S * systems + _ROWS_S * words * share,
            controls_s=2 * (_SOLVE_S + _ROWS_S * family.words * (question.skips[0] + 1)),
        )

    def run(self, watch: Watch) -> Found:
        """Solve the system of every skip and window."""
        systems = [(skip, start) for skip in self._question.skips for start in self._starts]
        survivors: dict[Survivor, None] = {}
        solved: list[StateFound] = []
        for skip, start in systems:
            window = range(start, min(start + self._length, self._scope.fitted))
            found = self._solve(self._scope, window, skip, watch)
            if found is None:
                break
            survivors |= dict.fromkeys(self._survivors(self._scope, window, skip, found))
            solved.append(found)
            watch.progress(len(solved) / len(systems))
        pairs = {(survivor.alignment, survivor.start) for survivor in survivors}
        space = self.coverage.space
        tested = space * sum(map(_is_decided, solved)) // len(systems)
        return Found(
            tuple(survivors),
            tested,
            len(pairs),
            undecided=space * len(solved) // len(systems) - tested,
            remark=_remark(solved),
        )

    def controls(self, rng: np.random.Generator) -> tuple[Control, ...]:
        """Shuffled draws contradict themselves, and a planted seed is found.

        Chance survivors are not counted here: at seconds for each system, some hundred would take
        the better part of an hour.
        """
        return self._shuffled(rng), self._planted(rng)

    def _solve(self, scope: Scope, window: range, skip: int, watch: Watch) -> StateFound | None:
        positions = constant_skip_positions(window.stop, skip)[window.start :]
        return solve_state(
            self._family,
            scope.values[window.start : window.stop],
            positions * self._family.words,
            pause=lambda _share: watch.expired(),
        )

    def _survivors(
        self, scope: Scope, window: range, skip: int, found: StateFound
    ) -> list[Survivor]:
        if not _is_decided(found):
            return []
        solved = [Solved(words, 0, skip) for words in found.states]
        return linear_survivors(self._family, scope, window, solved)

    def _power(self, noise: float) -> float:
        """Return the chance that some window has no wrong draw and no rejected word inside."""
        words = self._family.words * (np.array(self._question.skips) + 1)
        clean = (1 - noise) * (1 - self._family.rejection) ** words
        return float(np.mean(1 - (1 - clean**self._length) ** len(self._starts)))

    def _shuffled(self, rng: np.random.Generator) -> Control:
        skip = self._question.skips[0]
        values = rng.permutation(self._scope.searchable)[: self._length]
        window = range(len(values))
        found = self._solve(Scope(values, len(values)), window, skip, Unwatched())
        states = 0 if found is None else len(found.states)
        decided = found is not None and _is_decided(found)
        return Control(
            kind="negative",
            expected=0.0,
            observed=states,
            least=0,
            most=0,
            passed=decided and states == 0,
            text=f"one system of {len(values)} shuffled draws: "
            f"{0 if found is None else found.surplus} more equations than its rank",
        )

    def _planted(self, rng: np.random.Generator) -> Control:
        stream, skip = self._family.streams[0], self._question.skips[0]
        seeds = stream.generator.seeds
        seed = int(rng.integers(seeds.stop, dtype=np.uint64))
        positions = constant_skip_positions(self._length, skip)
        values, _ = compiled.at_positions(stream, seed, self._question.modulus, positions)
        scope, window = Scope(values, len(values)), range(len(values))
        found = self._solve(scope, window, skip, Unwatched())
        survivors = [] if found is None else self._survivors(scope, window, skip, found)
        equal = [each.start for each in survivors if each.stream == stream]
        words = self._family.words * (skip + 1) * self._length
        return Control(
            kind="positive",
            expected=(1 - self._family.rejection) ** words,
            observed=len(equal),
            least=1,
            most=1,
            passed=seed in equal,
            text=f"a seed of {stream.name} planted",
        )


def _is_decided(found: StateFound) -> bool:
    """Tell whether a system rules every state in or out."""
    return not found.consistent or (bool(found.states) and found.surplus >= LEAST_SURPLUS)


def _remark(solved: Sequence[StateFound]) -> str | None:
    """Tell rank and surplus: of a system that holds, where one does, else of the least rank."""
    if not solved:
        return None
    shown = min(solved, key=lambda found: (not found.consistent, found.rank))
    holding = sum(found.consistent for found in solved)
    many = f"{len(solved)} systems, {holding} without contradiction; "
    return (many if len(solved) > 1 else "") + shown.text
