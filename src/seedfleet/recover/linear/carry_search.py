"""V8's sums of two words as a search: doubtful equations, decoded for every phase and skip."""

from __future__ import annotations

from functools import cache
from math import ceil, comb, log2
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.generators import Monotone, compiled
from seedfleet.recover.controls import (
    PLANTED_SEEDS,
    TARGET_SURVIVORS,
    negative_control,
    positive_control,
)
from seedfleet.recover.linear._carry_kernel import CHECKS, TRIES, UNKNOWNS
from seedfleet.recover.linear.carry_decoding import (
    CarryDecoder,
    DecodingChance,
    decoding_orders,
)
from seedfleet.recover.linear.carry_survivors import carry_survivors
from seedfleet.recover.linear.families import LinearFamily
from seedfleet.recover.linear.rows import unknown_count
from seedfleet.recover.linear.search import LEAST_SURPLUS
from seedfleet.recover.scope import Scope
from seedfleet.recover.search import Coverage, Found
from seedfleet.sieve import constant_skip_positions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from seedfleet.generators import Stream
    from seedfleet.recover.controls import Control
    from seedfleet.recover.search import Question, Survivor
    from seedfleet.recover.watch import Watch

__all__ = ["CarrySearch", "searches"]

# Skips, as indices among those asked for, and the orders that each is worth: what is likely and
# cheap comes first, and comes again where it is hard.
_STAGES = (
    (slice(0, 1), 256),
    (slice(1, 9), 256),
    (slice(0, 1), 8192),
    (slice(1, 9), 2048),
    (slice(9, 129), 64),
    (slice(129, None), 32),
)
_FEWEST_DRAWS = 32
_MOST_DRAWS = 1024  # of a history: with more, equations get hardly any surer
_LINES_AT_ONCE = 8192
_LINE_S = 2.2e-5  # one order of one system, on two cores
_WORTH_WHILE = 0.5  # of histories, to be found
_CONTROL_FAILED = 15  # checks, at most, in the negative control
_CONTROL_SKIPS = 8
_LEAST_REPLICATES = 8
_CONTROL_DRAWS, _CONTROL_ORDERS = 450, 64  # of the positive one


def searches(streams: Iterable[Stream], question: Question) -> tuple[CarrySearch, ...]:
    """Return the searches for the streams whose words are sums of two words of a linear state.

    Left out are moduli so small that not even a long history would do.
    """
    return tuple(_searches(tuple(streams), question))


def _searches(streams: tuple[Stream, ...], question: Question) -> Iterator[CarrySearch]:
    modulus = question.modulus
    for stream in (each for each in streams if _fits(each, modulus)):
        family = LinearFamily((stream,), modulus)
        for scope in question.scopes:
            for chosen, orders in _STAGES:
                skips = question.skips[chosen]
                if skips and scope.fitted and least_draws(stream, modulus, orders) is not None:
                    yield CarrySearch(family, scope, skips=skips, orders=orders)


def _fits(stream: Stream, modulus: int) -> bool:
    """Tell whether the draws are leading parts of sums, each of one word."""
    linear, bounding = stream.generator.linear, stream.bounding
    return (
        linear is not None
        and linear.carryless is not None
        and unknown_count(stream.generator) == UNKNOWNS
        and bounding.layout(modulus) == (modulus, 1)
        and isinstance(bounding.shape(modulus), Monotone)
        and bounding.words == 1
        and bounding.rejection(modulus) == 0.0
    )


@cache
def least_draws(stream: Stream, modulus: int, orders: int) -> int | None:
    """Return how many uniform draws make a find likelier than not; None for more than are used."""
    values = np.random.default_rng(0).integers(modulus, size=_MOST_DRAWS)
    family, count = LinearFamily((stream,), modulus), _FEWEST_DRAWS
    while count <= _MOST_DRAWS:
        if DecodingChance.of(family, values[:count], 0.0).after(orders) >= _WORTH_WHILE:
            return count
        count += count // 4
    return None


