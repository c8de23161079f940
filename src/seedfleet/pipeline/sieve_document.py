"""The document that `seedfleet sieve` writes, described in docs/sieve.md and by its schema."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.evidence import mix, predictive_bits
from seedfleet.evidence.likelihood import NOISE_RATES
from seedfleet.evidence.mixture import log2_sum
from seedfleet.evidence.prediction import foretell
from seedfleet.generators import Preset, presets_of, reference, streams
from seedfleet.pipeline.document_parts import (
    history_part,
    prior_part,
    structure_part,
    thresholds_part,
    versions_part,
    word_part,
)
from seedfleet.pipeline.sieve_chance import power_of
from seedfleet.sieve import ConstantSkip, Direction, VariableSkip
from seedfleet.sieve.weighing import told, weigh

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seedfleet.evidence.prediction import DrawLaw
    from seedfleet.generators import Stream
    from seedfleet.pipeline.run_context import RunContext
    from seedfleet.pipeline.sieve_findings import Finding
    from seedfleet.pipeline.sieve_plan import Plan
    from seedfleet.pipeline.sieve_search import PlannedSearch
    from seedfleet.pipeline.sieving import Answer, SieveRecord
    from seedfleet.sieve import Question
    from seedfleet.sieve.weighing import Alignment

__all__ = ["sieve_document"]

_FORMAT = "seedfleet.sieve/1"
_MAX_EQUIVALENT_SEEDS = 8
_MAX_MEMBERS_SOUGHT = 3  # survivors for which the whole catalogue is asked what else draws so
_FIRST_DRAWS = 6  # enough to rule out nearly every other stream before its kernel is loaded


def sieve_document(answer: Answer, context: RunContext, *, survivors_sha256: str) -> dict[str, Any]:
    """Return everything that is to be said about a sieve.

    Parameters
    ----------
    survivors_sha256
        Of the file of survivors, in hexadecimal.
    """
    plan = answer.plan
    predictions, null = _predictions(answer), answer.known.null(None)
    return {
        "format": _FORMAT,
        "run_id": context.run_id,
        "started_utc": context.started_utc,
        "elapsed_s": round(answer.elapsed_s, 3),
        "command": list(context.command),
        "run_seed": plan.options.run_seed,
        "versions": versions_part(),
        "verdict": answer.verdict.value,
        "verdict_reason": answer.reason,
        "evidence_bits": answer.fitted.evidence_bits,
        "known_evidence_bits": answer.known.evidence_bits,
        "predictive_bits": _finite(answer.predictive_bits),
        "thresholds": thresholds_part(),
        "prior": prior_part(),
        "history": history_part(plan.history),
        "structure": structure_part(plan.repeats),
        "sieved": _sieved(plan),
        "searches": [_search(record) for record in answer.records],
        "survivors": _survivors(answer),
        "predictions": predictions,
        "abstained": all(prediction["draw"] is None for prediction in predictions)
        if predictions
        else null > 0.5,
        "null_probability": null,
        "files": {
            "sieve": context.path("sieve.json"),
            "survivors": context.path("survivors.csv"),
            "survivors_sha256": survivors_sha256,
            "survivors_rows": sum(record.passed for record in answer.records),
        },
    }


def _finite(bits: float | None) -> float | None:
    """JSON has no infinity; evidence against everything scored is as bad as can be said."""
    return None if bits is None else max(bits, -1e6)


def _sieved(plan: Plan) -> dict[str, Any]:
    """Say which draws were sieved, and which of them looked at."""
    window = plan.searches[0].question.window if plan.searches else range(0)
    return {
        "sessions": list(plan.options.sessions),
        "draws": len(plan.values),
        "origin": plan.origin,
        "window": [window.start, window.stop],
        "before": window.start,
        "after": len(plan.values) - window.stop,
    }


def _search(record: SieveRecord) -> dict[str, Any]:
    search = record.search
    question, generator = search.question, search.stream.generator
    scored = [finding.scored for finding in record.findings]
    return {
        "name": search.name.text,
        "generator": generator.name,
        "bounding": search.stream.bounding.name,
        "presets": [preset.name for preset in presets_of(search.stream)],
        "direction": question.direction.value,
        "skips": _skips(question),
        "offsets": [question.offsets[0], question.offsets[-1]],
        "alignments": search.alignments,
        "seed_space": generator.seed_count,
        "seeds": [search.seeds.start, search.seeds.stop - 1],
        "seeds_requested": search.seed_count,
        "seeds_tested": record.tested,
        "degenerate_seeds": list(record.degenerate),
        **_parts(question),
        "expected_pairs": search.chance.expected_pairs(search.seed_count),
        "expected_seeds": search.chance.expected_seeds(search.seed_count),
        "expected_is_bound": search.chance.is_bound,
        "observed_pairs": record.passed,
        "observed_seeds": record.passed_seeds,
        "weighed": len(record.findings),
        "draws_needed_in_principle": search.draws_in_principle,
        "draws_needed_for_recovered": record.draws_needed,
        "power": {f"{rate:g}": power_of(question, rate) for rate in NOISE_RATES},
        "evidence_bits": mix(scored, held_out=False).evidence_bits,
        "predictive_bits": _finite(predictive_bits(scored)),
        "verdict": record.verdict.value,
        "controls": [
            {
                "kind": control.kind,
                "expected": control.expected,
                "observed": control.observed,
                "least": control.least,
                "most": control.most,
                "passed": control.passed,
                "text": control.text,
            }
            for control in record.controls
        ],
        "elapsed_s": round(record.elapsed_s, 3),
    }


def _skips(question: Question) -> dict[str, Any]:
    match question.skips:
        case ConstantSkip(skips):
            return {"law": "constant", "least": skips[0], "most": skips[-1]}
        case VariableSkip(least, most):
            return {"law": "variable", "least": least, "most": most}


def _parts(question: Question) -> dict[str, Any]:
    """Say what was asked of the parts; null for one that did not decide."""
    asked = {
        Direction.FORWARD: ("forward",),
        Direction.REVERSE: ("reverse",),
        Direction.BIDIRECTIONAL: ("forward", "reverse"),
    }[question.direction]
    legs = dict(zip(asked, question.legs, strict=True))
    return {
        part: {
            "draws": legs[part].draws,
            "needed": legs[part].needed,
            "threshold": getattr(question, f"{part}_threshold"),
        }
        if part in legs
        else None
        for part in ("forward", "reverse")
    }


def _survivors(answer: Answer) -> list[dict[str, Any]]:
    """Describe the best survivors, those that give the same draws as one."""
    classes: dict[object, list[int]] = {}  # by equivalence: indexes of the findings
    for index, finding in enumerate(answer.findings):
        classes.setdefault(finding.scored.equivalence, []).append(index)
    shown = list(classes.values())[: answer.plan.options.top]
    return [_survivor(answer, members, rank) for rank, members in enumerate(shown)]


def _survivor(answer: Answer, members: list[int], rank: int) -> dict[str, Any]:
    best = answer.findings[members[0]]
    search, weighing = best.search, best.weighing
    looked_at = search.fitted
    fitted = int(weighing.matched[looked_at.start : looked_at.stop].sum())
    matches, n = int(weighing.matched.sum()), len(weighing.matched)
    posterior = answer.known.posterior[members[0]]
    noise = sum(rate * part for rate, part in zip(NOISE_RATES, posterior, strict=True))
    findings = [answer.findings[index] for index in members]
    named = [_member(preset, finding) for preset, finding in _presets(findings, rank)]
    return {
        "search": search.name.text,
        "generator": search.stream.generator.name,
        "bounding": search.stream.bounding.name,
        "presets": [member["preset"] for member in named],
        "seed": best.seed,
        "equivalent_seeds": _equivalent_seeds(search, best.seed),
        "nearby_seeds": _nearby_seeds(findings),
        "state": word_part(weighing.state),
        "alignment": _alignment(answer.plan, best),
        "forward_matches": _count(best.forward_matches),
        "reverse_matches": _count(best.reverse_matches),
        "looked_at_matches": fitted,
        "looked_at_n": len(looked_at),
        "unseen_matches": matches - fitted,
        "unseen_n": n - len(looked_at),
        "noise": noise / sum(posterior) if sum(posterior) > 0 else 0.0,
        "evidence_bits": log2_sum(
            stake for finding in findings for stake in finding.scored.stakes(held_out=False)
        ),
        # The sum of rounded shares can pass 1 by a few units in the last place.
        "posterior": min(1.0, sum(sum(answer.known.posterior[index]) for index in members)),
        "reproduce": named[0]["reproduce"],
        "members": named,
    }


def _alignment(plan: Plan, finding: Finding) -> dict[str, Any]:
    return {
        "offset": finding.alignment.offset,
        "skip_min": finding.alignment.skip_min,
        "skip_max": finding.alignment.skip_max,
        "sessions": list(plan.options.sessions),
        "origin": plan.origin,
    }


def _count(matches: int) -> int | None:
    return None if matches < 0 else matches


def _equivalent_seeds(search: PlannedSearch, seed: int) -> list[int]:
    generator = search.stream.generator
    first = seed % generator.seed_modulus
    there = (2**generator.seed_bits - 1 - first) // generator.seed_modulus + 1
    if not 0 < there <= _MAX_EQUIVALENT_SEEDS:
        return []
    same = range(first, 2**generator.seed_bits, generator.seed_modulus)
    return [each for each in same if each != seed]


def _nearby_seeds(findings: list[Finding]) -> list[int]:
    """Return the other seeds of the best one's stream, which begins there a few outputs apart."""
    best = findings[0]
    if best.alignment.gaps == 1:
        return []
    same = {each.seed for each in findings if each.search.stream == best.search.stream}
    return sorted(same - {best.seed})


