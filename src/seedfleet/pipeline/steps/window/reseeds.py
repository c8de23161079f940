"""A generator that was seeded anew inside the history: where a stream ends, and what follows.

A stream that explains the first draws and then no more has ended; the sieve is asked again with the
draws near that place as origins.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log2
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence.forward_sums import begin_forward, go_forward
from seedfleet.evidence.prior import noise_weights
from seedfleet.evidence.uniformity import allowance_bits
from seedfleet.generators import compiled, find_preset
from seedfleet.pipeline.steps.survivor_table import NO_END
from seedfleet.pipeline.steps.window.recovered import KnownStream
from seedfleet.pipeline.steps.window.trial import run_trial
from seedfleet.recover.tolerance import NEAR_DRAWS
from seedfleet.sieve.weighing import Alignment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from numpy.typing import NDArray

    from seedfleet.pipeline.steps.window.configuration import Configuration
    from seedfleet.pipeline.steps.window.ground import Ground

__all__ = ["SURE_BITS", "explained_draws", "streams_in_turn"]

SURE_BITS = 20.0  # a signal: from which on a stream is followed through the history

_LOST_BITS = 10.0  # odds of a thousand that a stream has ended, its place paid for
_CERTAIN_BITS = 20.0  # a signal, for a stream that begins inside the history
_LEAST_REST = 16  # draws that are worth another sieve
_MOST_STREAMS = 6


@dataclass(frozen=True)
class _Next:
    origin: int
    bits: float
    best: Mapping[str, Any]


def streams_in_turn(
    ground: Ground, configuration: Configuration, best: Mapping[str, Any], *, origin: int = 0
) -> tuple[KnownStream, ...]:
    """Return the streams that made the draws of the ground one after the other.

    None where the best survivor explains them to their end: then nothing was seeded anew.

    Parameters
    ----------
    best
        That of the chosen trial (`Outcome.best`), or a known stream, with its offset.
    origin
        The draw with which it began; one of the ground's.
    """
    part = ground.part(configuration.sessions)
    found: list[KnownStream] = []
    begin = _Next(origin, 0.0, best)
    while len(found) < _MOST_STREAMS:
        rest = part.draws[begin.origin :]
        lasted = explained_draws(begin.best, rest, ground.modulus)
        ends = lasted < len(rest)
        end = begin.origin + lasted
        found.append(_known(begin, configuration, end if ends else NO_END))
        following = _following(ground, configuration, end) if ends else None
        if following is None:
            break
        found[-1] = replace(found[-1], end=min(end, following.origin))
        begin = following
    return tuple(found) if found[0].end != NO_END else ()


def explained_draws(best: Mapping[str, Any], draws: NDArray[np.int64], modulus: int) -> int:
    """Return how many draws from the first on a stream explains, before it explains no more.

    O(n) steps of the forward sums, for at least one draw.
    """
    stream = find_preset(best["generator"]).stream
    model = Alignment(0, best["skip_min"], best["skip_max"]).path_model(modulus)
    reach = np.arange((len(draws) + 1) * model.most_gap + 1) + best.get("offset", 0)
    values = np.zeros(len(reach), np.int64)
    there = reach >= 0  # no draw comes from before the stream's first output
    values[there], _ = compiled.at_positions(stream, best["seed"], modulus, reach[there])
    forward = begin_forward(model.offset)
    running = np.full(len(draws), -np.inf)
    for index in range(len(draws)):
        forward = go_forward(values, draws[index : index + 1], model, forward)
        running[index] = np.logaddexp2.reduce(forward.bits + np.log2(noise_weights()))
    running -= np.cumsum(allowance_bits(stream, draws, modulus))
    last = int(np.argmax(running))
    price = log2(len(draws) * (len(draws) + 1) / 2)
    lost = running[last] - running[-1]
    return last + 1 if lost > price + _LOST_BITS else len(draws)


def _following(ground: Ground, configuration: Configuration, end: int) -> _Next | None:
    """Return the likeliest stream that begins near a place; None where none is certain."""
    part = ground.part(configuration.sessions)
    price = _CERTAIN_BITS + log2(part.scope.division.stretches)
    found: list[_Next] = []
    for origin in range(
        max(1, end - NEAR_DRAWS), min(end + NEAR_DRAWS + 1, len(part.draws) - _LEAST_REST)
    ):
        rest = len(part.draws) - origin
        size = min(configuration.window_size, rest // 2)
        own = replace(
            ground,
            parts=(replace(part, draws=part.draws[origin:]),),
            judged=min(ground.judged, rest - size),
        )
        outcome = run_trial(own, replace(configuration, window_start=0, window_size=size))
        if outcome.best is not None and (outcome.objective or 0) > price:
            found.append(_Next(origin, float(outcome.best["bits"]), outcome.best))
    return max(found, key=lambda each: each.bits, default=None)


def _known(begin: _Next, configuration: Configuration, end: int) -> KnownStream:
    best = begin.best
    return KnownStream(
        preset=best["generator"],
        start=best["seed"],
        offset=best.get("offset", 0),
        skip_min=best["skip_min"],
        skip_max=best["skip_max"],
        sessions=configuration.sessions,
        origin=begin.origin,
        end=end,
        posterior=1.0,
    )
