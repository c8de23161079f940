"""Survivors weighed on every known draw, and what they say of the draws to come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedfleet.evidence import Scored
from seedfleet.evidence.prediction import foretell, point_laws
from seedfleet.evidence.prior import log2_alignment_weight, seed_odds
from seedfleet.generators import AtState, presets_of
from seedfleet.generators.start import state_bits
from seedfleet.sieve.weighing import AHEAD, Known
from seedfleet.sieve.weighing import weigh as weighed_stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from seedfleet.evidence import Mixture
    from seedfleet.generators import Generator, Start
    from seedfleet.recover.search import Question, Scope, Survivor

__all__ = ["MAX_PREDICTIONS", "Prediction", "Weighed", "abstained", "predict", "weigh"]

MAX_PREDICTIONS = AHEAD
_ABSTAIN = 0.5  # posterior that the scope's streams must pass together


@dataclass(frozen=True)
class Weighed:
    """A survivor with its stream of draws.

    Attributes
    ----------
    survivor
        Seed and alignment.
    scored
        Its prior and likelihood ratios, for the mixture.
    fitted_matches, held_out_matches
        Draws that the stream gives exactly, among those searched and among those held out.
    stream_draws
        int64 array, shape (n + 1000,): what the stream gives at the draws' positions and the next.
    state
        The generator's state right after the last known draw; None where no path is certain.
    """

    survivor: Survivor
    scored: Scored
    fitted_matches: int
    held_out_matches: int
    stream_draws: NDArray[np.int64]
    state: AtState | None

    @property
    def matches(self) -> int:
        """Known draws that the stream gives exactly."""
        return self.fitted_matches + self.held_out_matches


@dataclass(frozen=True)
class Prediction:
    """One coming draw.

    Attributes
    ----------
    draw
        Its most probable value; None where the null holds more than half, or a repeat is going on.
    probability
        Of that value; 1/m without one.
    session
        The session whose draw it is; None for the next draw whatever its session.
    ahead
        1 for the next draw (of that session), 2 for the one after, ...
    """

    draw: int | None
    probability: float
    session: str | None
    ahead: int


def weigh(survivor: Survivor, question: Question, session_count: int) -> Weighed:
    """Compare a survivor's stream with every known draw. O(draws * (skip + 1)) steps."""
    scope, stream = survivor.scope, survivor.stream
    known = Known(scope.values, question.modulus, range(scope.fitted))
    alignment = survivor.alignment
    weighing = weighed_stream(stream, survivor.start, alignment, known)
    scored = Scored(
        equivalence=(scope.part, weighing.digest),
        log2_weight=log2_alignment_weight(
            presets=len(presets_of(stream)),
            skip_min=alignment.skip_min,
            skip_max=alignment.skip_max,
            offset=alignment.offset,
            session_count=session_count,
            chosen_sessions=session_count if scope.session is None else 1,
        ),
        seed_space=_start_odds(stream.generator, survivor.start),
        fitted_bits=weighing.fitted_bits,
        known_bits=weighing.known_bits,
        scope=scope.part,
    )
    return Weighed(
        survivor=survivor,
        scored=scored,
        fitted_matches=int(weighing.matched[: scope.fitted].sum()),
        held_out_matches=int(weighing.matched[scope.fitted :].sum()),
        stream_draws=weighing.stream_draws,
        state=weighing.state,
    )


def _start_odds(generator: Generator, start: Start) -> int:
    """Return one over the prior weight of a start among all starts of its kind."""
    if isinstance(start, AtState):
        return 1 << state_bits(generator)
    return seed_odds(generator.seed_count, start)


def predict(
    items: Sequence[Weighed], mixture: Mixture, *, modulus: int, count: int
) -> tuple[Prediction, ...]:
    """Return the next draws under the mixture, which must be over these `items`, in this order.

    Where sessions have streams of their own, each of those gets its next draws; else the next
    draws are those of the stream that all sessions share.

    Parameters
    ----------
    count
        Draws ahead, at most MAX_PREDICTIONS.

    Raises
    ------
    ValueError
        More draws were asked for than the streams were run on.
    """
    if count > MAX_PREDICTIONS:
        raise ValueError(f"at most {MAX_PREDICTIONS} draws can be predicted, not {count}")
    weights: dict[Scope, float] = {}  # in the items' order, best first
    for item, row in zip(items, mixture.posterior, strict=True):
        weights[item.survivor.scope] = weights.get(item.survivor.scope, 0.0) + sum(row)
    sure = {scope.session: scope for scope, weight in weights.items() if weight > _ABSTAIN}
    if None in sure:
        sure = {None: sure[None]}
    if not sure:
        return abstained(modulus=modulus, count=count)
    return tuple(
        _prediction(items, mixture, scope, ahead, modulus)
        for scope in sure.values()
        for ahead in range(1, count + 1)
    )


def abstained(*, modulus: int, count: int) -> tuple[Prediction, ...]:
    """Return predictions that name no draw."""
    return tuple(Prediction(None, 1 / modulus, None, ahead) for ahead in range(1, count + 1))


def _prediction(
    items: Sequence[Weighed], mixture: Mixture, scope: Scope, ahead: int, modulus: int
) -> Prediction:
    """Mix what the scope's items say of one coming draw; everything else counts as uniform."""
    forecast = foretell(
        (
            value_law
            for item, posterior in zip(items, mixture.posterior, strict=True)
            if item.survivor.scope is scope
            for value_law in point_laws(
                int(item.stream_draws[len(scope.values) + ahead - 1]), posterior, modulus
            )
        ),
        modulus,
    )
    value = forecast.value
    if value is None:
        return Prediction(None, 1 / modulus, scope.session, ahead)
    return Prediction(value, forecast.law.probability(value), scope.session, ahead)
