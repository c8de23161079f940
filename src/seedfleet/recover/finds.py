"""What was found so far: streams on the draws that they explain, and the draws that they leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence.verdict import Thresholds
from seedfleet.recover.gaps.constant import constant_skip_of
from seedfleet.recover.missing_records import joined, without_unseen_jumps
from seedfleet.recover.one_stream import evidence_of, shifted, unspoken
from seedfleet.recover.scoring import weigh, worth_weighing
from seedfleet.recover.segments import LEAST_REST, rest_of, segment_of
from seedfleet.recover.tolerance import LEAST_GAIN_BITS

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

    from seedfleet.evidence.part_prior import Division
    from seedfleet.recover.scope import Scope
    from seedfleet.recover.scoring import Weighed
    from seedfleet.recover.search import Question, Survivor
    from seedfleet.recover.segments import Segment

__all__ = ["Finds"]


class Finds:
    """Survivors of all searches, weighed, each on the draws that it explains.

    Parameters
    ----------
    question
        What was asked of the searches at first; its scopes are whole sessions and machines.
    division
        Of the history.
    """

    def __init__(self, question: Question, division: Division) -> None:
        self._question = question
        self._division = division
        self._items: dict[object, Weighed] = {}  # by `Survivor.identity`
        self._taken_back: set[object] = set()
        self._split: set[object] = set()  # parts in which a stream ends or begins
        self._left: set[object] = set()  # parts that a stream left, of those to be searched

    @property
    def items(self) -> list[Weighed]:
        """Every stream that counts, in the order in which they were found."""
        return list(self._items.values())

    def holds(self, survivor: Survivor) -> bool:
        """Tell whether a survivor counts, by itself or as a part of another."""
        return survivor.identity in self._items or survivor.identity in self._taken_back

    def are_split(self, scopes: Iterable[Scope]) -> bool:
        """Tell whether streams begin or end within all of some scopes, whose parts are searched."""
        return self._split.issuperset(scope.part for scope in scopes)

    def explain(self, scope: Scope, posteriors: Mapping[Hashable, float]) -> bool:
        """Tell whether streams beyond doubt leave next to nothing of a scope's draws.

        Parameters
        ----------
        posteriors
            Of each class of streams.
        """
        first, stop = _span(scope)
        left = np.ones(stop - first, dtype=bool)
        for item in self._items.values():
            other = item.survivor.scope
            beyond_doubt = (
                posteriors[item.scored.equivalence] > Thresholds.RECOVERED_POSTERIOR
                and max(item.scored.stakes(held_out=False)) >= Thresholds.RECOVERED_FIT_BITS
            )
            if beyond_doubt and _owner(other) == _owner(scope):
                begun, ended = _span(other)
                left[max(0, begun - first) : max(0, ended - first)] = False
        return int(left.sum()) < LEAST_REST

    def weigh(self, survivors: Iterable[Survivor]) -> None:
        """Weigh what a search found, if it is new and worth it."""
        for survivor in survivors:
            if not self.holds(survivor) and worth_weighing(survivor, self._question.modulus):
                item = self._weighed(survivor)
                self._items[survivor.identity] = item
                constant = constant_skip_of(item, self._question.modulus)
                self.weigh([] if constant is None else [constant])

    def peel(self, survivor: Survivor) -> tuple[Scope, ...]:
        """Keep a stream to the draws that it explains, and return the others as new scopes.

        Where it goes on beyond missing records it stays one stream. None are left where it explains
        them all, where chance would explain as much, or where they were returned before.
        """
        item = self._items.get(survivor.identity)
        if item is None:
            return ()
        scope = survivor.scope
        segment, part = self._stretch(item)
        if max(part.scored.stakes(held_out=True)) < Thresholds.SIGNAL_BITS:
            return ()  # a few draws that chance would explain as well, all that was tried counted
        longer = self._longer(item, part)
        if segment is not None or longer is not None:
            # The bet on all draws is taken back: it would only be told of again.
            self._take_back(item)
        self._keep([part] if longer is None else self._with_rival(longer.survivor))
        self._settle()
        if segment is None or scope.part in self._split:
            return ()  # the same stretch under another name, or one that its own search will find
        whole = self._whole(scope)
        rest = rest_of(scope, segment) if longer is None else rest_of(whole, longer)
        if rest or longer is None:
            self._split.add(scope.part)
        new = tuple(each for each in rest if each.part not in self._left)
        self._left.update(each.part for each in rest)
        return new

    def _stretch(self, item: Weighed) -> tuple[Segment | None, Weighed]:
        """Return the stretch that a stream explains alone, and the stream on it."""
        segment = segment_of(item)
        return segment, item if segment is None else self._weighed(segment.survivor)

    def _longer(self, item: Weighed, part: Weighed) -> Segment | None:
        """Return a stream beyond missing records, on all draws there, if that earns more."""
        scope = part.survivor.scope
        whole = self._whole(scope)
        if len(scope.values) == len(whole.values):
            return None
        longer = joined(item.survivor, _span(scope), whole, self._question.modulus)
        if longer is None:
            return None
        earned = evidence_of([self._weighed(longer.survivor)])
        return None if earned < evidence_of([part]) + LEAST_GAIN_BITS else longer

    def _with_rival(self, survivor: Survivor) -> list[Weighed]:
        """Return a stream with jumps, and the same without those that no fitted draw tells of."""
        rival = without_unseen_jumps(survivor)
        return [self._weighed(each) for each in (survivor, rival) if each is not None]

    def _keep(self, items: Iterable[Weighed]) -> None:
        """Let streams count, and those that begin with a draw near their first, where that may be.

        Where chance hides it, a search finds a stream from one first draw, and stops there.
        """
        for item in items:
            near = shifted(item.survivor, self._whole(item.survivor.scope), item.modulus)
            others = (self._weighed(each) for each in near if not self.holds(each))
            for each in (item, *others):
                self._items.setdefault(each.survivor.identity, each)

    def _settle(self) -> None:
        """Let one stream speak for all that are in its orbit."""
        for item in unspoken(self._items.values()):
            self._take_back(item)

    def _take_back(self, item: Weighed) -> None:
        self._taken_back.add(item.survivor.identity)
        self._items.pop(item.survivor.identity, None)

    def _weighed(self, survivor: Survivor) -> Weighed:
        return weigh(survivor, self._question, self._division)

    def _whole(self, scope: Scope) -> Scope:
        """Return all draws of a scope's session or machine."""
        return next(each for each in self._question.scopes if _owner(each) == _owner(scope))


def _owner(scope: Scope) -> tuple[str | None, str | None]:
    return scope.session, scope.machine


def _span(scope: Scope) -> tuple[int, int]:
    """Return a scope's draws among those of its session or machine."""
    return scope.segment or (0, len(scope.values))
