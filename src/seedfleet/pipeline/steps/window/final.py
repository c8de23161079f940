"""The sieve of the chosen configuration: forward, reverse and both, each beside its chance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from seedfleet.pipeline.sieve_chance import chance_of
from seedfleet.pipeline.steps.survivor_table import NO_END, ROW, SurvivorTable
from seedfleet.sieve import Direction, TooManyHitsError, few_seeds_backend, sieve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from seedfleet.pipeline.sieve_search import PlannedSearch
    from seedfleet.pipeline.steps.window.configuration import Configuration
    from seedfleet.pipeline.steps.window.ground import Ground
    from seedfleet.sieve import Question

__all__ = ["ALIGNMENT", "Passed", "final_sieve"]

ALIGNMENT = ["preset", "offset", "skip_min", "skip_max"]
_SHUFFLES, _SHUFFLED_SEEDS = 2, 2**14
_ROOM = 2_000_000  # survivors of one direction that are held at once
_FEW_PAIRS = 0.01  # by chance; whether they are even fewer is nobody's concern


@dataclass(frozen=True, eq=False)
class Passed:
    """What passed in one direction.

    Attributes
    ----------
    table
        The likeliest of it.
    observed
        How many pairs passed.
    expected
        How many pass by chance.
    is_bound
        Whether that is but an upper bound.
    by_shuffling
        Whether it was counted on shuffled draws, where nothing else tells.
    stricter
        Whether more passed than there is room for, so that `observed` counts those with more
        matches alone.
    alignments
        By values of `ALIGNMENT` that any pair passed under, in whatever direction:
        `bidirectional_count` and `bidirectional_selectivity`.
    """

    table: SurvivorTable
    observed: int
    expected: float
    is_bound: bool
    by_shuffling: bool
    stricter: bool
    alignments: Mapping[tuple[int, ...], tuple[int, float]]

    def to_document(self) -> dict[str, Any]:
        """Return the counts as JSON holds them."""
        return {
            "observed": self.observed,
            "expected": self.expected,
            "expected_is_bound": self.is_bound,
            "expected_by_shuffling": self.by_shuffling,
            "kept": len(self.table),
            "counted_with_more_matches_alone": self.stricter,
        }


def final_sieve(
    ground: Ground, configuration: Configuration, most: int, rng: np.random.Generator
) -> Mapping[Direction, Passed]:
    """Sieve in each direction, and keep at most so many rows of each, those with most matches.

    Parameters
    ----------
    rng
        Shuffles draws.
    """
    families = [family for family in ground.families if configuration.law in family.laws]
    presets = tuple(family.preset for family in families)
    found, figures = {}, {}
    for direction in Direction:
        searches = [ground.planned(family, configuration, direction) for family in families]
        parts = [_rows(search, code) for code, search in enumerate(searches)]
        found[direction] = np.concatenate([rows for rows, _ in parts])
        chances = [_chance(search, rng) for search in searches]
        figures[direction] = (
            sum(chance.pairs for chance in chances),
            any(chance.is_bound for chance in chances),
            any(chance.by_shuffling for chance in chances),
            any(stricter for _, stricter in parts),
        )
    alignments = _counted(found)
    for rows in found.values():
        _tell_alignments(rows, alignments)
    return {
        direction: Passed(
            SurvivorTable(presets, configuration.sessions, _likeliest(rows, most)),
            len(rows),
            *figures[direction],
            alignments,
        )
        for direction, rows in found.items()
    }


def _rows(search: PlannedSearch, code: int) -> tuple[NDArray[np.void], bool]:
    """Return a family's survivors, and whether more matches than asked for were needed."""
    question, stricter = search.question, False
    while True:
        try:
            table = sieve(question, search.seeds, backend=few_seeds_backend(), room=_ROOM).table
            break
        except TooManyHitsError:
            question, stricter = _one_match_more(question), True
    rows = np.zeros(len(table), dtype=ROW)
    rows["preset"], rows["end"] = code, NO_END
    for name in ("seed", "offset", "skip_min", "skip_max"):
        rows[name] = table[name]
    for name, part in (("forward", question.forward), ("reverse", question.reverse)):
        looked_at = table[f"{name}_matches"] >= 0
        rows[f"{name}_draws"] = np.where(looked_at, len(part), 0)
        rows[f"{name}_matches"] = np.maximum(table[f"{name}_matches"], 0)
    return rows, stricter


class _Expected(NamedTuple):
    """What chance passes, and how that is known."""

    pairs: float
    is_bound: bool = False
    by_shuffling: bool = False


def _chance(search: PlannedSearch, rng: np.random.Generator) -> _Expected:
    """Return the chance of a search; sieved on shuffled draws where sums leave it open."""
    chance = chance_of(search.question, positions=0)
    pairs = chance.bound_on_pairs(search.seed_count)
    if not chance.is_bound or pairs < _FEW_PAIRS:
        return _Expected(pairs, is_bound=chance.is_bound)
    few = min(search.seed_count, _SHUFFLED_SEEDS)
    seeds = range(search.seeds.start, search.seeds.start + few)
    question = search.question
    try:
        counts = [
            len(sieve(each, seeds, backend=few_seeds_backend()).table)
            for each in (
                replace(question, draws=rng.permutation(question.draws)) for _ in range(_SHUFFLES)
            )
        ]
    except TooManyHitsError:
        return _Expected(pairs, is_bound=True)
    return _Expected(sum(counts) / _SHUFFLES * search.seed_count / few, by_shuffling=True)


def _one_match_more(question: Question) -> Question:
    """Return a question that fewer pass: those that it loses match least."""
    forward, reverse = (
        min(1.0, threshold + 1 / max(1, len(part)))
        for threshold, part in (
            (question.forward_threshold, question.forward),
            (question.reverse_threshold, question.reverse),
        )
    )
    if (forward, reverse) == (question.forward_threshold, question.reverse_threshold):
        raise TooManyHitsError(_ROOM)
    return replace(question, forward_threshold=forward, reverse_threshold=reverse)


def _counted(
    found: Mapping[Direction, NDArray[np.void]],
) -> dict[tuple[int, ...], tuple[int, float]]:
    """Return how many pass both ways under each alignment, and forward for each in reverse."""
    counts = {direction: _counts(rows) for direction, rows in found.items()}
    forward, reverse, both = (
        counts[direction]
        for direction in (Direction.FORWARD, Direction.REVERSE, Direction.BIDIRECTIONAL)
    )
    return {
        key: (both.get(key, 0), forward.get(key, 0) / max(reverse.get(key, 0), 1))
        for key in {**forward, **reverse, **both}
    }


def _tell_alignments(
    rows: NDArray[np.void], alignments: Mapping[tuple[int, ...], tuple[int, float]]
) -> None:
    """Fill in how many pass under each row's alignment."""
    for alignment in np.unique(rows[ALIGNMENT]):
        here = rows[ALIGNMENT] == alignment
        both, selectivity = alignments[alignment.item()]
        rows["bidirectional_count"][here] = both
        rows["bidirectional_selectivity"][here] = selectivity


def _counts(rows: NDArray[np.void]) -> dict[tuple[int, ...], int]:
    alignments, counts = np.unique(rows[ALIGNMENT], return_counts=True)
    return dict(zip(alignments.tolist(), counts.tolist(), strict=True))


def _likeliest(rows: NDArray[np.void], most: int) -> NDArray[np.void]:
    """Return at most so many rows, most matches first; the order of seeds where they tie."""
    matches = rows["forward_matches"] + rows["reverse_matches"]
    kept: NDArray[np.void] = rows[np.argsort(-matches, kind="stable")[:most]]
    return kept
