"""The order of searches: what a rule or a find points to, then what costs next to nothing.

Of others the best for its cost comes first. A search is worth the stake of the prior on what it
would find and none before it has looked for: streams with many presets, many skips, and the noise
that its windows withstand beyond those of earlier searches. Where that does not differ, the
cheapest comes first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log2
from typing import TYPE_CHECKING

from seedfleet.evidence.likelihood import NOISE_RATES
from seedfleet.evidence.prior import noise_weights
from seedfleet.generators import presets_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seedfleet.generators import Stream
    from seedfleet.recover.search import Coverage, Search

__all__ = ["Agenda", "in_order"]

_CHEAP_S = 3.0  # for the whole power of a search
_LEAST_GAIN = 0.02  # of power: a search that adds less is as good as any other
_SEEDED = 2**31  # starts beyond which hardly anybody seeds
_SMALL_SEEDS = 0.25  # of the seeds that people pass
_BEFORE_SKIP = 1 / 7  # what the offsets below 0 are worth, beside offset 0
_ANY_OFFSET = 3.0  # what all offsets and unseeded states are worth, beside a seed at offset 0
_NO_SKIP = 3.0  # octaves that dropping nothing is worth beside the octave that it is
_VARIABLE_SKIP = 0.25  # octaves of skips that one law of variable skips is worth


@dataclass(frozen=True)
class _Entry:
    led: bool
    price: tuple[bool, float]
    order: int
    search: Search

    @property
    def place(self) -> tuple[bool, tuple[bool, float], int]:
        return not self.led, self.price, self.order


class Agenda:
    """Searches that wait for their turn."""

    def __init__(self) -> None:
        self._waiting: list[_Entry] = []
        self._added = 0

    def add(self, searches: Iterable[Search], *, led: bool) -> None:
        """Put searches on the agenda; those that a find led to, or a rule, come first."""
        for price, search in _priced(searches):
            self._waiting.append(_Entry(led or _is_asked(search), price, self._added, search))
            self._added += 1

    def advance(self, streams: set[Stream]) -> None:
        """Let the searches of some streams come first."""
        self._waiting = [
            replace(entry, led=entry.led or bool(streams & set(entry.search.coverage.streams)))
            for entry in self._waiting
        ]

    def take(self) -> Search | None:
        """Take the next search off the agenda; None where none is left."""
        if not self._waiting:
            return None
        first = min(self._waiting, key=lambda entry: entry.place)
        self._waiting.remove(first)
        return first.search


def in_order(searches: Iterable[Search]) -> list[Search]:
    """Return searches in the order in which an agenda gives them out."""
    priced = _priced(searches)
    return [
        search for _, search in sorted(priced, key=lambda each: (not _is_asked(each[1]), each[0]))
    ]


def _is_asked(search: Search) -> bool:
    """Tell whether the user vouches for the starts, by a rule."""
    return search.coverage.rule_odds is not None


def _priced(searches: Iterable[Search]) -> list[tuple[tuple[bool, float], Search]]:
    """Return each search with whether it takes long, and its seconds for a unit of stake."""
    withstood: dict[object, float] = {}
    priced = []
    for search in sorted(searches, key=lambda each: each.coverage.cost_s):
        coverage = search.coverage
        kind = (
            coverage.streams,
            tuple(scope.part for scope in coverage.scopes),
            coverage.variable_skip,
            coverage.skips,
            coverage.offsets,
            coverage.space,
        )
        power = _mean_power(coverage) * _likely_share(coverage)
        gain = max(_LEAST_GAIN, power - withstood.get(kind, 0.0))
        withstood[kind] = max(power, withstood.get(kind, 0.0))
        gain_s = coverage.cost_s / gain
        priced.append(((gain_s > _CHEAP_S, gain_s / _breadth(coverage)), search))
    return priced


def _mean_power(coverage: Coverage) -> float:
    """Return the power over the prior's noise rates."""
    return sum(
        weight * coverage.power(rate)
        for rate, weight in zip(NOISE_RATES, noise_weights(), strict=True)
    )


def _likely_share(coverage: Coverage) -> float:
    """Return the share of a generator's likely starts that a search covers, by a rough guess."""
    every = max(stream.generator.seed_count for stream in coverage.streams)
    few = not coverage.from_states and coverage.space < min(every, _SEEDED)
    return _SMALL_SEEDS if few else 1.0


def _breadth(coverage: Coverage) -> float:
    """Return the prior's stake on streams, skips and offsets, in units that matter to nobody."""
    presets = sum(len(presets_of(stream)) for stream in coverage.streams)
    offsets = _ANY_OFFSET if coverage.from_states else 1.0
    if coverage.offsets[-1] < 0:
        offsets *= _BEFORE_SKIP
    if coverage.variable_skip is not None:
        return presets * offsets * _VARIABLE_SKIP
    skips = log2(1 + len(coverage.skips)) + _NO_SKIP * (0 in coverage.skips)
    return presets * offsets * skips