def _presets(findings: list[Finding], rank: int) -> Iterator[tuple[Preset, Finding]]:
    """Name every preset that draws so, with the finding that tells its seed."""
    named: dict[Stream, Finding] = {}
    for finding in findings:
        named.setdefault(finding.search.stream, finding)
    for stream, finding in named.items():
        yield from ((preset, finding) for preset in presets_of(stream))
    if rank >= _MAX_MEMBERS_SOUGHT:
        return
    best = findings[0]
    for stream in streams():
        if stream not in named and _draws_alike(stream, best):
            yield from ((preset, best) for preset in presets_of(stream))


def _draws_alike(stream: Stream, finding: Finding) -> bool:
    """Tell whether another stream gives the same draws from the same seed."""
    question, alignment = finding.search.question, finding.alignment
    if stream.bounding.layout(question.modulus) is None:
        return False
    mine, theirs = (
        list(islice(reference.draws(each, finding.seed, question.modulus), _FIRST_DRAWS))
        for each in (finding.search.stream, stream)
    )
    if mine != theirs:
        return False
    known = finding.search.known
    theirs_on = weigh(stream, finding.seed, alignment, known).stream_draws
    return np.array_equal(theirs_on, finding.weighing.stream_draws)


def _member(preset: Preset, finding: Finding) -> dict[str, Any]:
    modulus = finding.search.question.modulus
    code = preset.line(finding.seed, modulus)
    return {
        "preset": preset.name,
        "holds_for": preset.holds_for,
        "seed": finding.seed,
        "reproduce": code + _dropped(finding.alignment),
    }


