"""What a sieve let through, weighed: bets on streams, none of them counted twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.evidence import Scored
from seedfleet.evidence.likelihood import bits_of_matches
from seedfleet.evidence.start_prior import seed_odds
from seedfleet.sieve.weighing import Alignment, weigh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from seedfleet.pipeline.sieve_search import PlannedSearch
    from seedfleet.sieve.weighing import Weighing

__all__ = ["Finding", "once_each", "weighed"]

_WEIGHED = 1000  # survivors of a search that enter the mixture; the others count nothing
_WEIGHED_PATHS = 100  # the same with variable skip, where weighing one sums over all paths ...
_PATH_WORK = 2**31  # ... of so many positions together


@dataclass(frozen=True, eq=False)
class Finding:
    """A survivor, weighed.

    Attributes
    ----------
    search
        Which sieve let it pass.
    seed, alignment
        What passed.
    forward_matches, reverse_matches
        Of the parts that decided; -1 for the other.
    weighing, scored
        Its stream beside the known draws, and its place in the mixture.
    """

    search: PlannedSearch
    seed: int
    alignment: Alignment
    forward_matches: int
    reverse_matches: int
    weighing: Weighing
    scored: Scored


def weighed(
    search: PlannedSearch, table: NDArray[np.void], *, progress: Callable[[float], None]
) -> tuple[Finding, ...]:
    """Weigh the survivors that promise most.

    Seeds below the canonical ones are no bets of their own: their streams are those of others.

    Parameters
    ----------
    table
        Survivors, as `seedfleet.sieve.sieve` returns them.
    progress
        Called with the share that is done, in [0, 1].
    """
    table = table[table["seed"] >= np.uint64(search.bets.start)]
    limit = _WEIGHED
    if search.gaps > 1:
        positions = len(search.question.draws) ** 2 * search.gaps
        limit = max(1, min(_WEIGHED_PATHS, _PATH_WORK // positions))
    if len(table) > limit:
        promise = _promise(search, table)
        table = table[np.argsort(-promise, kind="stable")[:limit]]
    findings: list[Finding] = []
    for row in table.tolist():
        progress(len(findings) / len(table))
        findings.append(_finding(search, row))
    return tuple(findings)


def once_each(findings: Iterable[Finding]) -> list[Finding]:
    """Return every bet once: a stream, a seed and an alignment, whichever searches it passed.

    All searches of a plan weigh a bet over the same draws, so it does not matter which of them is
    kept: it is the first.
    """
    bets: dict[object, Finding] = {}
    for finding in findings:
        bets.setdefault((finding.search.stream, finding.seed, finding.alignment), finding)
    return list(bets.values())


def _promise(search: PlannedSearch, table: NDArray[np.void]) -> NDArray[np.float64]:
    """Return for each survivor what its matches and its alignment earn at most, in bits."""
    question = search.question
    draws = len(question.looked_at)
    earned = np.array([max(bits_of_matches(k, draws, question.modulus)) for k in range(draws + 1)])
    matches = np.maximum(table["forward_matches"], 0) + np.maximum(table["reverse_matches"], 0)
    names = ["offset", "skip_min", "skip_max"]
    distinct, which = np.unique(table[names], return_inverse=True)
    weights = np.array([search.log2_weight(*map(int, each)) for each in distinct.tolist()])
    promise: NDArray[np.float64] = earned[matches] + weights[which]
    return promise


def _finding(search: PlannedSearch, row: tuple[Any, ...]) -> Finding:
    seed, offset, least, most, forward, reverse = map(int, row)
    alignment = Alignment(offset, least, most)
    weighing = weigh(search.stream, seed, alignment, search.known)
    scored = Scored(
        equivalence=weighing.digest,
        log2_weight=search.log2_weight(offset, least, most),
        seed_space=seed_odds(search.stream.generator.seed_count, seed),
        fitted_bits=weighing.fitted_bits,
        known_bits=weighing.known_bits,
    )
    return Finding(search, seed, alignment, forward, reverse, weighing, scored)
