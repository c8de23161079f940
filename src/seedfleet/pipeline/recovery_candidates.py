"""What a recovery found: candidates with the code that draws them again, and where each holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.evidence.likelihood import NOISE_RATES
from seedfleet.evidence.mixture import log2_sum
from seedfleet.generators import AtState, compiled, presets_of
from seedfleet.generators.kinship import SeedClass, kindred, power_text, seed_class
from seedfleet.generators.reproduction import Schedule, reproduce, seed_of
from seedfleet.recover.congruential.seeds_before import seed_before
from seedfleet.recover.linear.states import seed_behind_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from seedfleet.draws import History
    from seedfleet.generators import Preset, Start, Stream
    from seedfleet.recover import Recovery
    from seedfleet.recover.scope import Scope
    from seedfleet.recover.scoring import Weighed
    from seedfleet.recover.search import Survivor
    from seedfleet.sieve.weighing import Alignment

__all__ = ["candidates_part", "comparison_part", "findings_part", "scope_part", "state_part"]

_MAX_CANDIDATES = 10
_MAX_KIN_SOUGHT = 3  # candidates for which the rest of the catalogue is tried
_COMPARED_DRAWS = 120
_SURE, _BEYOND = 0.999, 1e-9  # posteriors of what explains the draws, and of what cannot beside it
_OUTPUTS_BEFORE = 2**16  # before a state, among which a seed is looked for
_HOLDS = 0.5  # posterior that a part of the history must have on its streams to be told


@dataclass(frozen=True)
class _Candidate:
    """Survivors that draw alike, best first, with their posteriors for each noise rate."""

    members: tuple[tuple[Weighed, tuple[float, ...]], ...]

    @property
    def best(self) -> Weighed:
        return self.members[0][0]

    @property
    def noise(self) -> float:
        """Posterior mean of the share of wrong draws."""
        posterior = self.members[0][1]
        weight = sum(posterior)
        noise = sum(rate * part for rate, part in zip(NOISE_RATES, posterior, strict=True))
        return noise / weight if weight > 0 else 0.0

    @property
    def posterior(self) -> float:
        # The sum of rounded shares can pass 1 by a few units in the last place.
        return min(1.0, sum(sum(part) for _, part in self.members))

    @property
    def evidence_bits(self) -> float:
        return log2_sum(
            stake for item, _ in self.members for stake in item.scored.stakes(held_out=False)
        )


def _candidates(recovery: Recovery, asked: Collection[str]) -> list[_Candidate]:
    """Return the equivalence classes of the survivors, best first.

    Of members that draw alike those that were asked for speak for their class.
    """
    classes: dict[object, list[tuple[Weighed, tuple[float, ...]]]] = {}
    own = recovery.known.posterior[: len(recovery.items)]
    for item, posterior in zip(recovery.items, own, strict=True):
        classes.setdefault(item.scored.equivalence, []).append((item, posterior))
    candidates = [
        _Candidate(tuple(sorted(members, key=lambda each: not _is_asked(each[0], asked))))
        for members in classes.values()
    ]
    # What another explanation of the same draws has put out of the question is no candidate.
    sure = {each.best.survivor.scope.part for each in candidates if each.posterior > _SURE}
    return [
        each
        for each in candidates
        if each.posterior > _BEYOND or each.best.survivor.scope.part not in sure
    ]


def _is_asked(item: Weighed, asked: Collection[str]) -> bool:
    return any(preset.slug in asked for preset in presets_of(item.survivor.stream))


def _leading(candidates: Sequence[_Candidate]) -> list[int]:
    """Return the places of those that explain a part of the history, one for each such part."""
    by_part: dict[object, list[int]] = {}
    for place, candidate in enumerate(candidates):
        by_part.setdefault(candidate.best.survivor.scope.part, []).append(place)
    return [
        places[0]
        for places in by_part.values()
        if sum(candidates[place].posterior for place in places) > _HOLDS
    ]


def _told(candidates: Sequence[_Candidate]) -> list[int]:
    """Return the places of those that are described: the best, and what explains any part."""
    return sorted({*range(min(_MAX_CANDIDATES, len(candidates))), *_leading(candidates)})


def candidates_part(
    recovery: Recovery, history: History, asked: Collection[str]
) -> list[dict[str, Any]]:
    """Describe the best explanations, by falling posterior.

    Parameters
    ----------
    asked
        Slugs of the presets that come first among those that draw alike.
    """
    candidates = _candidates(recovery, asked)
    return [
        _described(
            candidates[place], recovery, history, asked=asked, sought=place < _MAX_KIN_SOUGHT
        )
        for place in _told(candidates)
    ]


def _described(
    candidate: _Candidate,
    recovery: Recovery,
    history: History,
    *,
    asked: Collection[str],
    sought: bool,
) -> dict[str, Any]:
    best, modulus = candidate.best, recovery.question.modulus
    survivor, scope, alignment = best.survivor, best.survivor.scope, best.survivor.alignment
    generator = survivor.stream.generator
    seed = seed_of(generator, survivor.start)
    alike = SeedClass(None, ()) if seed is None else seed_class(generator, seed)
    skips, indices = _skips(best), _indices(scope, recovery, history)
    dropped = _dropped(best) if skips is None else skips
    schedule = Schedule(modulus, len(scope.values), alignment.offset, dropped)
    presets = _presets(candidate, modulus, sought=sought)
    members = [
        _member(preset, start, schedule)
        for preset, start in sorted(presets, key=lambda each: each[0].slug not in asked)
    ]
    return {
        "generator": generator.name,
        "presets": [member["preset"] for member in members],
        "bounding": survivor.stream.bounding.name,
        "seed": seed,
        "seed_rule": alike.rule,
        "equivalent_seeds": list(alike.others),
        "start_state": _start_state(survivor),
        "without_seed": _without_seed(survivor),
        "state": _last_state(best, modulus),
        "alignment": {
            "offset": alignment.offset,
            "skip_min": alignment.skip_min,
            "skip_max": alignment.skip_max,
            **scope_part(scope),
            "origin": indices[0],
            "jumps": [_jump(alignment, each, indices) for each in alignment.jumps],
        },
        "path": None
        if skips is None
        else {"skips": list(skips), "certain": (~best.ambiguous_gaps).tolist()},
        "noise": candidate.noise,
        "matches": best.matches,
        "n": len(scope.values),
        "held_out_matches": best.held_out_matches,
        "held_out_n": len(scope.values) - scope.fitted,
        "evidence_bits": candidate.evidence_bits,
        "posterior": candidate.posterior,
        "reproduce": members[0]["reproduce"],
        "members": members,
    }


def scope_part(scope: Scope) -> dict[str, Any]:
    """Say which part of a history a stream has to itself."""
    return {
        "session": scope.session,
        "machine": scope.machine,
        "segment": None if scope.segment is None else list(scope.segment),
    }


def state_part(words: Sequence[int]) -> list[str]:
    """Write a state: its words in the order of the definition, in hexadecimal."""
    return [f"0x{word:x}" if word >= 0 else f"-0x{-word:x}" for word in words]


def _start_state(survivor: Survivor) -> list[str] | None:
    start = survivor.start
    return state_part(start.words) if isinstance(start, AtState) else None


def _without_seed(survivor: Survivor) -> str | None:
    """Say which seed leads to the start, if any does soon, where none sets it at once."""
    stream, start = survivor.stream, survivor.start
    if isinstance(start, AtState) and stream.generator.linear is not None:
        return seed_behind_text(stream.generator, start)
    lcg = stream.generator.lcg
    if (
        not isinstance(start, AtState)
        or lcg is None
        or seed_of(stream.generator, start) is not None
    ):
        return None
    seeds, outputs = stream.generator.seed_count, range(_OUTPUTS_BEFORE + 1)
    before = seed_before(lcg, start.words[0], stream.bounding.words, outputs)
    if before is None:
        within = f"within {_OUTPUTS_BEFORE:,} outputs"
        return f"none of the {power_text(seeds)} seeds leads to this state {within}"
    share = min(1.0, seeds * (before.outputs + 1) / lcg.modulus)
    return (
        f"seed {before.seed} leads to this state after {before.outputs:,} outputs; of all states, "
        f"{share:.1%} have a seed as near"
    )


def _last_state(best: Weighed, modulus: int) -> list[str] | None:
    """Write the state right after the last known draw, where its position is beyond doubt."""
    if best.state is not None:
        return state_part(best.state.words)
    if best.ambiguous_gaps[-1]:
        return None
    survivor, last = best.survivor, best.weighing.path[-1:]
    _, state = compiled.at_positions(survivor.stream, survivor.start, modulus, last)
    return state_part(state.words)


def _skips(best: Weighed) -> tuple[int, ...] | None:
    """Return the outputs dropped before each draw; None for a constant skip."""
    alignment = best.survivor.alignment
    if alignment.skip_min == alignment.skip_max:
        return None
    gaps = np.diff(best.weighing.path, prepend=alignment.offset - 1)
    return tuple((gaps - 1).tolist())


def _dropped(best: Weighed) -> int | tuple[int, ...]:
    """Return the outputs dropped before each draw of a constant skip, one by one where it jumps."""
    alignment = best.survivor.alignment
    if not alignment.jumps:
        return alignment.skip_max
    return tuple((np.diff(best.weighing.path, prepend=alignment.offset - 1) - 1).tolist())


def _jump(
    alignment: Alignment, jump: tuple[int, int], indices: Sequence[int]
) -> dict[str, int | None]:
    """Describe a place where a stream goes on after more outputs than the skip says."""
    draw, outputs = jump
    records, calls = divmod(outputs, alignment.skip_max + 1)
    return {
        "after": indices[draw - 1],
        "outputs": outputs,
        "records": None if calls or outputs < 0 else records,
    }


def _presets(
    candidate: _Candidate, modulus: int, *, sought: bool
) -> Iterator[tuple[Preset, Start]]:
    """Name every preset that draws so, with where it starts: those scored, and their kin."""
    named = {(item.survivor.stream, item.survivor.start): None for item, _ in candidate.members}
    for stream, start in list(named):
        yield from ((preset, start) for preset in presets_of(stream))
    if not sought:
        return
    survivor = candidate.best.survivor
    scored = {stream for stream, _ in named}
    for stream, start in kindred(survivor.stream, survivor.start, modulus):
        if stream not in scored and _draws_on(stream, start, candidate.best, modulus):
            yield from ((preset, start) for preset in presets_of(stream))


def _draws_on(stream: Stream, start: Start, best: Weighed, modulus: int) -> bool:
    """Tell whether a stream agrees with the best one wherever that was looked at."""
    alignment, count = best.survivor.alignment, len(best.stream_draws)
    varies = alignment.skip_min < alignment.skip_max
    positions = np.arange(count) if varies else alignment.positions(count)
    draws, _ = compiled.at_positions(stream, start, modulus, positions)
    return bool(np.array_equal(draws, best.stream_draws))


def _member(preset: Preset, start: Start, schedule: Schedule) -> dict[str, Any]:
    made = reproduce(preset, start, schedule)
    return {
        "preset": preset.name,
        "holds_for": preset.holds_for,
        "seed": seed_of(preset.stream.generator, start),
        "reproduce": made.line,
        "language": made.language,
        "file": made.file,
        "command": made.command,
        "program": made.program,
    }


def _indices(scope: Scope, recovery: Recovery, history: History) -> list[int]:
    """Return the places in the history of a scope's draws."""
    start, stop = recovery.repeats.analysed if recovery.repeats else (0, len(history))
    chosen = [
        index
        for index in range(start, stop)
        if scope.session in (None, history.sessions[index])
        and scope.machine in (None, history.machines[index])
    ]
    return chosen if scope.segment is None else chosen[slice(*scope.segment)]


