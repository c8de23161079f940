"""What a recovery found: candidates with the code that draws them again, and where each holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seedfleet.evidence.likelihood import NOISE_RATES
from seedfleet.evidence.mixture import log2_sum
from seedfleet.evidence.wrong_matches import matched_along_a_path
from seedfleet.generators import AtState, compiled, presets_of
from seedfleet.generators.canonical import distance_from_0
from seedfleet.generators.kinship import SeedClass, power_text, seed_class
from seedfleet.generators.reproduction import seed_of
from seedfleet.pipeline.recovery_members import members_part, skips_along
from seedfleet.recover.congruential.seeds_before import seed_before
from seedfleet.recover.linear.states import seed_behind_text

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from seedfleet.draws import History
    from seedfleet.recover import Recovery
    from seedfleet.recover.scope import Scope
    from seedfleet.recover.scoring import Weighed
    from seedfleet.recover.search import Survivor
    from seedfleet.sieve.weighing import Alignment

__all__ = ["candidates_part", "comparison_part", "findings_part", "scope_part", "state_part"]

_MAX_CANDIDATES = 10
_MAX_KIN_SOUGHT = 3  # candidates for which the rest of the catalogue is tried
_COMPARED_DRAWS = 120
_LIKELY = 0.25  # of the likeliest start's posterior: what one must have to be named beside it
_SURE, _BEYOND = 0.999, 1e-9  # posteriors of what explains the draws, and of what cannot beside it
_OUTPUTS_BEFORE = 2**16  # before a state, among which a seed is looked for
_HOLDS = 0.5  # posterior that a part of the history must have on its streams to be told


# A survivor with its posterior for each noise rate.
_Told = tuple["Weighed", tuple[float, ...]]


@dataclass(frozen=True)
class _Candidate:
    """Survivors that draw alike, the one that speaks for them first."""

    members: tuple[_Told, ...]

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
    def nearby_seeds(self) -> list[int]:
        """Other seeds that begin this stream a few outputs from here: the first gap is open."""
        best = self.best.survivor
        seeds = {
            item.survivor.start
            for item, posterior in _likely(self.members)
            if item.survivor.stream == best.stream and best.alignment.gaps > 1
        }
        return sorted(seed for seed in seeds - {best.start} if isinstance(seed, int))

    @property
    def evidence_bits(self) -> float:
        return log2_sum(
            stake for item, _ in self.members for stake in item.scored.stakes(held_out=False)
        )


def _candidates(recovery: Recovery, asked: Collection[str]) -> list[_Candidate]:
    """Return the equivalence classes of the survivors, best first.

    Of members that draw alike those that were asked for speak for their class.
    """
    classes: dict[object, list[_Told]] = {}
    own = recovery.known.posterior[: len(recovery.items)]
    for item, posterior in zip(recovery.items, own, strict=True):
        classes.setdefault(item.scored.equivalence, []).append((item, posterior))
    candidates = [_Candidate(_by_rank(members, asked)) for members in classes.values()]
    # What another explanation of the same draws has put out of the question is no candidate.
    sure = {each.best.survivor.scope.part for each in candidates if each.posterior > _SURE}
    return [
        each
        for each in candidates
        if each.posterior > _BEYOND or each.best.survivor.scope.part not in sure
    ]


def _by_rank(members: Sequence[_Told], asked: Collection[str]) -> tuple[_Told, ...]:
    """Put first what was asked for, and then of starts that are as likely the nearest to 0.

    Only where skips vary do the draws leave several seeds of a generator as likely.
    """
    likely = {id(item) for item, _ in _likely(members)}

    def rank(each: _Told) -> tuple[bool, bool, bool, int]:
        item, survivor = each[0], each[0].survivor
        unlike = not _is_asked(item, asked), id(item) not in likely
        if survivor.alignment.gaps == 1 or isinstance(survivor.start, AtState):
            return *unlike, isinstance(survivor.start, AtState), 0
        return *unlike, False, distance_from_0(survivor.stream.generator, survivor.start)

    return tuple(sorted(members, key=rank))


def _likely(members: Sequence[_Told]) -> list[_Told]:
    """Return those of a class that are not much less likely than the likeliest of them."""
    largest = max(sum(posterior) for _, posterior in members)
    return [each for each in members if sum(each[1]) >= _LIKELY * largest]


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
    skips, nearby = skips_along(best), candidate.nearby_seeds
    certain = (~best.ambiguous_gaps).tolist()
    if nearby:
        certain[0] = False
    items = [item for item, _ in candidate.members]
    members = members_part(items, asked=asked, sought=sought)
    indices = _indices(scope, recovery, history)
    return {
        "generator": generator.name,
        "presets": [member["preset"] for member in members],
        "bounding": survivor.stream.bounding.name,
        "seed": seed,
        "seed_rule": alike.rule,
        "equivalent_seeds": list(alike.others),
        "nearby_seeds": nearby,
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
        "path": None if skips is None else {"skips": list(skips), "certain": certain},
        "noise": candidate.noise,
        "matches": best.matches,
        "n": len(scope.values),
        "matches_by_chance": matched_along_a_path(modulus, alignment.gaps, len(scope.values)),
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
