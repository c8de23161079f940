"""Time that all searches of a recovery share, and the watch that each of them reads."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Budget", "BudgetWatch"]

_FOR_CONTROLS, _FOR_CONTROLS_S = 0.1, 30.0  # kept back from the searches: whichever is less
_PATIENCE, _LEAST_PATIENCE_S = 10.0, 5.0  # with what takes longer than it said
_PATIENCE_SHARE = 0.1  # of the budget, likewise: with more of it, any search ends
_SHORT_S = 0.5  # by its own word; a busy machine takes many times as long


class Budget:
    """Seconds that may be spent, counted from the moment it is made, or from `begin` on.

    A search that has begun is not charged for kernels that it waits for, so that on a machine that
    has none yet the cheapest ones end; whether another one begins is, as far as compiling took
    longer than the whole budget. Short searches begin until twice the budget is spent: on a machine
    that is busy with other things they still tell what takes next to nothing to find.

    Parameters
    ----------
    total_s
        None for no limit.
    clock
        Seconds from any moment on, never backwards.
    compiled_s
        Seconds since it was made that went into compiling kernels.
    """

    def __init__(
        self,
        total_s: float | None,
        clock: Callable[[], float],
        compiled_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._total_s = inf if total_s is None else total_s
        self._for_searches_s = self._total_s - min(_FOR_CONTROLS * self._total_s, _FOR_CONTROLS_S)
        self._clock = clock
        self._all_compiled_s = compiled_s
        self.begin()

    def begin(self) -> None:
        """Count from now on: what was planned or compiled before is not charged."""
        self._began, self._compiled_before_s = self._clock(), self._all_compiled_s()

    def _compiled_s(self) -> float:
        return self._all_compiled_s() - self._compiled_before_s

    @property
    def spent_s(self) -> float:
        """Seconds since it was made, without those that went into compiling kernels."""
        return self._clock() - self._began - self._compiled_s()

    @property
    def search_left_s(self) -> float:
        """Seconds that are left for searches."""
        over_s = max(0.0, self._compiled_s() - self._total_s)
        return max(0.0, self._for_searches_s - self.spent_s - over_s)

    def has_time_for(self, expected_s: float) -> bool:
        """Tell whether a search may begin that says how long it takes."""
        return expected_s <= max(self.search_left_s, self._short_left_s(expected_s))

    def _short_left_s(self, expected_s: float) -> float:
        """Return what a search has beyond the budget, which only a short one has."""
        late = self.spent_s >= 2 * self._total_s
        return 0.0 if expected_s > _SHORT_S or late else _LEAST_PATIENCE_S

    def until_s(self, expected_s: float) -> float:
        """Return when a search is to be stopped that begins now and says how long it takes.

        That is when time is up, and earlier where it takes far longer than it said: others wait.
        """
        if self._total_s == inf:
            return inf
        patience_s = max(_patience_s(expected_s), _PATIENCE_SHARE * self._total_s)
        left_s = max(self.search_left_s, self._short_left_s(expected_s))
        return self.spent_s + min(left_s, patience_s)

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left, for controls either."""
        return self.spent_s >= self._total_s

    def has_room(self, more_s: float) -> bool:
        """Tell whether `more_s` fits into what is left; what takes no time always does."""
        return more_s == 0 or self.spent_s + more_s <= self._total_s

    def needed_s(self, more_s: float, expected_s: float = 0.0, whole_s: float = 0.0) -> float:
        """Return the budget with which searches could take `more_s` from now on.

        It is one that would do on a machine without kernels, too.

        Parameters
        ----------
        expected_s, whole_s
            What a search that was stopped said that it takes, and what it takes.
        """
        searched_s, compiled_s = self.spent_s + more_s, self._compiled_s()
        needed_s = min(searched_s / (1 - _FOR_CONTROLS), searched_s + _FOR_CONTROLS_S)
        if needed_s < compiled_s:  # and what compiling takes beyond the budget is charged
            searched_s += compiled_s
            needed_s = min(searched_s / (2 - _FOR_CONTROLS), (searched_s + _FOR_CONTROLS_S) / 2)
        if whole_s > _patience_s(expected_s):
            needed_s = max(needed_s, whole_s / _PATIENCE_SHARE)
        return needed_s


def _patience_s(expected_s: float) -> float:
    """Return how long any budget bears with a search that takes longer than it said."""
    return max(_LEAST_PATIENCE_S, _PATIENCE * expected_s)


@dataclass(frozen=True)
class BudgetWatch:
    """The watch of one search.

    Attributes
    ----------
    label
        What the search is called where progress is told.
    told
        Called with the label and the share that is done, in [0, 1].
    budget
        That of all searches.
    until_s
        When it is to be stopped, in seconds of the budget's clock.
    """

    label: str
    told: Callable[[str, float], None]
    budget: Budget
    until_s: float

    def progress(self, share: float) -> None:
        """Tell it."""
        self.told(self.label, share)

    def expired(self) -> bool:
        """Tell whether time is up."""
        return self.budget.spent_s >= self.until_s