def _dropped(alignment: Alignment) -> str:
    """Say what is dropped before the first and between the draws."""
    offset, least, most = alignment.offset, alignment.skip_min, alignment.skip_max
    words = f", after dropping {offset} at the start" if offset else ""
    if most:
        skips = str(most) if least == most else f"{least} to {most}"
        words += f"{' and' if offset else ', after dropping'} {skips}, for each draw"
    return words


def _predictions(answer: Answer) -> list[dict[str, Any]]:
    plan = answer.plan
    # A repeat at the end may go on or stop, and nothing tells which; and a stream that the unseen
    # draws speak against has ended, whatever it explained before.
    speaks = plan.to_the_end and (answer.predictive_bits is None or answer.predictive_bits >= 0)
    modulus = plan.history.modulus
    predictions = []
    for ahead, laws in enumerate(_told(answer, plan.options.predictions), start=1):
        forecast = foretell(laws, modulus)
        value = forecast.value if speaks else None
        probability = 1 / modulus if value is None else forecast.law.probability(value)
        predictions.append({"ahead": ahead, "draw": value, "probability": probability})
    return predictions


def _told(answer: Answer, ahead: int) -> list[list[tuple[float, DrawLaw]]]:
    """Return what all findings tell of each of the coming draws."""
    laws: list[list[tuple[float, DrawLaw]]] = [[] for _ in range(ahead)]
    for finding, posterior in zip(answer.findings, answer.known.posterior, strict=True):
        known = finding.search.known
        for own, more in zip(
            laws, told(finding.weighing, finding.alignment, known, posterior, ahead), strict=True
        ):
            own.extend(more)
    return laws
