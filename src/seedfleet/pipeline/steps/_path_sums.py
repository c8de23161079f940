"""Forward sums of survivors with variable skip, at marks among the draws."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence.forward_sums import begin_forward, go_forward
from seedfleet.evidence.likelihood import NOISE_RATES
from seedfleet.generators.compiled import at_positions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedfleet.evidence.forward_sums import Forward
    from seedfleet.evidence.skip_paths import PathModel
    from seedfleet.generators import Start, Stream

__all__ = ["PathSums", "sum_paths"]

_FIRST = 256  # draws after which most streams that explain nothing have been given up


@dataclass(frozen=True, eq=False)
class PathSums:
    """What the draws before each mark are worth.

    Attributes
    ----------
    bits
        float64 array, shape (n_marks, n_rates): log2 likelihood ratios.
    matched
        int32 array, shape (n_marks,): as `Forward.matched`.
    last
        How matters stand after the last mark.
    """

    bits: NDArray[np.float64]
    matched: NDArray[np.int32]
    last: Forward


def sum_paths(
    stream: Stream,
    start: Start,
    model: PathModel,
    known: tuple[NDArray[np.int64], NDArray[np.bool_] | None],
    marks: NDArray[np.int64],
) -> PathSums:
    """Run over the draws up to the last mark.

    Parameters
    ----------
    model
        Its offset is the first draw's; its noise is left aside.
    known
        The draws that the stream explains, from its origin on, and which of them count; None for
        all.
    marks
        Ascending, each at most the number of draws; what is below 0 counts as 0.

    Returns
    -------
    PathSums
        O(draws x band), and the stream's steps; little more than the first draws' where the stream
        is given up.
    """
    draws, observed = known
    bits = np.zeros((len(marks), len(NOISE_RATES)))
    matched = np.zeros(len(marks), np.int32)
    forward, values = begin_forward(model.offset), np.zeros(0, np.int64)
    stops = np.clip(marks, 0, len(draws))
    bounds = sorted({0, *stops.tolist(), min(_FIRST, int(stops.max(initial=0)))})
    for low, high in pairwise(bounds):
        reach = forward.high + (high - low) * model.most_gap + 1
        if len(values) < reach and not forward.given_up:
            values = values_before(stream, start, model.modulus, reach)
        part = None if observed is None else observed[low:high]
        forward = go_forward(values, draws[low:high], model, forward, part)
        bits[stops >= high] = forward.bits
        matched[stops >= high] = forward.matched
    return PathSums(bits, matched, forward)


def values_before(stream: Stream, start: Start, modulus: int, position: int) -> NDArray[np.int64]:
    """Return the values of a stream at all positions before one."""
    values, _ = at_positions(stream, start, modulus, np.arange(position))
    return values