def findings_part(
    recovery: Recovery, history: History, asked: Collection[str]
) -> list[dict[str, Any]]:
    """Say which part of the history each stream explains, in the history's order.

    Parameters
    ----------
    asked
        As `candidates_part` takes them.
    """
    candidates = _candidates(recovery, asked)
    told, findings = _told(candidates), []
    for place in _leading(candidates):
        scope = candidates[place].best.survivor.scope
        indices = _indices(scope, recovery, history)
        findings.append(_finding(scope, told.index(place), candidates[place], indices))
    for finding in findings:
        dates = [history.dates[finding[end]] for end in ("first", "last")]
        finding["dates"] = [None if date is None else date.isoformat() for date in dates]
    return sorted(findings, key=lambda finding: (finding["first"], finding["last"]))


def _finding(
    scope: Scope, place: int, candidate: _Candidate, indices: Sequence[int]
) -> dict[str, Any]:
    best = candidate.best
    survivor = best.survivor
    return {
        **scope_part(scope),
        "first": indices[0],
        "last": indices[-1],
        "candidate": place,
        "generator": survivor.stream.generator.name,
        "bounding": survivor.stream.bounding.name,
        "seed": seed_of(survivor.stream.generator, survivor.start),
        "matches": best.matches,
        "n": len(scope.values),
        "evidence_bits": candidate.evidence_bits,
        "posterior": candidate.posterior,
    }


def comparison_part(recovery: Recovery) -> dict[str, Any] | None:
    """Return the last known draws beside the best candidate's own stream."""
    if not recovery.items:
        return None
    best = recovery.items[0]
    scope = best.survivor.scope
    count = len(scope.values)
    start = max(0, count - _COMPARED_DRAWS)
    return {
        "start": start,
        "observed": scope.values[start:].tolist(),
        "predicted": best.weighing.given[start:].tolist(),
        "held_out_from": scope.fitted,
    }
