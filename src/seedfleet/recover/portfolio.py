"""Every search in order of cost, until one answer stands: from draws to a verdict."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from math import log2
from typing import TYPE_CHECKING, assert_never

import numpy as np

from seedfleet.evidence import Verdict, decide, mix, predictive_bits
from seedfleet.evidence.chance import better_than_chance
from seedfleet.evidence.prior import log2_alignment_weight
from seedfleet.evidence.verdict import Thresholds, draws_for_fitted, draws_needed, held_out_draws
from seedfleet.generators import presets_of, streams
from seedfleet.recover.answer import Recovery, SearchRecord, Status
from seedfleet.recover.lane import lane_families
from seedfleet.recover.lane_search import first_window, sliding_windows
from seedfleet.recover.options import OptionsError
from seedfleet.recover.repeats import find_repeats
from seedfleet.recover.scoring import abstained, predict, weigh
from seedfleet.recover.search import Question, Scope
from seedfleet.recover.seed_scan import scan_problems, seed_scans
from seedfleet.recover.unevenness import bits_to_beat, find_unevenness

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from seedfleet.evidence import Mixture
    from seedfleet.generators import Stream
    from seedfleet.recover.options import Options
    from seedfleet.recover.repeats import Repeats
    from seedfleet.recover.scoring import Weighed
    from seedfleet.recover.search import Coverage, Search, Survivor
    from seedfleet.recover.unevenness import Unevenness
    from seedfleet.sieve import Backend

__all__ = ["planned", "recover"]


_POWERED = 0.5  # a search that more often than not misses what it covers can tell nothing


def recover(
    values: NDArray[np.int64],
    sessions: Sequence[str | None],
    modulus: int,
    options: Options,
    *,
    progress: Callable[[str, float], None],
    backend: Backend | None = None,
) -> Recovery:
    """Look for the generator, seed and alignment behind a history of draws.

    Parameters
    ----------
    values
        int64 array, shape (n,), n >= 1, draws in ``[0, modulus)``, oldest first.
    sessions
        The session of each draw, n of them.
    modulus
        In ``[2, 2**31]``.
    options
        What to search.
    progress
        Called with a label and the share of that search that is done, in [0, 1].
    backend
        Runs the seed scans; by default on the cores of this machine.

    Returns
    -------
    Recovery
        The verdict with everything that it rests on.

    Raises
    ------
    OptionsError
        An option is out of range, or the seed scans cannot look so far or at so many alignments.
    """
    repeats = find_repeats(values, modulus)
    start, stop = repeats.analysed if repeats else (0, len(values))
    question, chosen = _asked(values[start:stop], sessions[start:stop], modulus, options)
    session_count = len(_session_names(sessions[start:stop]))
    uneven = find_unevenness(values[start:stop], modulus)
    run = _Run(question, session_count=max(1, session_count), uneven=uneven)
    searches = _searches(chosen, question, backend)
    for search in searches:
        run.take(search, progress)
    if options.controls:
        run.control(options.run_seed, progress)
    covered = {stream for search in searches for stream in search.coverage.streams}
    return run.recovery(
        options.predictions,
        uncovered=tuple(stream for stream in chosen if stream not in covered),
        unselected=tuple(stream for stream in streams() if stream not in chosen),
        repeats=repeats,
        to_the_end=stop == len(values),
    )


def planned(
    values: NDArray[np.int64], sessions: Sequence[str | None], modulus: int, options: Options
) -> tuple[Coverage, ...]:
    """Return what `recover` would search, in its order, without searching.

    The parameters and errors are those of `recover`.
    """
    repeats = find_repeats(values, modulus)
    start, stop = repeats.analysed if repeats else (0, len(values))
    question, chosen = _asked(values[start:stop], sessions[start:stop], modulus, options)
    return tuple(search.coverage for search in _searches(chosen, question, None))


def _asked(
    values: NDArray[np.int64], sessions: Sequence[str | None], modulus: int, options: Options
) -> tuple[Question, list[Stream]]:
    """Return the question about the draws to be analysed, and the streams that are chosen."""
    problems = options.problems()
    if problems:
        raise OptionsError(problems)
    question = Question(
        modulus=modulus,
        scopes=_scopes(values, sessions, options.sessions),
        skips=options.skips,
        scan_skips=options.scan_skips,
    )
    chosen = [
        stream
        for stream in streams()
        if not options.generators or stream.generator.name in options.generators
    ]
    problems = scan_problems(chosen, question)
    if problems:
        raise OptionsError(problems)
    return question, chosen


def _session_names(sessions: Sequence[str | None]) -> list[str]:
    """Return the sessions in order of first appearance."""
    return list(dict.fromkeys(name for name in sessions if name is not None))


def _scopes(
    values: NDArray[np.int64], sessions: Sequence[str | None], only: frozenset[str]
) -> tuple[Scope, ...]:
    """Return the parts of a history that may each have a stream.

    All draws share one in the first scope; where there are several sessions, each has one of its
    own in a further scope. `only` names sessions to which the scopes are restricted.
    """
    fitted = len(values) - held_out_draws(len(values))
    whole = Scope(values, fitted)
    names = _session_names(sessions)
    scopes = [] if only and set(names) != only else [whole]
    for name in names if len(names) > 1 else []:
        chosen = np.array([session == name for session in sessions])
        own_fitted = int(chosen[:fitted].sum())
        # A session that has all the fitted draws asks nothing else than the whole history does.
        if own_fitted < fitted and (not only or name in only):
            scopes.append(Scope(values[chosen], own_fitted, session=name))
    return tuple(scopes or [whole])


def _searches(
    chosen: Sequence[Stream], question: Question, backend: Backend | None
) -> list[Search]:
    """Return every search that applies, cheapest first."""
    searches: list[Search] = [*seed_scans(chosen, question, backend)]
    for family in lane_families(chosen, question.modulus):
        for scope in question.scopes:
            asked = replace(question, scopes=(scope,))
            searches += [first_window(family, asked), *sliding_windows(family, asked)]
    return sorted(searches, key=lambda search: search.coverage.cost_s)


@dataclass(frozen=True)
class _Told:
    """The watch of one search."""

    label: str
    told: Callable[[str, float], None]

    def progress(self, share: float) -> None:
        self.told(self.label, share)

    def expired(self) -> bool:
        return False


class _Run:
    """Searches taken one after the other, with what they found so far."""

    def __init__(
        self, question: Question, *, session_count: int, uneven: Unevenness | None
    ) -> None:
        self._question = question
        # All sessions of the history share the stake, also those too rare to be a scope.
        self._session_count = session_count
        self._uneven = uneven
        self._items: dict[Survivor, Weighed] = {}
        self._records: list[SearchRecord] = []
        self._completed: dict[int, Search] = {}  # by the index of their record

    def take(self, search: Search, progress: Callable[[str, float], None]) -> None:
        """Run one search, unless an answer stands already or there are too few draws for it."""
        coverage = search.coverage
        needed = draws_needed(coverage.space, self._weight(coverage, least=True), self._modulus)
        needed = max(needed, draws_for_fitted(coverage.least_draws))
        if self._is_answered(coverage):
            not_needed = "a cheaper search had recovered the stream already"
            self._record(coverage, Status.NOT_NEEDED, not_needed, needed)
            return
        fitted = min(scope.fitted for scope in coverage.scopes)
        if (
            fitted < coverage.least_draws
            or self._attainable_bits(coverage) < Thresholds.SIGNAL_BITS
        ):
            too_few = f"{_few(_draws(coverage))} too few: {needed} would do"
            self._record(coverage, Status.UNDER_POWERED, too_few, needed)
            return
        label = f"{coverage.attack}: {', '.join(stream.name for stream in coverage.streams)}"
        started = time.perf_counter()
        found = search.run(_Told(label, progress))
        for survivor in found.survivors:
            if survivor not in self._items:
                weighed = weigh(survivor, self._question, self._session_count)
                self._items[survivor] = weighed
        elapsed_s = time.perf_counter() - started
        status: Status = Status.COMPLETED
        reason: str | None = None
        if found.tested == coverage.space:
            self._completed[len(self._records)] = search
        else:
            status = Status.INCOMPLETE
            reason = f"{coverage.space - found.tested} seeds could not be tested"
        self._records.append(SearchRecord(coverage, status, reason, found, (), needed, elapsed_s))

    def control(self, run_seed: int, progress: Callable[[str, float], None]) -> None:
        """Run the controls of every search that was completed."""
        seeds = np.random.SeedSequence(run_seed).spawn(len(self._records))
        for done, (index, search) in enumerate(self._completed.items()):
            progress("controls", done / len(self._completed))
            controls = search.controls(np.random.default_rng(seeds[index]))
            self._records[index] = replace(self._records[index], controls=controls)

    def recovery(
        self,
        predictions: int,
        *,
        uncovered: tuple[Stream, ...],
        unselected: tuple[Stream, ...],
        repeats: Repeats | None,
        to_the_end: bool,
    ) -> Recovery:
        """Return the answer."""
        verdict, reason = self._verdict()
        if self._uneven is not None:
            reason = f"{self._uneven.sentence}; {reason}"
        if repeats is not None:
            reason = f"{repeats.text}; of what is left without the repeats: {reason}"
        items = list(self._items.values())
        known = self._mix(items, held_out=True)
        order = sorted(range(len(items)), key=lambda i: -sum(known.posterior[i]))
        items = [items[i] for i in order]
        known = self._mix(items, held_out=True)
        predictive = predictive_bits([item.scored for item in items])
        # A repeat at the end may go on or stop, and nothing tells which; and a stream that the
        # held-out draws speak against has ended, whatever it explained before.
        speaks = to_the_end and (predictive is None or predictive >= 0)
        return Recovery(
            verdict=verdict,
            reason=reason,
            fitted=self._mix(items, held_out=False),
            known=known,
            predictive_bits=predictive,
            items=tuple(items),
            predictions=predict(items, known, modulus=self._modulus, count=predictions)
            if speaks
            else abstained(modulus=self._modulus, count=predictions),
            searches=tuple(self._records),
            uncovered=uncovered,
            unselected=unselected,
            repeats=repeats,
            question=self._question,
        )

    @property
    def _modulus(self) -> int:
        return self._question.modulus

    def _record(self, coverage: Coverage, status: Status, reason: str, needed: int) -> None:
        self._records.append(SearchRecord(coverage, status, reason, None, (), needed, 0.0))

    @staticmethod
    def _mix(items: Sequence[Weighed], *, held_out: bool) -> Mixture:
        return mix([item.scored for item in items], held_out=held_out)

    def _weight(self, coverage: Coverage, *, least: bool) -> float:
        """Return the prior weight of the least or most favoured alignment, in bits."""
        presets = [len(presets_of(stream)) for stream in coverage.streams]
        skip = coverage.skips[-1] if least else coverage.skips[0]
        return log2_alignment_weight(
            presets=min(presets) if least else max(presets),
            skip_min=skip,
            skip_max=skip,
            offset=0,
            session_count=self._session_count,
            chosen_sessions=1 if least else self._session_count,
        )

    def _is_answered(self, coverage: Coverage) -> bool:
        """Tell whether the streams of all the coverage's scopes have been recovered."""
        if self._verdict()[0] is not Verdict.RECOVERED:
            return False
        items = list(self._items.values())
        mixture = self._mix(items, held_out=False)
        answered = {
            item.scored.scope
            for item in items
            if mixture.classes[item.scored.equivalence] > Thresholds.RECOVERED_POSTERIOR
        }
        # A session with a stream of its own rules out that all share one.
        asked = {scope.part for scope in coverage.scopes} - {None}
        return None in answered or (asked <= answered and bool(answered))

    def _attainable_bits(self, coverage: Coverage) -> float:
        """Return the evidence that a perfect fit of the most favoured alignment would give."""
        draws = max(scope.fitted for scope in coverage.scopes)
        smallest = min(stream.generator.seed_count for stream in coverage.streams)
        weight = self._weight(coverage, least=False)
        return draws * log2(self._modulus) - log2(smallest) + weight

    def _absence(self) -> str:
        """Say that nothing was found, and whether something fits in part."""
        for item in self._items.values():
            draws, matches = len(item.survivor.scope.values), item.matches
            pairs = sum(record.coverage.pairs for record in self._records)
            if better_than_chance(matches, draws, pairs=pairs, modulus=self._modulus):
                return (
                    f"no stream that was searched explains the draws, though one gives {matches} "
                    f"of {draws}, more than chance would: draws may be missing or out of order"
                )
        return "nothing within what was searched explains the draws better than chance"

    def _shortage(self) -> str:
        """Say why no search could tell."""
        sieve = "`seedfleet sieve` tests ranges of its seeds"
        if not self._records:
            return (
                "no search is built that would find such a generator in draws with this modulus; "
                + sieve
            )
        draws = max(len(scope.values) for scope in self._question.scopes)
        powers = [record.coverage.power(0.0) for record in self._records]
        # Of a search that had too few draws, the power says that and no more.
        needed = [
            record.draws_needed
            for record, power in zip(self._records, powers, strict=True)
            if record.status is Status.UNDER_POWERED or power >= _POWERED
        ]
        if not needed:
            return (
                f"no search that is built finds such a generator more often than {max(powers):.0%} "
                f"of the time in draws with this modulus; {sieve}"
            )
        return f"{_few(draws)} too few to tell: {min(needed)} or more would do"

    def _verdict(self) -> tuple[Verdict, str]:
        items = list(self._items.values())
        mixture = self._mix(items, held_out=False)
        best = max(mixture.classes.values(), default=0.0)
        enough = [
            record.status is Status.COMPLETED
            and _draws(record.coverage) >= record.draws_needed
            and record.coverage.power(0.0) >= _POWERED
            for record in self._records
        ]
        predictive = predictive_bits([item.scored for item in items])
        evidence = mixture.evidence_bits - bits_to_beat(self._uneven)
        verdict = decide(evidence, predictive, best, powered=any(enough))
        return verdict, self._reason(verdict)

    def _reason(self, verdict: Verdict) -> str:
        match verdict:
            case Verdict.RECOVERED:
                return "one stream explains the fitted draws and predicts those held out"
            case Verdict.SIGNAL:
                return "the draws favour what was searched, but not one stream beyond doubt"
            case Verdict.NO_EVIDENCE:
                return self._absence()
            case Verdict.UNDER_POWERED:
                return self._shortage()
            case _:
                assert_never(verdict)


def _few(draws: int) -> str:
    return "1 draw is" if draws == 1 else f"{draws} draws are"


def _draws(coverage: Coverage) -> int:
    """Return the known draws of the coverage's largest scope."""
    return max(len(scope.values) for scope in coverage.scopes)
