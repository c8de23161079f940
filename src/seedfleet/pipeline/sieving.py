"""The step `seedfleet sieve`: planned searches go in; survivors, each weighed, come out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from math import ceil, inf, log2
from typing import TYPE_CHECKING, Any, assert_never

import numpy as np

from seedfleet.evidence import Scored, Verdict, decide, mix, predictive_bits
from seedfleet.evidence.likelihood import bits_of_matches
from seedfleet.evidence.prior import NULL_WEIGHT, seed_odds
from seedfleet.evidence.verdict import Thresholds, draws_needed
from seedfleet.pipeline.sieve_controls import controls_of
from seedfleet.recover.unevenness import bits_to_beat
from seedfleet.sieve import sieve
from seedfleet.sieve.weighing import Alignment, Known, weigh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from seedfleet.evidence import Mixture
    from seedfleet.pipeline.sieve_plan import Plan, PlannedSearch
    from seedfleet.recover.controls import Control
    from seedfleet.sieve import Backend
    from seedfleet.sieve.weighing import Weighing

__all__ = ["SURVIVORS_HEADER", "Answer", "Finding", "SieveRecord", "run_sieve"]

_WEIGHED = 1000  # survivors of a search that enter the mixture; the others count nothing
_WEIGHED_PATHS = 100  # the same with variable skip, where weighing one sums over all paths ...
_PATH_WORK = 2**31  # ... of so many positions together
_LINES_AT_ONCE = 2**16
SURVIVORS_HEADER = (
    "generator,seed,offset,skip_min,skip_max,"
    "forward_matches,forward_draws,reverse_matches,reverse_draws,sessions\n"
)


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
        looked_at, known = len(search.question.looked_at), len(search.question.draws)
        prior = log2(1 - NULL_WEIGHT) + search.least_log2_weight - 1
        fit = looked_at * search.bits_a_draw + prior - log2(search.seed_odds)
        unseen = (known - looked_at) * search.bits_a_draw
        return (
            self.complete
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
        The mixture over the draws looked at, which the verdict uses, and over all known ones.
    predictive_bits
        Evidence on the draws not looked at; None when nothing was scored.
    findings
        Every weighed survivor, best first, in the order of `known`.
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
    findings = [finding for record in records for finding in record.findings]
    known = mix([finding.scored for finding in findings], held_out=True)
    order = sorted(range(len(findings)), key=lambda i: -sum(known.posterior[i]))
    findings = [findings[i] for i in order]
    scored = [finding.scored for finding in findings]
    verdict = _verdict(findings, to_beat, powered=any(record.powered for record in records))
    return Answer(
        plan=plan,
        records=records,
        verdict=verdict,
        reason=_reason(verdict, plan, records),
        fitted=mix(scored, held_out=False),
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
    progress(f"{label}: controls", 0.0)
    return SieveRecord(
        search=search,
        tested=survivors.tested,
        passed=len(table),
        passed_seeds=len(np.unique(table["seed"])),
        degenerate=degenerate,
        findings=_findings(search, table),
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
    sessions = _cell("+".join(search.sessions))
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


def _findings(search: PlannedSearch, table: NDArray[np.void]) -> tuple[Finding, ...]:
    """Weigh the survivors that promise most."""
    limit = _WEIGHED
    if search.gaps > 1:
        positions = len(search.question.draws) ** 2 * search.gaps
        limit = max(1, min(_WEIGHED_PATHS, _PATH_WORK // positions))
    if len(table) > limit:
        promise = _promise(search, table)
        table = table[np.argsort(-promise, kind="stable")[:limit]]
    question = search.question
    known = Known(question.draws, question.modulus, question.looked_at)
    return tuple(_finding(search, known, row) for row in table.tolist())


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


def _finding(search: PlannedSearch, known: Known, row: tuple[Any, ...]) -> Finding:
    seed, offset, least, most, forward, reverse = map(int, row)
    alignment = Alignment(offset, least, most)
    weighing = weigh(search.stream, seed, alignment, known)
    scored = Scored(
        equivalence=weighing.digest,
        log2_weight=search.log2_weight(offset, least, most),
        seed_space=seed_odds(search.stream.generator.seed_count, seed),
        fitted_bits=weighing.fitted_bits,
        known_bits=weighing.known_bits,
    )
    return Finding(search, seed, alignment, forward, reverse, weighing, scored)


def _verdict(findings: Sequence[Finding], to_beat: float, *, powered: bool) -> Verdict:
    """Decide by the draws looked at; what only all known draws tell is a signal, and no more."""
    scored = [finding.scored for finding in findings]
    mixture = mix(scored, held_out=False)
    best = max(mixture.classes.values(), default=0.0)
    evidence = mixture.evidence_bits - to_beat
    verdict = decide(evidence, predictive_bits(scored), best, powered=powered)
    together = mix(scored, held_out=True).evidence_bits - to_beat
    if verdict is not Verdict.RECOVERED and together >= Thresholds.SIGNAL_BITS:
        return Verdict.SIGNAL
    return verdict


def _reason(verdict: Verdict, plan: Plan, records: Sequence[SieveRecord]) -> str:
    text = _plain_reason(verdict, plan, records)
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
            return "nothing within what was sieved explains the draws better than chance"
        case Verdict.UNDER_POWERED:
            return _shortage(plan, records)
        case _:
            assert_never(verdict)


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
