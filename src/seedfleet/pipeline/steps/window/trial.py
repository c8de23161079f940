"""One trial: the families are sieved on a window, and survivors judged by the draws after it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from seedfleet.pipeline.sieve_chance import chance_of
from seedfleet.pipeline.steps.window.configuration import SkipLaw
from seedfleet.pipeline.steps.window.judging import judge, score
from seedfleet.sieve import QuestionError, TooManyHitsError, VariableSkip, local_backend, sieve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from seedfleet.pipeline.sieve_search import PlannedSearch
    from seedfleet.pipeline.steps.window.configuration import Configuration
    from seedfleet.pipeline.steps.window.ground import Ground
    from seedfleet.pipeline.steps.window.judging import Judgement
    from seedfleet.sieve import Backend

__all__ = ["Outcome", "run_trial"]

MOST_PASSING = {False: 200_000, True: 20_000}  # pairs of a trial, by whether the skip varies
_MOST_SHARE = 0.5  # of all pairs, from which on a sieve is none
_MOST_TRIAL_S = 600.0
_EIGHTH_FROM = 2**16  # seeds from which on an eighth of them is tried first
_LEAST_PATIENCE_S = 5.0  # before a trial is given up for its time


@dataclass(frozen=True)
class Outcome:
    """What came of a trial.

    Attributes
    ----------
    objective
        Bits on the draws judged, less what the trials of the study cost; None where it was pruned.
    observed, expected
        Pairs of seed and alignment that passed, and that pass by chance; None where unknown.
    is_bound
        Whether `expected` is but an upper bound: each path of a variable skip counted as if it
        were alone.
    pruned
        Why it was; None where it was not.
    best
        Generator, seed and alignment of the survivor with most to say for it.
    elapsed_s
        How long it took.
    """

    objective: float | None
    observed: int | None
    expected: float | None
    is_bound: bool = False
    pruned: str | None = None
    best: Mapping[str, Any] | None = None
    elapsed_s: float = 0.0

    def to_document(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return vars(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Read what `to_document` wrote."""
        return cls(**document)


class _PrunedError(Exception):
    """A trial that is not worth its end; says why."""

    def __init__(self, reason: str, expected: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.expected = reason, expected


def run_trial(
    ground: Ground, configuration: Configuration, *, backend: Backend | None = None
) -> Outcome:
    """Sieve and judge; a trial that is pruned says why."""
    started = time.perf_counter()
    try:
        outcome = _run(ground, configuration, backend or local_backend())
    except _PrunedError as error:
        outcome = Outcome(None, None, error.expected, pruned=error.reason)
    except QuestionError as error:
        outcome = Outcome(None, None, None, pruned=str(error))
    return replace(outcome, elapsed_s=round(time.perf_counter() - started, 3))


def _run(ground: Ground, configuration: Configuration, backend: Backend) -> Outcome:
    searches = [
        ground.planned(family, configuration)
        for family in ground.families
        if configuration.law in family.laws
    ]
    expected = sum(_expected(search) for search in searches)
    judgements, observed = [], 0
    for search in searches:
        rows = _sieved(search, backend)
        observed += len(rows)
        judgements.append(judge(search, rows, ground.judged))
    return Outcome(
        objective=score(judgements) - ground.paid_bits,
        observed=observed,
        expected=expected,
        is_bound=configuration.law is SkipLaw.VARIABLE,
        best=_best(searches, judgements),
    )


def _expected(search: PlannedSearch) -> float:
    """Return the pairs that chance passes, or a bound on them; prune where these are too many.

    What is but a bound prunes nothing: the seeds themselves tell.
    """
    pairs = search.seed_count * search.alignments
    expected = min(
        float(pairs), chance_of(search.question, positions=0).bound_on_pairs(search.seed_count)
    )
    if _varies(search):
        return expected
    name, room = search.name.text, MOST_PASSING[False]
    if expected > _MOST_SHARE * pairs:
        text = f"{name}: nearly every pair passes by chance, {expected:,.0f} of {pairs:,}"
        raise _PrunedError(text, expected)
    if expected > room:
        raise _PrunedError(
            f"{name}: {expected:,.0f} pairs pass by chance, more than {room:,}", expected
        )
    return expected


def _varies(search: PlannedSearch) -> bool:
    return isinstance(search.question.skips, VariableSkip)


def _sieved(search: PlannedSearch, backend: Backend) -> NDArray[np.void]:
    """Return the survivors; an eighth of the seeds tells whether the others are worth it.

    It does where they are many, and where nobody knows beforehand how many pass by chance.
    """
    seeds, room = search.seeds, MOST_PASSING[_varies(search)]
    if search.seed_count < (8 if _varies(search) else _EIGHTH_FROM):
        return _within(search, seeds, room, backend)
    eighth = search.seed_count // 8
    cut = seeds.start + eighth
    first = _within(search, range(seeds.start, cut), room // 8, backend)
    if len(first) > _MOST_SHARE * eighth * search.alignments:
        text = f"{search.name.text}: {len(first):,} of an eighth of the seeds pass, {eighth:,}"
        raise _PrunedError(text)
    rest = _within(search, range(cut, seeds.stop), room - len(first), backend)
    return np.concatenate([first, rest])


def _within(search: PlannedSearch, seeds: range, room: int, backend: Backend) -> NDArray[np.void]:
    started, count = time.perf_counter(), seeds.stop - seeds.start

    def watch(share: float) -> None:
        spent = time.perf_counter() - started
        whole = spent / max(share, 1e-9) * search.seed_count / count
        if spent > _LEAST_PATIENCE_S and whole > _MOST_TRIAL_S:
            raise _PrunedError(f"{search.name.text}: it would take {whole:,.0f} s")

    try:
        return sieve(search.question, seeds, backend=backend, room=room, progress=watch).table
    except TooManyHitsError as error:
        raise _PrunedError(
            f"{search.name.text}: more than {room:,} pairs pass among {count:,} of "
            f"{search.seed_count:,} seeds"
        ) from error


def _best(searches: list[PlannedSearch], judgements: list[Judgement]) -> dict[str, Any] | None:
    """Describe the survivor with the largest stake on window and draws judged."""
    found: dict[str, Any] | None = None
    most = -np.inf
    for search, judgement in zip(searches, judgements, strict=True):
        if not len(judgement.rows):
            continue
        with np.errstate(invalid="ignore"):
            together = np.nan_to_num(judgement.stakes + judgement.judged, nan=-np.inf)
        bits = np.logaddexp2.reduce(together, axis=1)
        at = int(np.argmax(bits))
        if bits[at] > most:
            most, row = float(bits[at]), judgement.rows[at]
            found = {
                "generator": search.name.preset.slug,
                "seed": int(row["seed"]),
                "skip_min": int(row["skip_min"]),
                "skip_max": int(row["skip_max"]),
                "bits": most,
            }
    return found
