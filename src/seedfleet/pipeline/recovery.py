"""Step 0, `trace recover`: a history of draws goes in, recovery.json comes out.

The document is described field by field in docs/recovery.md and docs/schemas/recovery.schema.json.
"""

from __future__ import annotations

import dataclasses
import time
from math import log10
from typing import TYPE_CHECKING, Any

from seedfleet.evidence.chance import log10_expected_pairs
from seedfleet.evidence.jump_prior import log2_jump_weight
from seedfleet.generators.compile_time import compile_timed
from seedfleet.pipeline.document_parts import (
    history_part,
    prior_part,
    structure_part,
    thresholds_part,
    versions_part,
)
from seedfleet.pipeline.recovery_candidates import (
    candidates_part,
    comparison_part,
    findings_part,
)
from seedfleet.pipeline.recovery_coverage import (
    chance_pairs,
    generator_names,
    leads_part,
    only_through_seeds_part,
    searched_part,
)
from seedfleet.pipeline.recovery_dated import dated_part
from seedfleet.recover import Status, recover

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedfleet.draws import History
    from seedfleet.pipeline.run_context import RunContext
    from seedfleet.recover import Options, Recovery
    from seedfleet.recover.scoring import Prediction, Weighed
    from seedfleet.sieve import Backend

__all__ = ["recovery_document"]

_FORMAT = "seedfleet.recovery/2"
_MOST_EXPONENT = 308.0  # of what JSON readers take for a number; the logarithm tells the rest


def recovery_document(
    history: History,
    options: Options,
    context: RunContext,
    *,
    progress: Callable[[str, float], None],
    backend: Backend,
) -> dict[str, Any]:
    """Recover, and return everything that is to be said about it.

    Parameters
    ----------
    history
        At least one draw.
    progress, backend
        As `seedfleet.recover.recover` takes them.
    """
    started = time.perf_counter()
    told = _Told(progress)
    with compile_timed(told.compiling) as compiling:
        recovery = recover(
            history,
            options,
            progress=told,
            backend=backend,
            compiled_s=lambda: compiling.spent_s,
        )
    scope = max(recovery.question.scopes, key=lambda each: len(each.values))
    null = recovery.known.null(_best_part(recovery))
    log10_false = _log10_expected_false(recovery)
    return {
        "format": _FORMAT,
        "run_id": context.run_id,
        "started_utc": context.started_utc,
        "elapsed_s": round(time.perf_counter() - started, 3),
        "compiled_s": round(compiling.spent_s, 3),
        "command": list(context.command),
        "run_seed": options.run_seed,
        "versions": versions_part(),
        "verdict": recovery.verdict.value,
        "verdict_reason": recovery.reason,
        "evidence_bits": recovery.fitted.evidence_bits,
        "predictive_bits": recovery.predictive_bits,
        "expected_false": 0.0 if log10_false is None else _power_of_ten(log10_false),
        "log10_expected_false": log10_false,
        "thresholds": thresholds_part(),
        "history": {
            **history_part(history),
            "fitted": scope.fitted,
            "held_out": len(scope.values) - scope.fitted,
        },
        "structure": structure_part(recovery.repeats),
        "candidates": candidates_part(recovery, history, options.searched),
        "findings": findings_part(recovery, history, options.searched),
        "rule": recovery.rule,
        "dated": dated_part(recovery, options.searched),
        "leads": leads_part(recovery),
        "predictions": [_prediction_part(prediction) for prediction in recovery.predictions],
        "abstained": all(prediction.draw is None for prediction in recovery.predictions)
        if recovery.predictions
        else null > 0.5,
        "null_probability": null,
        "searched": searched_part(recovery),
        "only_through_seeds": only_through_seeds_part(recovery),
        "controls": [
            {
                "attack": record.coverage.attack,
                "generator": generator_names(record.coverage.streams),
                "kind": control.kind,
                "expected": control.expected,
                "observed": control.observed,
                "least": control.least,
                "most": control.most,
                "passed": control.passed,
                "text": control.text,
            }
            for record in recovery.searches
            for control in record.controls
        ],
        "comparison": comparison_part(recovery),
        "prior": prior_part(),
        "files": {
            "recovery": context.path("recovery.json"),
            "report": context.path("report.html"),
            "evidence_pack": context.evidence_pack,
        },
    }


class _Told:
    """Passes progress on, and says when it is the compiler that takes the time."""

    def __init__(self, progress: Callable[[str, float], None]) -> None:
        self._progress = progress
        self._share = 0.0

    def __call__(self, label: str, share: float) -> None:
        self._share = share
        self._progress(label, share)

    def compiling(self) -> None:
        self._progress("compiling kernels, on first use only", self._share)


def _prediction_part(prediction: Prediction) -> dict[str, Any]:
    date = prediction.date
    return {
        **dataclasses.asdict(prediction),
        "date": None if date is None else date.isoformat(),
    }


def _best_part(recovery: Recovery) -> object:
    """Return the part of the history that the likeliest stream has to itself; None for all."""
    parts: list[object] = [
        *(item.survivor.scope.part for item in recovery.items),
        *(finding.question.scope.part for finding in recovery.dated),
    ]
    weights = [sum(row) for row in recovery.known.posterior]
    return parts[weights.index(max(weights))] if weights else None


def _log10_expected_false(recovery: Recovery) -> float | None:
    """Return log10 of the pairs that chance would give, over all that was searched.

    Pairs that match as many fitted draws as the best candidate; with no candidate, pairs that pass
    the searches' filters. None when nothing was searched.
    """
    modulus = recovery.question.modulus
    begun = [record for record in recovery.searches if record.found is not None]
    completed = [record.coverage for record in begun if record.status is Status.COMPLETED]
    # What was found may be of a search that was stopped: its pairs count as if it had ended.
    counted = completed or [record.coverage for record in begun if recovery.items]
    if not counted:
        return None
    pairs = sum(coverage.pairs for coverage in counted)
    if recovery.dated and not recovery.items:
        # By Markov's inequality, of as many pairs as the likelihood ratio at most one has it.
        return log10(pairs) - max(recovery.dated[0].scored.fitted_bits) * log10(2)
    if recovery.items:
        best = recovery.items[0]
        fitted = best.survivor.scope.fitted
        even = modulus / best.survivor.alignment.gaps  # a bound, as in `chance_pairs`
        expected = log10_expected_pairs(pairs, [(fitted, best.fitted_matches)], even)
        return expected - _jump_bits(best) * log10(2)
    expected = sum(chance_pairs(coverage, modulus) for coverage in counted)
    return log10(expected) if expected > 0 else None


def _jump_bits(best: Weighed) -> float:
    """Return what the prior pays for the places where records are missing: each could be others."""
    survivor = best.survivor
    skip, draws = survivor.alignment.skip_max, len(survivor.scope.values)
    return log2_jump_weight(survivor.alignment.jumps, skip=skip, draws=draws)


def _power_of_ten(exponent: float) -> float:
    return 10.0 ** min(exponent, _MOST_EXPONENT) if exponent > -320 else 0.0
