"""Step 0, `trace recover`: a history of draws goes in, recovery.json comes out.

The document is described field by field in docs/recovery.md and docs/schemas/recovery.schema.json.
"""

from __future__ import annotations

import dataclasses
import time
from math import log10
from typing import TYPE_CHECKING, Any

from seedfleet.evidence.chance import expected_pairs, expected_seeds, log10_expected_pairs
from seedfleet.evidence.likelihood import NOISE_RATES
from seedfleet.evidence.mixture import log2_sum
from seedfleet.evidence.verdict import draws_in_principle
from seedfleet.generators import AtState, presets_of
from seedfleet.pipeline.document_parts import (
    history_part,
    prior_part,
    structure_part,
    thresholds_part,
    versions_part,
    word_part,
)
from seedfleet.recover import Status, recover

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seedfleet.draws import History
    from seedfleet.generators import Generator, Preset, Start, Stream
    from seedfleet.pipeline.run_context import RunContext
    from seedfleet.recover import Options, Recovery, SearchRecord
    from seedfleet.recover.scoring import Weighed
    from seedfleet.recover.search import Coverage, Survivor
    from seedfleet.sieve import Backend

__all__ = ["recovery_document"]

_FORMAT = "seedfleet.recovery/1"
_MAX_CANDIDATES = 10
_MAX_EQUIVALENT_SEEDS = 8
_COMPARED_DRAWS = 120


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
    recovery = recover(
        history.values,
        history.sessions,
        history.modulus,
        options,
        progress=progress,
        backend=backend,
    )
    scope = max(recovery.question.scopes, key=lambda each: len(each.values))
    null = recovery.known.null(recovery.items[0].survivor.scope.part if recovery.items else None)
    log10_false = _log10_expected_false(recovery)
    return {
        "format": _FORMAT,
        "run_id": context.run_id,
        "started_utc": context.started_utc,
        "elapsed_s": round(time.perf_counter() - started, 3),
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
        "candidates": _candidates(recovery),
        "predictions": [dataclasses.asdict(prediction) for prediction in recovery.predictions],
        "abstained": all(prediction.draw is None for prediction in recovery.predictions)
        if recovery.predictions
        else null > 0.5,
        "null_probability": null,
        "searched": [
            *(_searched(record, recovery) for record in recovery.searches),
            *_not_searched(recovery),
        ],
        "controls": [
            {
                "attack": record.coverage.attack,
                "generator": _generators(record.coverage.streams),
                "kind": control.kind,
                "expected": control.expected,
                "observed": control.observed,
                "passed": control.passed,
                "text": control.text,
            }
            for record in recovery.searches
            for control in record.controls
        ],
        "comparison": _comparison(recovery),
        "prior": prior_part(),
        "files": {"recovery": context.path("recovery.json"), "report": context.path("report.html")},
    }


def _classes(recovery: Recovery) -> list[list[tuple[Weighed, tuple[float, ...]]]]:
    """Return the survivors with their posteriors by equivalence class, best first in each."""
    classes: dict[object, list[tuple[Weighed, tuple[float, ...]]]] = {}
    for item, posterior in zip(recovery.items, recovery.known.posterior, strict=True):
        classes.setdefault(item.scored.equivalence, []).append((item, posterior))
    return list(classes.values())


def _candidates(recovery: Recovery) -> list[dict[str, Any]]:
    modulus = recovery.question.modulus
    candidates = []
    for members in _classes(recovery)[:_MAX_CANDIDATES]:
        best, posterior = members[0]
        survivor, scope = best.survivor, best.survivor.scope
        generator = survivor.stream.generator
        seeds = _equivalent_seeds(generator, survivor.start)
        named = [
            {
                "preset": preset.name,
                "holds_for": preset.holds_for,
                "seed": item.survivor.start,
                "reproduce": _code(preset, item.survivor, modulus),
            }
            for item, _ in members
            for preset in presets_of(item.survivor.stream)
        ]
        weight = sum(posterior)
        noise = sum(rate * part for rate, part in zip(NOISE_RATES, posterior, strict=True))
        candidates.append(
            {
                "generator": generator.name,
                "presets": [member["preset"] for member in named],
                "bounding": survivor.stream.bounding.name,
                "seed": survivor.start,
                "equivalent_seeds": list(seeds) if len(seeds) < _MAX_EQUIVALENT_SEEDS else [],
                "state": word_part(best.state),
                "alignment": {
                    "offset": 0,
                    "skip": survivor.alignment.skip_max,
                    "session": scope.session,
                    "origin": recovery.repeats.analysed[0] if recovery.repeats else 0,
                },
                "noise": noise / weight if weight > 0 else 0.0,
                "matches": best.matches,
                "n": len(scope.values),
                "held_out_matches": best.held_out_matches,
                "held_out_n": len(scope.values) - scope.fitted,
                "evidence_bits": log2_sum(
                    stake for item, _ in members for stake in item.scored.stakes(held_out=False)
                ),
                # The sum of rounded shares can pass 1 by a few units in the last place.
                "posterior": min(1.0, sum(sum(part) for _, part in members)),
                "reproduce": named[0]["reproduce"],
                "members": named,
            }
        )
    return candidates


