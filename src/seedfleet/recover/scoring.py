"""Survivors weighed on every known draw, and what they say of the draws to come."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedfleet.evidence import Scored
from seedfleet.evidence.likelihood import NOISE_RATES
from seedfleet.evidence.prior import log2_alignment_weight
from seedfleet.generators import compiled, presets_of
from seedfleet.sieve import constant_skip_positions

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from seedfleet.evidence import Mixture
    from seedfleet.recover.search import Question, Survivor

__all__ = ["MAX_PREDICTIONS", "Prediction", "Weighed", "predict", "weigh"]

MAX_PREDICTIONS = 1000  # also the coming draws on which equivalent streams must agree


@dataclass(frozen=True)
class Weighed:
    """A survivor with its stream of draws.

    Attributes
    ----------
    survivor
        Seed and alignment.
    scored
        Its matches and prior, for the mixture.
    stream_draws
        int64 array, shape (scope.passed + 1000,): what the stream gives for the draws since the
        first, known or not, and the next.
    state
        The generator's state right after the history's last draw; None where it is no single word.
    """

    survivor: Survivor
    scored: Scored
    stream_draws: NDArray[np.int64]
    state: int | None


@dataclass(frozen=True)
class Prediction:
    """One coming draw: its most probable value, or None where the null holds more than half."""

    draw: int | None
    probability: float


def weigh(survivor: Survivor, question: Question, session_count: int) -> Weighed:
    """Compare a survivor's stream with every known draw. O(draws * (skip + 1)) steps."""
    scope, stream = survivor.scope, survivor.stream
    n, fitted = len(scope.values), scope.fitted
    positions = constant_skip_positions(scope.passed + MAX_PREDICTIONS, survivor.skip)
    draws, _ = compiled.at_positions(stream, survivor.seed, question.modulus, positions)
    history = positions[: scope.passed]
    _, state = compiled.at_positions(stream, survivor.seed, question.modulus, history)
    matches = draws[:n] == scope.values
    scored = Scored(
        equivalence=(scope.session, hashlib.sha256(draws.tobytes()).hexdigest()),
        log2_weight=log2_alignment_weight(
            presets=len(presets_of(stream)),
            skip=survivor.skip,
            offset=0,
            session_count=session_count,
            all_sessions=scope.session is None,
        ),
        seed_space=len(stream.generator.seeds),
        fitted_matches=int(matches[:fitted].sum()),
        fitted_draws=fitted,
        held_out_matches=int(matches[fitted:].sum()),
        held_out_draws=n - fitted,
        modulus=question.modulus,
    )
    return Weighed(survivor, scored, draws, state)


def predict(
    items: Sequence[Weighed], mixture: Mixture, *, modulus: int, count: int
) -> tuple[Prediction, ...]:
    """Return the next draws under the mixture, which must be over these `items`, in this order.

    The draws are those of the best item's scope; items of other scopes say nothing about them and
    count as uniform, like the null.

    Parameters
    ----------
    count
        At most 1,000.

    Raises
    ------
    ValueError
        More draws were asked for than the streams were run on.
    """
    if count > MAX_PREDICTIONS:
        raise ValueError(f"at most {MAX_PREDICTIONS} draws can be predicted, not {count}")
    if mixture.null > 0.5 or not items:
        return (Prediction(None, 1 / modulus),) * count
    best = max(range(len(items)), key=lambda index: sum(mixture.posterior[index]))
    scope = items[best].survivor.scope
    speaking = [index for index, item in enumerate(items) if item.survivor.scope == scope]
    predictions = []
    for ahead in range(count):
        hit: dict[int, float] = {}  # by value: the posterior of drawing it right
        spread = 0.0  # posterior of a wrong record, shared by the other values
        for index in speaking:
            value = int(items[index].stream_draws[scope.passed + ahead])
            for rate, weight in zip(NOISE_RATES, mixture.posterior[index], strict=True):
                wrong_share = rate / (modulus - 1)
                hit[value] = hit.get(value, 0.0) + weight * (1 - rate - wrong_share)
                spread += weight * wrong_share
        silent = 1.0 - sum(sum(mixture.posterior[index]) for index in speaking)
        value = max(hit, key=lambda key: hit[key])
        predictions.append(Prediction(value, min(1.0, hit[value] + spread + silent / modulus)))
    return tuple(predictions)
