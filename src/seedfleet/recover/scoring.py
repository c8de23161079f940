"""Survivors weighed on every known draw, and what they say of the draws to come."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence import Scored
from seedfleet.evidence.jump_prior import log2_jump_weight
from seedfleet.evidence.likelihood import NOISE_RATES
from seedfleet.evidence.prediction import foretell
from seedfleet.evidence.prior import log2_alignment_weight
from seedfleet.evidence.skip_paths import log2_likelihood_ratios, path_certainty
from seedfleet.evidence.stakes import start_odds
from seedfleet.generators import presets_of
from seedfleet.generators.compiled import at_positions
from seedfleet.recover.options import MAX_PREDICTIONS
from seedfleet.recover.scope import part_bits
from seedfleet.sieve.weighing import Known, Weighing, told
from seedfleet.sieve.weighing import weigh as weighed_stream

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

    from seedfleet.evidence import Mixture
    from seedfleet.evidence.part_prior import Division
    from seedfleet.evidence.prediction import DrawLaw
    from seedfleet.generators import AtState
    from seedfleet.recover.scope import Scope
    from seedfleet.recover.search import Question, Survivor

__all__ = [
    "Prediction",
    "Weighed",
    "abstained",
    "predict",
    "weigh",
    "worth_weighing",
]

_ABSTAIN = 0.5  # posterior that the scope's streams must pass together
_LOOK_NOISE = 0.1
_LEAST_STRETCH_BITS = 24.0  # of the best stretch; every verdict needs more
_CERTAIN = 0.99  # posterior of a position from which on it counts as known


@dataclass(frozen=True, eq=False)
class Weighed:
    """A survivor with its stream of draws.

    Attributes
    ----------
    survivor
        Start and alignment.
    scored
        Its prior and likelihood ratios, for the mixture.
    weighing
        Its stream beside the known draws of its scope: path, matches, the state at their end.
    modulus
        The draws' modulus.
    """

    survivor: Survivor
    scored: Scored
    weighing: Weighing
    modulus: int

    @property
    def fitted_matches(self) -> int:
        """Draws given exactly, among those searched."""
        return int(self.weighing.matched[: self.survivor.scope.fitted].sum())

    @property
    def held_out_matches(self) -> int:
        """Draws given exactly, among those held out."""
        return int(self.weighing.matched[self.survivor.scope.fitted :].sum())

    @property
    def matches(self) -> int:
        """Known draws that the stream gives exactly."""
        return int(self.weighing.matched.sum())

    @property
    def stream_draws(self) -> NDArray[np.int64]:
        """What the stream gives; see `Weighing`."""
        return self.weighing.stream_draws

    @property
    def state(self) -> AtState | None:
        """The state right after the last known draw; None where no path is certain."""
        return self.weighing.state

    @property
    def known(self) -> Known:
        """The draws that it was weighed on."""
        scope = self.survivor.scope
        return Known(scope.values, self.modulus, range(scope.fitted))

    @cached_property
    def ambiguous_gaps(self) -> NDArray[np.bool_]:
        """Which gaps the known draws leave open: bool array, shape (n,).

        Gap i ends at draw i. It is open where one of its ends stands elsewhere than on the path
        with a probability above 1 %, at the likeliest noise. No gap of a constant skip is.
        O(n**2 * w).
        """
        alignment, weighing = self.survivor.alignment, self.weighing
        if alignment.skip_min == alignment.skip_max:
            return np.zeros(len(weighing.matched), dtype=bool)
        likely = NOISE_RATES[int(np.argmax(weighing.known_bits))]
        model = replace(alignment.path_model(self.modulus), noise=likely)
        known = self.survivor.scope.values
        certainty = path_certainty(weighing.stream_draws, known, model, weighing.path)
        unsure: NDArray[np.bool_] = certainty < _CERTAIN
        unsure[1:] |= unsure[:-1].copy()
        return unsure


@dataclass(frozen=True)
class Prediction:
    """One coming draw.

    Attributes
    ----------
    draw
        Its most probable value; None where the null holds more than half, or a repeat is going on.
    probability
        Of that value; 1/m without one.
    session, machine
        The session or the machine whose draw it is; None for the next draw whatever its origin.
    ahead
        1 for the next draw (of that session or machine), 2 for the one after, ...
    date
        Its date, where dates have seeds and come again in a rhythm.
    """

    draw: int | None
    probability: float
    session: str | None
    ahead: int
    machine: str | None = None
    date: dt.date | None = None


def weigh(survivor: Survivor, question: Question, division: Division) -> Weighed:
    """Compare a survivor's stream with every known draw of its scope.

    O(draws * (skip + 1)) steps; with variable skip also O(draws**2 * w) sums.
    """
    scope, stream, alignment = survivor.scope, survivor.stream, survivor.alignment
    known = Known(scope.values, question.modulus, range(scope.fitted))
    weighing = weighed_stream(stream, survivor.start, alignment, known)
    scored = Scored(
        equivalence=(scope.part, weighing.digest),
        log2_weight=log2_alignment_weight(
            presets=len(presets_of(stream)),
            skip_min=alignment.skip_min,
            skip_max=alignment.skip_max,
            offset=alignment.offset,
            part_bits=part_bits(scope, division),
        )
        + log2_jump_weight(alignment.jumps, skip=alignment.skip_max, draws=division.draws),
        seed_space=start_odds(stream.generator, survivor.start),
        fitted_bits=weighing.fitted_bits,
        known_bits=weighing.known_bits,
        scope=scope.part,
    )
    return Weighed(survivor, scored, weighing, question.modulus)


def worth_weighing(survivor: Survivor, modulus: int) -> bool:
    """Tell cheaply whether a survivor explains any of the draws better than chance.

    A survivor that is left out counts 0 in every mixture, which is what an unscored one counts: no
    promise depends on this, only time. Those with a constant skip are cheap and always kept. Of a
    variable skip the fitted draws are summed at one noise rate, about a fifth of what all cost, and
    the best stretch of them, not the whole, has to earn its place: a stream may have ended.
    """
    alignment = survivor.alignment
    if alignment.skip_min == alignment.skip_max:
        return True
    draws = survivor.scope.searchable
    model = replace(alignment.path_model(modulus), noise=_LOOK_NOISE)
    positions = np.arange(model.band(len(draws) - 1).stop)
    values, _ = at_positions(survivor.stream, survivor.start, modulus, positions)
    running = np.concatenate([[0.0], log2_likelihood_ratios(values, draws, model)])
    return bool((running - np.minimum.accumulate(running)).max() >= _LEAST_STRETCH_BITS)


def predict(
    items: Sequence[Weighed], mixture: Mixture, *, modulus: int, count: int
) -> tuple[Prediction, ...]:
    """Return the next draws under the mixture, which must be over these `items`, in this order.

    Where sessions or machines have streams of their own, each of those gets its next draws; else
    the next draws are those of the stream that all share. A stream whose segment has ended says
    nothing. With variable skips each draw's law is over all paths, whatever came before it.

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
    scopes = _speaking(items, mixture)
    if not scopes:
        return abstained(modulus=modulus, count=count)
    return tuple(
        prediction
        for scope in scopes
        for prediction in _predictions(items, mixture, scope, modulus=modulus, count=count)
    )


