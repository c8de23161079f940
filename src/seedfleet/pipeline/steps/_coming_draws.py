"""What survivors tell of the draws to come, all of them together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence._windows import over_gaps
from seedfleet.evidence.likelihood import NOISE_RATES
from seedfleet.evidence.prediction import DrawLaw
from seedfleet.evidence.skip_paths import law_at
from seedfleet.generators.compiled import at_positions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from seedfleet.evidence.forward_sums import Forward
    from seedfleet.evidence.skip_paths import PathModel
    from seedfleet.generators import Start, Stream

__all__ = ["laws_after", "point_law"]

_Told = tuple[float, DrawLaw]


def point_law(values: NDArray[np.int64], posterior: NDArray[np.float64], modulus: int) -> _Told:
    """Return what streams with fixed positions tell together: their weight, and one law for all.

    Parameters
    ----------
    values
        int64 array, shape (n,): what each gives.
    posterior
        float64 array, shape (n, n_rates).
    """
    noise = np.array(NOISE_RATES)
    weight = float(posterior.sum())
    if weight == 0:
        return 0.0, DrawLaw({}, 1 / modulus)
    other = noise / (modulus - 1)
    elsewhere = float((posterior @ other).sum())
    named, places = np.unique(values, return_inverse=True)
    more = np.bincount(places, weights=posterior @ (1 - noise - other), minlength=len(named))
    probabilities = (more + elsewhere) / weight
    law = dict(zip(named.tolist(), probabilities.tolist(), strict=True))
    return weight, DrawLaw(law, elsewhere / weight)


def laws_after(
    stream: Stream,
    start: Start,
    model: PathModel,
    forward: Forward,
    told: tuple[Sequence[float], int],
) -> list[list[_Told]]:
    """Return what a stream with a variable skip tells of each coming draw.

    Parameters
    ----------
    model
        Its noise is left aside.
    forward
        Where its latest draw may stand.
    told
        The stream's posterior for each noise rate, and how many draws are to come.

    Returns
    -------
    list of list
        For each draw, ``(posterior, law)`` for each noise rate that has any; nothing where the
        stream is given up. O(draws x band).
    """
    posterior, ahead = told
    if forward.given_up:
        return [[] for _ in range(ahead)]
    reach = forward.high + ahead * model.most_gap + 1
    values, _ = at_positions(stream, start, model.modulus, np.arange(reach))
    low, weights = forward.low, forward.weights
    laws: list[list[_Told]] = []
    for _ in range(ahead):
        weights = over_gaps(np.add, weights, model.gaps)
        weights = weights / np.maximum(weights.max(axis=1, keepdims=True), 1e-300)
        low += model.least_gap
        reached = values[low : low + weights.shape[1]]
        laws.append(
            [
                (weight, law_at(reached, row, replace(model, noise=noise)))
                for weight, row, noise in zip(posterior, weights, NOISE_RATES, strict=True)
                if weight > 0
            ]
        )
    return laws