def _equivalent_seeds(generator: Generator, start: Start) -> range:
    """Return the other seeds of the same stream; none for a state."""
    if isinstance(start, AtState):
        return range(0)
    return range(start, 2**generator.seed_bits, generator.seed_modulus)[1:]


def _code(preset: Preset, survivor: Survivor, modulus: int) -> str:
    """Return the line of code that makes the draws, with what is dropped between them."""
    line = preset.line(survivor.start, modulus)
    skip = survivor.alignment.skip_max
    return line if skip == 0 else f"{line}, after dropping {skip}, for each draw"


def _generators(streams: Sequence[Stream]) -> str:
    return ", ".join(dict.fromkeys(stream.generator.name for stream in streams))


def _searched(record: SearchRecord, recovery: Recovery) -> dict[str, Any]:
    coverage, modulus = record.coverage, recovery.question.modulus
    depth = coverage.draws_used
    return {
        "attack": coverage.attack,
        **_streams(coverage.streams),
        "sessions": [scope.session for scope in coverage.scopes],
        "skips": [coverage.skips[0], coverage.skips[-1]],
        "offsets": [0, 0],
        "seed_space": coverage.space,
        "seeds_tested": record.found.tested if record.found else 0,
        "alignments": coverage.alignments,
        "status": record.status.value,
        "reason": record.reason,
        "draws_used": depth,
        "expected_pairs": _chance_pairs(coverage, modulus),
        "expected_seeds": expected_seeds(
            coverage.space,
            coverage.alignments * coverage.windows,
            [(depth, depth)],
            modulus,
        ),
        "observed": record.found.passed if record.found else 0,
        "draws_needed_in_principle": draws_in_principle(
            coverage.space, coverage.alignments, modulus
        ),
        "draws_needed_for_recovered": record.draws_needed,
        "power": {f"{rate:g}": coverage.power(rate) for rate in NOISE_RATES},
        "elapsed_s": round(record.elapsed_s, 3),
    }


def _streams(streams: Sequence[Stream]) -> dict[str, Any]:
    return {
        "generator": _generators(streams),
        "presets": [preset.name for stream in streams for preset in presets_of(stream)],
        "bounding": ", ".join(dict.fromkeys(stream.bounding.name for stream in streams)),
    }


def _not_searched(recovery: Recovery) -> list[dict[str, Any]]:
    """Name the streams of the catalogue that no search of this run covers, and why."""
    modulus = recovery.question.modulus
    no_attack = (
        f"no attack on this stream for draws modulo {modulus} is built; "
        "`seedfleet sieve` tests ranges of its seeds"
    )
    left_out = "left out by the --generator option"
    return [
        *(_unsearched(s, "not_applicable", no_attack, modulus) for s in recovery.uncovered),
        *(_unsearched(s, "not_selected", left_out, modulus) for s in recovery.unselected),
    ]


def _unsearched(stream: Stream, status: str, reason: str, modulus: int) -> dict[str, Any]:
    seed_space = stream.generator.seed_count
    return {
        "attack": "none",
        **_streams([stream]),
        "sessions": [],
        "skips": [],
        "offsets": [],
        "seed_space": seed_space,
        "seeds_tested": 0,
        "alignments": 0,
        "status": status,
        "reason": reason,
        "draws_used": 0,
        "expected_pairs": 0.0,
        "expected_seeds": 0.0,
        "observed": 0,
        "draws_needed_in_principle": draws_in_principle(seed_space, 1, modulus),
        "draws_needed_for_recovered": 0,
        "power": {f"{rate:g}": 0.0 for rate in NOISE_RATES},
        "elapsed_s": 0.0,
    }


def _chance_pairs(coverage: Coverage, modulus: int) -> float:
    """Return the pairs that chance lets through a search's filter, over all its windows."""
    depth = coverage.draws_used
    return expected_pairs(coverage.pairs * coverage.windows, [(depth, depth)], modulus)


def _log10_expected_false(recovery: Recovery) -> float | None:
    """Return log10 of the pairs that chance would give, over all that was searched.

    Pairs that match as many fitted draws as the best candidate; with no candidate, pairs that pass
    the searches' filters. None when nothing was searched.
    """
    modulus = recovery.question.modulus
    completed = [r.coverage for r in recovery.searches if r.status is Status.COMPLETED]
    if not completed:
        return None
    if recovery.items:
        best = recovery.items[0]
        pairs = sum(coverage.pairs for coverage in completed)
        fitted = best.survivor.scope.fitted
        return log10_expected_pairs(pairs, [(fitted, best.fitted_matches)], modulus)
    expected = sum(_chance_pairs(coverage, modulus) for coverage in completed)
    return log10(expected) if expected > 0 else None


def _power_of_ten(exponent: float) -> float:
    return 10.0**exponent if exponent > -320 else 0.0


def _comparison(recovery: Recovery) -> dict[str, Any] | None:
    """Return the last known draws beside the best candidate's own stream."""
    if not recovery.items:
        return None
    best = recovery.items[0]
    scope = best.survivor.scope
    start = max(0, len(scope.values) - _COMPARED_DRAWS)
    return {
        "start": start,
        "observed": scope.values[start:].tolist(),
        "predicted": best.stream_draws[start : len(scope.values)].tolist(),
        "held_out_from": scope.fitted,
    }
