"""Streams that begin anew on every date, with the seed of each, as the recovery document has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seedfleet.evidence.likelihood import NOISE_RATES
from seedfleet.evidence.mixture import log2_sum
from seedfleet.generators import presets_of
from seedfleet.generators.reproduction import Schedule, reproduce_dates

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from seedfleet.generators import Preset, Stream
    from seedfleet.recover import Recovery
    from seedfleet.recover.dated import DatedFinding, DatedSeed

__all__ = ["dated_part"]

_MAX_CLASSES = 5

_Members = list[tuple["DatedFinding", tuple[float, ...]]]


def dated_part(recovery: Recovery, asked: Collection[str]) -> list[dict[str, Any]]:
    """Describe the best streams with a rule's seeds, by falling posterior.

    Parameters
    ----------
    asked
        Slugs of the presets that come first among those that draw alike.
    """
    rows = recovery.known.posterior[len(recovery.items) :]
    classes: dict[object, _Members] = {}
    for finding, row in zip(recovery.dated, rows, strict=True):
        classes.setdefault(finding.scored.equivalence, []).append((finding, row))
    for members in classes.values():
        members.sort(key=lambda each: not any(p.slug in asked for p in presets_of(each[0].stream)))
    ranked = sorted(classes.values(), key=_posterior, reverse=True)
    return [_described(members, asked) for members in ranked[:_MAX_CLASSES]]


def _posterior(members: _Members) -> float:
    # The sum of rounded shares can pass 1 by a few units in the last place.
    return min(1.0, sum(sum(row) for _, row in members))


def _described(members: _Members, asked: Collection[str]) -> dict[str, Any]:
    best, row = members[0]
    scope, alignment, seeds = best.question.scope, best.alignment, best.seeds()
    # Calls of other lengths draw so at their own offset and skip.
    own: dict[Stream, DatedFinding] = {}
    for finding, _ in members:
        own.setdefault(finding.stream, finding)
    presets = sorted(
        (preset for stream in own for preset in presets_of(stream)),
        key=lambda preset: preset.slug not in asked,
    )
    told = [_member(preset, own[preset.stream], seeds) for preset in presets]
    weight = sum(row)
    noise = sum(rate * share for rate, share in zip(NOISE_RATES, row, strict=True))
    return {
        "generator": best.stream.generator.name,
        "presets": [preset.name for preset in presets],
        "bounding": best.stream.bounding.name,
        "session": scope.session,
        "machine": scope.machine,
        "offset": alignment.offset,
        "skip": alignment.skip_max,
        "noise": noise / weight if weight > 0 else 0.0,
        "matches": sum(each.matches for each in seeds),
        "n": sum(each.draws for each in seeds),
        "evidence_bits": log2_sum(
            stake for finding, _ in members for stake in finding.scored.stakes(held_out=False)
        ),
        "posterior": _posterior(members),
        "reproduce": told[0]["reproduce"],
        "members": told,
        "seeds": [
            {
                "date": each.date.isoformat(),
                "seed": each.seed,
                "posterior": each.posterior,
                "matches": each.matches,
                "n": each.draws,
            }
            for each in seeds
        ],
    }


def _member(preset: Preset, finding: DatedFinding, seeds: Sequence[DatedSeed]) -> dict[str, Any]:
    alignment, most = finding.alignment, max(each.draws for each in seeds)
    schedule = Schedule(finding.question.modulus, most, alignment.offset, alignment.skip_max)
    made = reproduce_dates(preset, [(each.seed, each.draws) for each in seeds], schedule)
    return {
        "preset": preset.name,
        "holds_for": preset.holds_for,
        "reproduce": made.line,
        "language": made.language,
        "file": made.file,
        "command": made.command,
        "program": made.program,
    }