def abstained(*, modulus: int, count: int) -> tuple[Prediction, ...]:
    """Return predictions that name no draw."""
    return tuple(Prediction(None, 1 / modulus, None, ahead) for ahead in range(1, count + 1))


def _speaking(items: Sequence[Weighed], mixture: Mixture) -> list[Scope]:
    """Return the scopes whose streams hold more than half together and have not ended."""
    weights: dict[Hashable, float] = {}  # in the items' order, best first
    scopes: dict[Hashable, Scope] = {}
    for item, row in zip(items, mixture.posterior, strict=True):
        scope = item.survivor.scope
        scopes.setdefault(scope.part, scope)
        weights[scope.part] = weights.get(scope.part, 0.0) + sum(row)
    sure: dict[tuple[str | None, str | None], Scope] = {}
    for part, scope in scopes.items():
        if weights[part] > _ABSTAIN and scope.draws_after == 0:
            sure.setdefault((scope.session, scope.machine), scope)
    shared = sure.get((None, None))
    return list(sure.values()) if shared is None else [shared]


def _predictions(
    items: Sequence[Weighed], mixture: Mixture, scope: Scope, *, modulus: int, count: int
) -> list[Prediction]:
    """Mix what the scope's items say of its coming draws; everything else counts as uniform."""
    laws: list[list[tuple[float, DrawLaw]]] = [[] for _ in range(count)]
    for item, posterior in zip(items, mixture.posterior, strict=True):
        survivor = item.survivor
        if survivor.scope.part == scope.part:
            coming = told(item.weighing, survivor.alignment, item.known, posterior, count)
            for own, more in zip(laws, coming, strict=True):
                own.extend(more)
    predictions = []
    for ahead, own in enumerate(laws, start=1):
        forecast = foretell(own, modulus)
        value = forecast.value
        probability = 1 / modulus if value is None else forecast.law.probability(value)
        predictions.append(Prediction(value, probability, scope.session, ahead, scope.machine))
    return predictions
