"""Whether probabilities stated of known draws came true: the run's own predictions, counted."""

from __future__ import annotations

from itertools import pairwise
from math import log2
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from seedfleet.evidence.prediction import foretell
from seedfleet.evidence.prior import noise_weights
from seedfleet.pipeline.steps.heard import heard_first, log2_standing

if TYPE_CHECKING:
    from seedfleet.evidence.prediction import DrawLaw
    from seedfleet.pipeline.steps.predict.turns import Turns

__all__ = ["reliability_part"]

_EDGES = (0.0, 0.01, 0.1, 0.5, 0.9, 0.99, 1.0)  # of stated probabilities
_LEAST, _MOST = 1e-3, 20  # posterior of a survivor that is looked at, and how many of them


class _Stated(NamedTuple):
    """Of one draw: what was said of the likeliest value, and of the one that was drawn."""

    probability: float
    came_true: bool
    of_the_drawn: float


def reliability_part(turns: Turns, draws: range) -> dict[str, Any]:
    """Count how often the likeliest value of a draw came, by the probability stated of it before.

    Each of the draws is told from all before it, as the coming ones are. Survivors that hardly
    anything speaks for tell nothing: their weight is the null's. Where no value is likelier than
    others, the one that is held against the draw is 0.

    Parameters
    ----------
    turns
        The survivors, and what may have ended.
    draws
        Indexes of the draws to be told.
    """
    stated = _stated(turns, draws)
    probabilities = np.array([each.probability for each in stated])
    true = np.array([each.came_true for each in stated], np.bool_)
    places = np.clip(np.searchsorted(_EDGES, probabilities, "right") - 1, 0, len(_EDGES) - 2)
    scores = [log2(each.of_the_drawn) for each in stated]
    return {
        "draws": len(stated),
        "log2_score": float(np.mean(scores)) if scores else None,
        "uniform_log2_score": -log2(turns.evidence.modulus),
        "bins": [
            {
                "from": low,
                "to": high,
                "draws": int(np.count_nonzero(places == place)),
                "expected": float(probabilities[places == place].sum()),
                "observed": int(np.count_nonzero(true[places == place])),
            }
            for place, (low, high) in enumerate(pairwise(_EDGES))
        ],
    }


def _stated(turns: Turns, draws: range) -> list[_Stated]:
    evidence = turns.evidence
    told: list[list[tuple[float, DrawLaw]]] = [[] for _ in draws]
    rows, others = _heard(turns, draws)
    stops = np.arange(draws.start, draws.stop)
    stakes = [
        turns.log2_staked(row, stops)[:, np.newaxis]
        + np.log2(noise_weights())
        + evidence.running(row)[stops]
        for row in rows
    ]
    total = np.logaddexp2([turns.log2_ended(stop) for stop in draws], others)
    for own in stakes:
        total = np.logaddexp2(total, np.logaddexp2.reduce(own, axis=1))
    for row, own in zip(rows, stakes, strict=True):
        first = max(draws.start, int(evidence.table.rows["origin"][row]))
        known = range(first, max(first, min(draws.stop, int(evidence.ends[row]))))
        at = slice(known.start - draws.start, known.stop - draws.start)
        laws = evidence.laws(row, np.exp2(own[at] - total[at, np.newaxis]), known)
        for place, law in zip(range(at.start, at.stop), laws, strict=True):
            told[place].extend(law)
    drawn = evidence.draws[draws.start : draws.stop].tolist()
    return [_of(laws, value, evidence.modulus) for laws, value in zip(told, drawn, strict=True)]


def _heard(turns: Turns, draws: range) -> tuple[list[int], float]:
    """Return the rows that have a say before or after the draws, and log2 of what else is staked.

    What is staked on the others is what they had earned before the first draw.
    """
    stops = (draws.start, draws.stop)
    standing = log2_standing(turns.evidence, turns.log2_weights, stops)
    best = heard_first(standing, _LEAST, _MOST)
    others = np.delete(turns.log2_going_on(draws.start), best)
    return best, float(np.logaddexp2.reduce(others, initial=-np.inf))


def _of(laws: list[tuple[float, DrawLaw]], value: int, modulus: int) -> _Stated:
    law = foretell(laws, modulus).law
    likeliest = max(law.named, key=lambda each: law.named[each], default=0)
    return _Stated(law.probability(likeliest), value == likeliest, law.probability(value))
