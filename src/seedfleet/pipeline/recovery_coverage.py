"""What a recovery searched: coverage with its power, leads, and what only seeds could tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seedfleet.evidence.chance import expected_pairs, expected_seeds
from seedfleet.evidence.likelihood import NOISE_RATES
from seedfleet.evidence.verdict import draws_in_principle
from seedfleet.generators import presets_of
from seedfleet.generators.kinship import power_text
from seedfleet.generators.start import state_bits
from seedfleet.pipeline.document_parts import count_part
from seedfleet.pipeline.recovery_candidates import scope_part
from seedfleet.recover import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedfleet.generators import Generator, Stream
    from seedfleet.recover import Recovery, SearchRecord
    from seedfleet.recover.search import Coverage

__all__ = [
    "chance_pairs",
    "generator_names",
    "leads_part",
    "only_through_seeds_part",
    "searched_part",
]


def generator_names(streams: Sequence[Stream]) -> str:
    """Name the generators of some streams, each once."""
    return ", ".join(dict.fromkeys(stream.generator.name for stream in streams))


def chance_pairs(coverage: Coverage, modulus: int) -> float:
    """Return the pairs that chance lets through a search's filter, over all its windows.

    Of a variable skip it is a bound (`path_chance`): each of w gaps gives a draw one chance more,
    so that a wrong start gives it with chance w/m at most.
    """
    depth, gaps = coverage.draws_used, coverage.gaps
    bound = expected_pairs(coverage.pairs * coverage.windows, [(depth, depth)], modulus / gaps)
    if gaps == 1:
        return bound
    if coverage.from_states:
        return bound / gaps  # a state stands at the first draw itself: it has no gap before it
    # From a seed, the first draw of a later window has a range of places for each draw before it.
    return bound * (1 + coverage.least_draws - depth)


def searched_part(recovery: Recovery) -> list[dict[str, Any]]:
    """Describe every search of the catalogue, and the streams that none covers."""
    modulus = recovery.question.modulus
    no_attack = (
        f"no attack on this stream for draws modulo {modulus} is built; "
        "`seedfleet sieve` tests ranges of its seeds"
    )
    left_out = "left out by the --generator option"
    return [
        *(_searched(record, modulus) for record in recovery.searches),
        *(_unsearched(s, "not_applicable", no_attack, modulus) for s in recovery.uncovered),
        *(_unsearched(s, "not_selected", left_out, modulus) for s in recovery.unselected),
    ]


def _searched(record: SearchRecord, modulus: int) -> dict[str, Any]:
    coverage = record.coverage
    depth, skips, variable = coverage.draws_used, coverage.skips, coverage.variable_skip
    expected = chance_pairs(coverage, modulus)
    return {
        "attack": coverage.attack,
        **_streams(coverage.streams),
        "scopes": [scope_part(scope) for scope in coverage.scopes],
        "skips": [skips[0], skips[-1]] if variable is None else [],
        "variable_skip": None if variable is None else list(variable),
        "offsets": [coverage.offsets[0], coverage.offsets[-1]],
        "from_states": coverage.from_states,
        "windows": coverage.windows,
        "seed_space": count_part(coverage.space),
        "seeds_tested": count_part(record.found.tested) if record.found else 0,
        "alignments": coverage.alignments,
        "status": record.status.value,
        "reason": record.reason,
        "budget_needed_s": record.budget_needed_s,
        "draws_used": depth,
        "expected_pairs": expected,
        "expected_seeds": min(
            expected,
            expected_seeds(
                coverage.space,
                coverage.alignments * coverage.windows * coverage.readings,
                [(depth, depth)],
                modulus / coverage.gaps,
            ),
        ),
        "observed": record.found.passed if record.found else 0,
        "remark": record.found.remark if record.found else None,
        "draws_needed_in_principle": draws_in_principle(
            coverage.space, coverage.alignments, modulus, coverage.gaps
        ),
        "draws_needed_for_recovered": record.draws_needed,
        "power": _power(record),
        "elapsed_s": round(record.elapsed_s, 3),
    }


def _power(record: SearchRecord) -> dict[str, float]:
    """Return the power of what was done: a start that was not tested cannot have been found."""
    coverage = record.coverage
    share = min(1.0, record.found.tested / coverage.space) if record.found else 0.0
    return {f"{rate:g}": share * coverage.power(rate) if share else 0.0 for rate in NOISE_RATES}


def _streams(streams: Sequence[Stream]) -> dict[str, Any]:
    return {
        "generator": generator_names(streams),
        "presets": [preset.name for stream in streams for preset in presets_of(stream)],
        "bounding": ", ".join(dict.fromkeys(stream.bounding.name for stream in streams)),
    }


def _unsearched(stream: Stream, status: str, reason: str, modulus: int) -> dict[str, Any]:
    seed_space = stream.generator.seed_count
    return {
        "attack": "none",
        **_streams([stream]),
        "scopes": [],
        "skips": [],
        "variable_skip": None,
        "offsets": [],
        "from_states": False,
        "windows": 0,
        "seed_space": seed_space,
        "seeds_tested": 0,
        "alignments": 0,
        "status": status,
        "reason": reason,
        "budget_needed_s": None,
        "draws_used": 0,
        "expected_pairs": 0.0,
        "expected_seeds": 0.0,
        "observed": 0,
        "remark": None,
        "draws_needed_in_principle": draws_in_principle(seed_space, 1, modulus),
        "draws_needed_for_recovered": 0,
        "power": {f"{rate:g}": 0.0 for rate in NOISE_RATES},
        "elapsed_s": 0.0,
    }


def leads_part(recovery: Recovery) -> list[dict[str, Any]]:
    """Tell to which generators the draws point without naming a start."""
    return [
        {"attack": record.coverage.attack, **_streams([lead.stream]), "text": lead.text}
        for record in recovery.searches
        for lead in (record.found.leads if record.found else ())
    ]


def only_through_seeds_part(recovery: Recovery) -> list[dict[str, Any]]:
    """Name the streams whose state nothing here recovers from draws, and the seeds covered.

    A search from any state, or through the algebra of a linear congruential generator, decides a
    stream whatever its seed; all others are decided as far as their seeds were tested.
    """
    tested: dict[Stream, int] = {}
    decided: set[Stream] = set()
    for record in recovery.searches:
        # A rule tests a few seeds for each date, not one for all draws.
        for stream in record.coverage.streams if record.coverage.rule_odds is None else ():
            seeds = record.found.tested if record.found else 0
            tested[stream] = max(tested.get(stream, 0), seeds)
            if record.coverage.from_states and record.status is Status.COMPLETED:
                decided.add(stream)
    alike: dict[tuple[Generator, int], list[Stream]] = {}
    for stream in (*tested, *recovery.uncovered):
        if stream not in decided and _seeds_are_a_part(stream.generator):
            alike.setdefault((stream.generator, tested.get(stream, 0)), []).append(stream)
    return [_through_seeds(streams, seeds) for (_, seeds), streams in alike.items()]


def _seeds_are_a_part(generator: Generator) -> bool:
    """Tell whether the seeds are a small part of the states."""
    return state_bits(generator) > (generator.seed_count - 1).bit_length() + 1


def _through_seeds(streams: Sequence[Stream], tested: int) -> dict[str, Any]:
    space = streams[0].generator.seed_count
    if tested >= space:
        covered = f"all its {power_text(space)} seeds were tested"
    elif tested:
        covered = f"{power_text(tested)} of its {power_text(space)} seeds were tested"
    else:
        covered = f"none of its {power_text(space)} seeds was tested"
    return {
        **_streams(streams),
        "seed_space": space,
        "seeds_tested": tested,
        "text": f"not recoverable here except through its seeds: {covered}",
    }
