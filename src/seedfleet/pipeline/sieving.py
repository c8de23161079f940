"""The step `seedfleet sieve`: planned searches go in; survivors, each weighed, come out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from math import ceil, inf, log2
from typing import TYPE_CHECKING, assert_never

import numpy as np

from seedfleet.evidence import Verdict, decide, mix, predictive_bits
from seedfleet.evidence.chance import better_than_chance
from seedfleet.evidence.likelihood import NOISE_RATES
from seedfleet.evidence.prior import NULL_WEIGHT
from seedfleet.evidence.verdict import Thresholds, draws_needed
from seedfleet.pipeline.sieve_controls import controls_of
from seedfleet.pipeline.sieve_findings import once_each, weighed
from seedfleet.recover.unevenness import bits_to_beat
from seedfleet.sieve import sieve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from seedfleet.evidence import Mixture
    from seedfleet.pipeline.sieve_findings import Finding
    from seedfleet.pipeline.sieve_plan import Plan
    from seedfleet.pipeline.sieve_search import PlannedSearch
    from seedfleet.recover.controls import Control
    from seedfleet.sieve import Backend

__all__ = ["SURVIVORS_HEADER", "Answer", "SieveRecord", "run_sieve"]

_LINES_AT_ONCE = 2**16
SURVIVORS_HEADER = (
    "generator,seed,offset,skip_min,skip_max,"
    "forward_matches,forward_draws,reverse_matches,reverse_draws,sessions\n"
)


@dataclass(frozen=True, eq=False)
class SieveRecord:
    """One search: what was tested, what passed, what it says.

    Attributes
    ----------
    search
        What was asked.
    tested, passed
        Seeds decided, and pairs of seed and alignment that passed.
    passed_seeds
        Seeds that passed at one alignment at least.
    degenerate
        Seeds of the range whose stream stands still or is shorter than any history: left out.
    findings
        The best survivors, best first.
    controls
        The same kernels where the answer is known.
    to_beat
        Bits that tell otherwise that the draws are not uniform.
    elapsed_s
        How long it took.
    """

    search: PlannedSearch
    tested: int
    passed: int
    passed_seeds: int
    degenerate: tuple[int, ...]
    findings: tuple[Finding, ...]
    controls: tuple[Control, ...]
    to_beat: float
    elapsed_s: float

    @property
    def complete(self) -> bool:
        """Whether every seed was decided."""
        return self.tested == self.search.seed_count

    @property
    def powered(self) -> bool:
        """Whether the verdict could have been `recovered`, had the true stream been among these."""
        search = self.search
        looked_at, known = len(search.fitted), len(search.question.draws)
        prior = log2(1 - NULL_WEIGHT) + search.least_log2_weight - 1
        fit = looked_at * search.bits_a_draw + prior - log2(search.seed_odds)
        unseen = (known - looked_at) * search.bits_a_draw
        return (
            self.complete
            and bool(search.bets)
            and fit >= Thresholds.RECOVERED_FIT_BITS
            and unseen >= Thresholds.RECOVERED_PREDICTIVE_BITS
        )

    @property
    def verdict(self) -> Verdict:
        """What this search alone says."""
        return _verdict(self.findings, self.to_beat, powered=self.powered)

    @property
    def draws_needed(self) -> int | None:
        """Known draws with which it could end in `recovered`; None where no number would do."""
        search = self.search
        if search.gaps >= search.question.modulus or search.least_log2_weight == -inf:
            return None
        clean = draws_needed(search.seed_odds, search.least_log2_weight, search.question.modulus)
        return ceil(clean * log2(search.question.modulus) / search.bits_a_draw)


@dataclass(frozen=True, eq=False)
class Answer:
    """All of it.

    Attributes
    ----------
    plan
        What was asked.
    records
        One for each planned search.
    verdict, reason
        What can be said of all of them together, and why.
    fitted, known
        The mixture over the draws looked at, and over all known ones.
    predictive_bits
        Evidence on the draws not looked at; None when nothing was scored.
    findings
        Every weighed survivor once, best first, in the order of `known`.
    elapsed_s
        How long it took.
    """

    plan: Plan
    records: tuple[SieveRecord, ...]
    verdict: Verdict
    reason: str
    fitted: Mixture
    known: Mixture
    predictive_bits: float | None
    findings: tuple[Finding, ...]
    elapsed_s: float


def run_sieve(
    plan: Plan,
    backend: Backend,
    *,
    keep: Callable[[Iterator[str]], None],
    progress: Callable[[str, float], None],
) -> Answer:
    """Run every search of a plan.

    Parameters
    ----------
    backend
        Tests the seeds.
    keep
        Takes the lines of `survivors.csv`, a search at a time.
    progress
        Called with a label and the share of that search that is done, in [0, 1].

    Raises
    ------
    TooManyHitsError
        More pairs pass than there is room for.
    """
    started = time.perf_counter()
    to_beat = bits_to_beat(plan.uneven)
    seeds = np.random.SeedSequence(plan.options.run_seed).spawn(len(plan.searches))
    records = tuple(
        _run(search, backend, np.random.default_rng(seed), keep, progress, to_beat=to_beat)
        for search, seed in zip(plan.searches, seeds, strict=True)
    )
    findings = once_each(finding for record in records for finding in record.findings)
    known = mix([finding.scored for finding in findings], held_out=True)
    order = sorted(range(len(findings)), key=lambda i: -sum(known.posterior[i]))
    findings = [findings[i] for i in order]
    scored = [finding.scored for finding in findings]
    fitted = mix(scored, held_out=False)
    verdict = _verdict(findings, to_beat, powered=any(record.powered for record in records))
    return Answer(
        plan=plan,
        records=records,
        verdict=verdict,
        reason=_reason(verdict, plan, records, fitted.evidence_bits - to_beat),
        fitted=fitted,
        known=mix(scored, held_out=True),
        predictive_bits=predictive_bits(scored),
        findings=tuple(findings),
        elapsed_s=time.perf_counter() - started,
    )


def _run(
    search: PlannedSearch,
    backend: Backend,
    rng: np.random.Generator,
    keep: Callable[[Iterator[str]], None],
    progress: Callable[[str, float], None],
    *,
    to_beat: float,
) -> SieveRecord:
    started = time.perf_counter()
    label = search.name.text
    survivors = sieve(
        search.question,
        search.seeds,
        backend=backend,
        progress=lambda share: progress(label, share),
    )
    degenerate = _degenerate(search)
    table = survivors.table
    if degenerate:
        table = table[~np.isin(table["seed"], np.array(degenerate, dtype=np.uint64))]
    keep(_survivor_lines(search, table))
    findings = weighed(
        search, table, progress=lambda share: progress(f"{label}: weighing survivors", share)
    )
    progress(f"{label}: controls", 0.0)
    return SieveRecord(
        search=search,
        tested=survivors.tested,
        passed=len(table),
        passed_seeds=len(np.unique(table["seed"])),
        degenerate=degenerate,
        findings=findings,
        controls=controls_of(search, rng),
        to_beat=to_beat,
        elapsed_s=time.perf_counter() - started,
    )


def _degenerate(search: PlannedSearch) -> tuple[int, ...]:
    """Return the seeds of the range that give a degenerate stream."""
    generator, seeds = search.stream.generator, search.seeds
    return tuple(seed for seed in generator.degenerate_seeds if seed in seeds)


def _survivor_lines(search: PlannedSearch, table: NDArray[np.void]) -> Iterator[str]:
    """Yield a table of survivors as lines of CSV, many lines at a time."""
    question = search.question
    forward, reverse = len(question.forward), len(question.reverse)
    sessions = _cell("+".join(search.scope.names))
    for at in range(0, len(table), _LINES_AT_ONCE):
        rows = table[at : at + _LINES_AT_ONCE].tolist()
        yield "".join(
            f"{search.name.text},{seed},{offset},{least},{most},"
            f"{_count(ahead)},{forward},{_count(back)},{reverse},{sessions}\n"
            for seed, offset, least, most, ahead, back in rows
        )


def _cell(text: str) -> str:
    """Quote a text for CSV where it needs that."""
    return f'"{text.replace(chr(34), 2 * chr(34))}"' if set(text) & set(',"\r\n') else text


def _count(matches: int) -> str:
    return "" if matches < 0 else str(matches)


def _verdict(findings: Sequence[Finding], to_beat: float, *, powered: bool) -> Verdict:
    """Decide what one can say, whatever the window.

    The window is chosen by whoever asks, perhaps after a look, and nothing is staked on it. So what
    the draws looked at say is `recovered` only where those that were not confirm it, and all known
    draws together decide everything else.
    """
    scored = [finding.scored for finding in findings]
    fitted, known = (mix(scored, held_out=held_out) for held_out in (False, True))
    best = max(fitted.classes.values(), default=0.0)
    by_window = decide(
        fitted.evidence_bits - to_beat, predictive_bits(scored), best, powered=powered
    )
    if by_window is Verdict.RECOVERED:
        return by_window
    return decide(known.evidence_bits - to_beat, None, best, powered=powered)


def _reason(
    verdict: Verdict, plan: Plan, records: Sequence[SieveRecord], fitted_bits: float
) -> str:
    text = _plain_reason(verdict, plan, records)
    if verdict is Verdict.NO_EVIDENCE and fitted_bits >= Thresholds.SIGNAL_BITS:
        text = "a stream explains the draws looked at, but the other known draws speak against it"
    if not all(control.passed for record in records for control in record.controls):
        text = f"a control failed, so that none of this can be relied on; {text}"
    if plan.uneven is not None:
        text = f"{plan.uneven.sentence}; {text}"
    if plan.repeats is None:
        return text
    return f"{plan.repeats.text}; of what is left without the repeats: {text}"


def _plain_reason(verdict: Verdict, plan: Plan, records: Sequence[SieveRecord]) -> str:
    match verdict:
        case Verdict.RECOVERED:
            return "one stream explains the draws looked at and predicts those that were not"
        case Verdict.SIGNAL:
            return "the draws favour what was sieved, but not one stream beyond doubt"
        case Verdict.NO_EVIDENCE:
            return _absence(records)
        case Verdict.UNDER_POWERED:
            return _shortage(plan, records)
        case _:
            assert_never(verdict)


def _absence(records: Sequence[SieveRecord]) -> str:
    """Say that nothing was found, and whether something fits in part."""
    for record in records:
        search = record.search
        for finding in record.findings if search.gaps == 1 else ():
            draws, matches = len(search.question.draws), int(finding.weighing.matched.sum())
            pairs = search.seed_count * search.alignments
            if better_than_chance(matches, draws, pairs=pairs, modulus=search.even_values):
                return (
                    f"no stream explains the draws with up to {max(NOISE_RATES):.0%} of them "
                    f"recorded wrong, though seed {finding.seed} gives {matches} of {draws}, more "
                    "than chance would: most of the draws may come from elsewhere"
                )
    nothing = "nothing within what was sieved explains the draws better than chance"
    if all(leg.needed == leg.draws for record in records for leg in record.search.question.legs):
        nothing += "; one wrong record would hide a stream, as every draw looked at had to match"
    return nothing


def _shortage(plan: Plan, records: Sequence[SieveRecord]) -> str:
    """Say why no search could tell."""
    if any(not record.complete for record in records):
        missing = sum(record.search.seed_count - record.tested for record in records)
        return f"{missing} seeds could not be tested; resume the run"
    draws = len(plan.values)
    few = "1 draw is" if draws == 1 else f"{draws} draws are"
    needed = [record.draws_needed for record in records]
    enough = min((each for each in needed if each is not None), default=None)
    if enough is None:
        return f"{few} too few to look at" if not records else "no number of draws could tell"
    if draws >= enough:
        return (
            "the window leaves too few draws to look at, or too few to prove it by; "
            f"the default window of {draws} draws would do"
        )
    return f"{few} too few to tell: {enough} or more would do"
