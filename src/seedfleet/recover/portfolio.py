"""Every search in order of cost, until one answer stands: from draws to a verdict."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence import mix, predictive_bits
from seedfleet.evidence.mixture import log2_sum
from seedfleet.evidence.verdict import Thresholds
from seedfleet.generators import streams
from seedfleet.recover.agenda import Agenda, in_order
from seedfleet.recover.analysis import analysis_of
from seedfleet.recover.answer import Recovery, SearchRecord, Status
from seedfleet.recover.attacks import searches
from seedfleet.recover.budget import Budget, BudgetWatch
from seedfleet.recover.caveats import caveat
from seedfleet.recover.finds import Finds
from seedfleet.recover.foresight import foresee
from seedfleet.recover.judgement import few_draws, goes_on, is_recovered, judge, scores_of
from seedfleet.recover.rivals import looks_for_rivals
from seedfleet.recover.scoring import abstained
from seedfleet.recover.stakes import attainable_bits, draws_to_recover
from seedfleet.recover.unevenness import bits_to_beat, find_unevenness
from seedfleet.sieve import local_backend

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from seedfleet.draws import History
    from seedfleet.generators import Stream
    from seedfleet.recover.analysis import Analysis
    from seedfleet.recover.dated import DatedFinding
    from seedfleet.recover.options import Options
    from seedfleet.recover.scope import Scope
    from seedfleet.recover.scoring import Weighed
    from seedfleet.recover.search import Coverage, Found, Search
    from seedfleet.sieve import Backend

__all__ = ["planned", "recover"]

_HOLDS = 0.5  # posterior of what explains its draws
_CONTROLS_S, _CONTROLS_SHARE = 3.0, 0.25  # seconds, or the share of what the searches took
_CONTROL_TIMES, _CONTROL_S = 4.0, 5.0  # of its search that a control may take, and at most so long
_OWED_S = 15.0  # that controls of the searches that the answer rests on may take at any rate


def recover(
    history: History,
    options: Options,
    *,
    progress: Callable[[str, float], None],
    backend: Backend | None = None,
    clock: Callable[[], float] = time.monotonic,
    compiled_s: Callable[[], float] = lambda: 0.0,
) -> Recovery:
    """Look for the generator, start and alignment behind a history of draws.

    Parameters
    ----------
    history
        At least one draw.
    options
        What to search, and for how long.
    progress
        Called with a label and the share of that search that is done, in [0, 1].
    backend
        Runs the seed scans; by default on the cores of this machine.
    clock
        Seconds from any moment on; the budget is counted on it.
    compiled_s
        Seconds from now on that went into compiling kernels; see `Budget`.

    Returns
    -------
    Recovery
        The verdict with everything that it rests on.

    Raises
    ------
    OptionsError
        An option is out of range, or the seed scans cannot look so far or at so many alignments.
    """
    budget = Budget(options.budget_s, clock, compiled_s)
    run = _Run(
        analysis_of(history, options),
        options.streams(),
        budget=budget,
        backend=backend or local_backend(),
        progress=progress,
    )
    run.search()
    if options.controls:
        run.control(options.run_seed)
    return run.recovery(options.predictions)


def planned(history: History, options: Options) -> tuple[Coverage, ...]:
    """Return what `recover` would search at first, in its order, without searching.

    What a find leads to, such as the parts of the history between reseeds, comes on top of it.

    Raises
    ------
    OptionsError
        As `recover` raises it.
    """
    question = analysis_of(history, options).question
    planned = in_order(searches(options.streams(), question, local_backend()))
    return tuple(search.coverage for search in planned)


class _Run:
    """Searches taken one after the other, with what they found so far."""

    def __init__(
        self,
        analysed: Analysis,
        chosen: Sequence[Stream],
        *,
        budget: Budget,
        backend: Backend,
        progress: Callable[[str, float], None],
    ) -> None:
        self._analysed = analysed
        self._question = analysed.question
        self._hurdle = cache(self._uneven_bits)  # asked of each scope after each search
        self._chosen = chosen
        self._budget = budget
        self._backend = backend
        self._progress = progress
        self._division = analysed.division
        self._agenda = Agenda()
        self._covered: set[Stream] = set()
        self._finds = Finds(self._question, self._division)
        self._dated: list[DatedFinding] = []
        self._records: list[SearchRecord] = []
        self._taken: dict[int, Search] = {}  # by the index of their record
        self._finders: dict[Hashable, int] = {}  # record that told of a class of streams first
        self._controlled = False

    def search(self) -> None:
        """Take every search in turn."""
        self._plan(self._chosen, self._question.scopes, led=False)
        self._budget.begin()
        while (search := self._agenda.take()) is not None:
            self._take(search)

    def _plan(self, chosen: Sequence[Stream], scopes: tuple[Scope, ...], *, led: bool) -> None:
        planned = searches(chosen, replace(self._question, scopes=scopes), self._backend)
        self._agenda.add(planned, led=led)
        for search in planned:
            if search.coverage.rule_odds is None:  # a rule's seeds are a few of each stream's
                self._covered.update(search.coverage.streams)

    def _take(self, search: Search) -> None:
        """Run one search, unless there is a reason not to."""
        coverage = search.coverage
        needed = draws_to_recover(coverage, self._division, self._question.modulus)
        refused = self._refusal(coverage, needed)
        if refused is not None:
            self._records.append(refused)
            return
        label = f"{coverage.attack}: {', '.join(stream.name for stream in coverage.streams)}"
        began_s = self._budget.spent_s
        until_s = self._budget.until_s(coverage.cost_s)
        found = search.run(BudgetWatch(label, self._progress, self._budget, until_s))
        searched_s = self._budget.spent_s - began_s
        self._finds.weigh(found.survivors)
        self._dated += found.dated
        record = SearchRecord(
            coverage,
            Status.COMPLETED,
            reason=None,
            found=found,
            draws_needed=needed,
            elapsed_s=self._budget.spent_s - began_s,
        )
        if found.tested < coverage.space:
            record = self._cut_short(record, found, searched_s)
        index = len(self._records)
        self._taken[index] = search
        self._records.append(record)
        self._follow(found)
        for scored in scores_of(self._finds.items, self._dated):
            self._finders.setdefault(scored.equivalence, index)

    def _cut_short(self, record: SearchRecord, found: Found, searched_s: float) -> SearchRecord:
        space, seen = record.coverage.space, found.tested + found.undecided
        more_s = searched_s * ((space - seen) / seen) if seen else record.coverage.cost_s
        reasons = [lead.text for lead in found.leads]
        if found.undecided:
            reasons.append(f"the draws leave {found.undecided / space:.0%} of the starts open")
        if seen < space and not found.leads:
            reasons.append(f"{(space - seen) / space:.0%} of the starts were not tested")
        return replace(
            record,
            status=Status.INCOMPLETE,
            reason="; ".join(reasons),
            budget_needed_s=self._budget.needed_s(
                more_s, record.coverage.cost_s, searched_s + more_s
            )
            if seen < space
            else None,
        )

    def _uneven_bits(self, scope: Scope) -> float:
        """Return what a stream must beat where the draws that it would explain are not uniform."""
        return bits_to_beat(find_unevenness(scope.values, self._question.modulus))

    def _refusal(self, coverage: Coverage, needed: int) -> SearchRecord | None:
        """Return the record of a search that is not to be run."""
        without = SearchRecord(coverage, Status.NOT_NEEDED, reason=None, draws_needed=needed)
        if self._is_answered(coverage) and not looks_for_rivals(
            coverage, [item.survivor for item in self._finds.items]
        ):
            return replace(without, reason="an earlier search had recovered the stream already")
        if self._finds.are_split(coverage.scopes):
            reason = "a stream ends or begins within these draws; their parts are searched"
            return replace(without, reason=reason)
        fitted = min(scope.fitted for scope in coverage.scopes)
        attainable = attainable_bits(coverage, self._division, self._question.modulus)
        if fitted < coverage.least_draws or attainable < Thresholds.SIGNAL_BITS:
            reason = f"{few_draws(coverage.scopes)} too few: {needed} would do"
            return replace(without, status=Status.UNDER_POWERED, reason=reason)
        if not self._budget.has_time_for(coverage.cost_s):
            return replace(
                without,
                status=Status.OVER_BUDGET,
                reason="it would not have ended within the budget",
                budget_needed_s=self._budget.needed_s(coverage.cost_s),
            )
        return None

    def _follow(self, found: Found) -> None:
        """Look first for what was found to lead on: named generators, and parts of the draws.

        Where a stream explains a stretch of its draws alone, the others are searched by themselves.
        """
        self._agenda.advance({lead.stream for lead in found.leads})
        for survivor in found.survivors:
            rest = self._finds.peel(survivor)
            if rest:
                self._plan([survivor.stream], rest, led=True)
                others = [each for each in self._chosen if each != survivor.stream]
                self._plan(others, rest, led=False)

    def control(self, run_seed: int) -> None:
        """Run the controls of completed searches, and first of those that the answer rests on.

        For as long as the searches took, or nearly so: an answer is not kept waiting for longer.
        But an answer without any control stands on nothing. So one of them runs, if it is short,
        also where the searches left no time, and those of a search that found the stream run also
        where it was stopped before its end, unless they take long.
        """
        self._controlled = True
        seeds = np.random.SeedSequence(run_seed).spawn(len(self._records))
        searched_s = self._budget.spent_s
        until_s = searched_s + max(_CONTROLS_S, _CONTROLS_SHARE * searched_s)
        tellers, longest_s = self._tellers(), 0.0
        order = self._to_control(tellers)
        for done, index in enumerate(order):
            late = self._budget.is_spent or self._budget.spent_s > until_s
            if done and index not in tellers and late:
                return
            search = self._taken[index]
            guessed_s = min(_CONTROL_TIMES * self._records[index].elapsed_s, _CONTROL_S)
            needed_s = max(longest_s, guessed_s, search.coverage.controls_s)
            if index in tellers:
                is_owed = self._budget.spent_s - searched_s + needed_s <= _OWED_S
            else:
                is_owed = not longest_s and needed_s <= _CONTROL_S
            if not self._budget.has_room(needed_s) and not is_owed:
                continue
            began_s = self._budget.spent_s
            self._progress("controls", done / len(order))
            controls = search.controls(np.random.default_rng(seeds[index]))
            longest_s = max(longest_s, self._budget.spent_s - began_s)
            self._records[index] = replace(self._records[index], controls=controls)

    def _tellers(self) -> set[int]:
        """Return which searches told of a stream that is likelier than not."""
        classes = mix(scores_of(self._finds.items, self._dated), held_out=True).classes
        return {self._finders[each] for each, held in classes.items() if held > _HOLDS}

    def _to_control(self, tellers: set[int]) -> list[int]:
        """Return the searches whose controls tell something, the most telling first."""
        found = {*self._finders.values()}
        completed = [i for i in self._taken if self._records[i].status is Status.COMPLETED]
        chosen = tellers.union(completed)
        return sorted(chosen, key=lambda index: (index not in tellers, index not in found, index))

    def recovery(self, predictions: int) -> Recovery:
        """Return the answer."""
        uneven, repeats = self._analysed.uneven, self._analysed.repeats
        items, dated = self._ranked()
        judged = judge(self._finds.items, self._dated, self._records, self._question, self._hurdle)
        reason = judged.reason
        if judged.verdict.found:
            told = [self._records[index] for index in sorted(self._tellers())]
            reason += caveat(told, controlled=self._controlled)
        if uneven is not None:
            reason = f"{uneven.sentence}; {reason}"
        if repeats is not None:
            reason = f"{repeats.text}; of what is left without the repeats: {reason}"
        everything = scores_of(items, dated)
        going_on = [item for item in items if goes_on(item.survivor.scope)]
        predictive = predictive_bits(scores_of(going_on, dated))
        # A repeat at the end may go on or stop, and nothing tells which; and a stream that the
        # held-out draws speak against has ended, whatever it explained before.
        speaks = self._analysed.ends and (predictive is None or predictive >= 0)
        return Recovery(
            verdict=judged.verdict,
            reason=reason,
            fitted=mix(everything, held_out=False),
            known=mix(everything, held_out=True),
            predictive_bits=predictive,
            items=tuple(items),
            dated=tuple(dated),
            predictions=foresee(going_on, dated, self._question, predictions)
            if speaks
            else abstained(modulus=self._question.modulus, count=predictions),
            searches=tuple(self._records),
            uncovered=tuple(stream for stream in self._chosen if stream not in self._covered),
            unselected=tuple(stream for stream in streams() if stream not in self._chosen),
            repeats=repeats,
            question=self._question,
            rule=None if self._question.calendar is None else self._question.calendar.rule.text,
        )

    def _ranked(self) -> tuple[list[Weighed], list[DatedFinding]]:
        """Return what was found, each kind by falling evidence.

        A stream that holds its draws and goes on comes before those that have ended: it tells the
        draws to come.
        """
        items, dated = self._finds.items, self._dated
        scored = scores_of(items, dated)
        known = mix(scored, held_out=True)
        weights = [sum(row) for row in known.posterior]
        earned = [log2_sum(each.stakes(held_out=True)) for each in scored]
        count = len(items)

        def place(index: int) -> tuple[bool, float]:
            ended = index < count and not goes_on(items[index].survivor.scope)
            return ended or weights[index] <= _HOLDS, -earned[index]

        ranked = sorted(range(len(weights)), key=place)
        return [items[i] for i in ranked if i < count], [
            dated[i - count] for i in ranked if i >= count
        ]

    def _is_answered(self, coverage: Coverage) -> bool:
        """Tell whether the streams of all the coverage's scopes have been recovered."""
        items, dated = self._finds.items, self._dated
        scored = scores_of(items, dated)
        classes = mix(scored, held_out=False).classes
        if not is_recovered(items, dated, classes, self._hurdle):
            return False
        answered = {
            each.scope
            for each in scored
            if classes[each.equivalence] > Thresholds.RECOVERED_POSTERIOR
        }
        left = (scope for scope in coverage.scopes if not self._finds.explain(scope, classes))
        asked = {scope.part for scope in left}
        if coverage.rule_odds is None:
            # A session with a stream of its own rules out that all share one; seeds by date do not.
            asked -= {None}
        return None in answered or (asked <= answered and bool(answered))
