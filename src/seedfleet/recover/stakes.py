"""What the prior stakes on the starts and the parts of the history that searches look at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedfleet.evidence.part_prior import log2_part_weight
from seedfleet.evidence.start_prior import seed_odds, state_odds
from seedfleet.generators import AtState
from seedfleet.generators.start import state_bits

if TYPE_CHECKING:
    from seedfleet.evidence.part_prior import Division
    from seedfleet.generators import Generator, Start
    from seedfleet.recover.search import Coverage, Scope

__all__ = ["best_odds", "least_odds", "part_bits", "start_odds"]


def part_bits(scope: Scope, division: Division) -> float:
    """Return log2 of the prior weight of the draws that a scope holds."""
    return log2_part_weight(
        division,
        sessions=None if scope.session is None else 1,
        machines=None if scope.machine is None else 1,
        whole=scope.segment is None,
    )


def start_odds(generator: Generator, start: Start) -> int:
    """Return one over the prior weight of a start among all starts of its generator."""
    if isinstance(start, AtState):
        return state_odds(state_bits(generator))
    return seed_odds(generator.seed_count, start)


def least_odds(coverage: Coverage) -> int:
    """Return one over the prior weight of the start that a search finds and that weighs least."""
    return max(_odds(coverage))


def best_odds(coverage: Coverage) -> int:
    """Return one over the prior weight of the start that a search finds and that weighs most."""
    return min(_odds(coverage))


def _odds(coverage: Coverage) -> list[int]:
    """Return the odds of the first and the last start of each generator, as the search names them.

    A search from states names seeds wherever every state has one.
    """
    odds = []
    for generator in dict.fromkeys(stream.generator for stream in coverage.streams):
        if coverage.from_states and generator.lcg is None:
            odds.append(state_odds(state_bits(generator)))
        else:
            last = generator.seeds.start + min(coverage.space, generator.seed_count) - 1
            odds += [
                seed_odds(generator.seed_count, seed) for seed in (generator.seeds.start, last)
            ]
    return odds
