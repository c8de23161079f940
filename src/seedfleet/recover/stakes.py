"""What the prior stakes on the starts and the parts of the history that searches look at."""

from __future__ import annotations

from math import ceil, log2
from typing import TYPE_CHECKING

from seedfleet.evidence.prior import log2_alignment_weight
from seedfleet.evidence.start_prior import seed_odds, state_odds
from seedfleet.evidence.verdict import draws_for_fitted, draws_needed
from seedfleet.generators import presets_of
from seedfleet.generators.start import state_bits
from seedfleet.recover.scope import part_bits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seedfleet.evidence.part_prior import Division
    from seedfleet.recover.search import Coverage

__all__ = ["attainable_bits", "draws_to_recover"]


def draws_to_recover(coverage: Coverage, division: Division, modulus: int) -> int:
    """Return the known draws with which a search could end in `recovered`, whatever it finds."""
    weight = _weight(coverage, division, least=True)
    # Each draw of a variable skip costs the choice of its gap.
    lost = log2(modulus) / log2(modulus / coverage.gaps)
    needed = ceil(draws_needed(max(_odds(coverage)), weight, modulus) * lost / coverage.told)
    return max(needed, draws_for_fitted(coverage.least_draws))


def attainable_bits(coverage: Coverage, division: Division, modulus: int) -> float:
    """Return the evidence that a perfect fit of the most favoured alignment would give."""
    draws = max(scope.fitted for scope in coverage.scopes)
    weight = _weight(coverage, division, least=False)
    told_bits = log2(modulus / coverage.gaps) * coverage.told
    return draws * told_bits - log2(min(_odds(coverage))) + weight


def _weight(coverage: Coverage, division: Division, *, least: bool) -> float:
    """Return the prior weight of the least or most favoured alignment, in bits."""
    pick = min if least else max
    presets = pick(len(presets_of(stream)) for stream in coverage.streams)
    parts = pick(part_bits(scope, division) for scope in coverage.scopes)
    return pick(
        log2_alignment_weight(
            presets=presets, skip_min=low, skip_max=high, offset=offset, part_bits=parts
        )
        for offset, low, high in _outermost(coverage)
    )


def _outermost(coverage: Coverage) -> Iterator[tuple[int, int, int]]:
    """Yield offset, least and most skip of the alignments among which are the extreme weights."""
    asked = coverage.offsets
    for offset in (each for each in {asked[0], asked[-1], -1, 0} if each in asked):
        if coverage.variable_skip is not None:
            yield offset, *coverage.variable_skip
            continue
        nearest = max(coverage.skips[0], -offset)
        for skip in {nearest, coverage.skips[-1]}:
            if skip >= nearest:
                yield offset, skip, skip


def _odds(coverage: Coverage) -> list[int]:
    """Return the odds of the first and the last start of each generator, as the search names them.

    A search from states names seeds where every state has one, and where there are no more of them
    than seeds, as where it leads on to these; a rule has odds of its own.
    """
    if coverage.rule_odds is not None:
        return [coverage.rule_odds]
    odds = []
    for generator in dict.fromkeys(stream.generator for stream in coverage.streams):
        named = generator.lcg is not None or coverage.space <= generator.seed_count
        if coverage.from_states and not named:
            odds.append(state_odds(state_bits(generator)))
        else:
            last = generator.seeds.start + min(coverage.space, generator.seed_count) - 1
            odds += [
                seed_odds(generator.seed_count, seed) for seed in (generator.seeds.start, last)
            ]
    return odds