class CarrySearch:
    """All states behind sums of two words, for some constant skips of one scope.

    Parameters
    ----------
    family
        Has one stream.
    orders
        In how many orders the equations of each system are taken.
    """

    def __init__(self, family: LinearFamily, scope: Scope, *, skips: range, orders: int) -> None:
        self._family, self._scope, self._orders = family, scope, orders
        self._values = scope.searchable[:_MOST_DRAWS]
        self._strides = range(skips[0] + 1, skips[-1] + 2)
        self._chances: dict[float, DecodingChance] = {}
        self._lines = family.linear.cycle * len(skips)
        space = family.linear.cycle << UNKNOWNS
        run = ceil((log2(space) + LEAST_SURPLUS) / log2(family.modulus))
        needed = least_draws(family.streams[0], family.modulus, orders)
        places = len(self._values) * self._strides[-1]
        self.coverage = Coverage(
            attack=f"equations with carries, orders: {orders}",
            streams=family.streams,
            scopes=(scope,),
            skips=skips,
            space=space,
            from_states=True,
            draws_used=run,
            least_draws=max(run, needed or _MOST_DRAWS),
            windows=max(1, scope.fitted - run + 1),
            power=self._power,
            cost_s=0.1 + 1e-5 * places + _LINE_S * orders * self._lines,
        )

    def run(self, watch: Watch) -> Found:
        """Decode every system in one order after another, until some state gives the draws."""
        decoder = CarryDecoder.of(self._family, self._values, self._strides)
        rng = np.random.default_rng(self._orders)
        survivors: dict[Survivor, None] = {}
        batch = max(1, _LINES_AT_ONCE // self._lines)
        done = 0
        while done < self._orders and not survivors and not watch.expired():
            orders = decoding_orders(decoder.pool, min(batch, self._orders - done), rng)
            survivors |= dict.fromkeys(self._survivors(self._scope, decoder, orders))
            done += len(orders)
            watch.progress(done / self._orders)
        # A state that gives the draws leaves none to be looked for.
        tested = self.coverage.space if survivors else self.coverage.space * done // self._orders
        pairs = {(survivor.alignment, survivor.start) for survivor in survivors}
        return Found(tuple(survivors), tested, len(pairs))

    def controls(self, rng: np.random.Generator) -> tuple[Control, ...]:
        """Shuffled draws that fail more checks, and planted seeds found in full."""
        return self._shuffled(rng), self._planted(rng)

    def _power(self, noise: float) -> float:
        if noise not in self._chances:
            self._chances[noise] = DecodingChance.of(self._family, self._values, noise)
        return self._chances[noise].after(self._orders)

    def _shuffled(self, rng: np.random.Generator) -> Control:
        """Count the tries of wrong systems that fail few checks, each of which is a fair coin."""
        chance = sum(comb(CHECKS, failed) for failed in range(_CONTROL_FAILED + 1)) / 2**CHECKS
        strides = self._strides[:_CONTROL_SKIPS]
        lines = self._family.linear.cycle * len(strides)
        replicates = max(_LEAST_REPLICATES, ceil(TARGET_SURVIVORS / (chance * TRIES * lines)))
        counts = []
        for _ in range(replicates):
            values = rng.permutation(self._values)
            decoder = CarryDecoder.of(self._family, values, strides)
            orders = decoding_orders(decoder.pool, 1, rng)
            counts.append(len(decoder.candidates(orders, most_failed=_CONTROL_FAILED)))
        return negative_control(
            counts,
            chance * TRIES * lines,
            text=f"{replicates} times {lines} systems of shuffled draws with at most "
            f"{_CONTROL_FAILED} of {CHECKS} checks failed",
        )

    def _planted(self, rng: np.random.Generator) -> Control:
        (stream, *_), skips = self._family.streams, self.coverage.skips
        seeds = stream.generator.seeds
        found, chance = 0, 0.0
        for _ in range(PLANTED_SEEDS):
            seed = seeds[int(rng.integers(len(seeds)))]
            skip = skips[int(rng.integers(len(skips)))]
            positions = constant_skip_positions(_CONTROL_DRAWS, skip)
            values, _ = compiled.at_positions(stream, seed, self._family.modulus, positions)
            decoder = CarryDecoder.of(self._family, values, range(skip + 1, skip + 2))
            orders = decoding_orders(decoder.pool, _CONTROL_ORDERS, rng)
            survivors = self._survivors(Scope(values, len(values)), decoder, orders)
            found += any(each.start == seed for each in survivors)
            chance += DecodingChance.of(self._family, values, 0.0).after(_CONTROL_ORDERS)
        return positive_control(
            found, chance, text=f"{PLANTED_SEEDS} seeds of {stream.name} planted"
        )

    def _survivors(
        self, scope: Scope, decoder: CarryDecoder, orders: NDArray[np.int64]
    ) -> list[Survivor]:
        candidates = decoder.candidates(orders)
        return carry_survivors(self._family, scope, candidates, least_run=self.coverage.draws_used)
