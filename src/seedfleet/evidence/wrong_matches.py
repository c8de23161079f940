"""How many draws a stream matches that did not make them.

At fixed positions that is one in m. Under a variable skip a stream is followed along the path that
suits the draws best, and of ever more positions, some agree: with skips of 0 to 8 a wrong stream
matches 9 draws in 100 at m = 1000, not 9 in 1,000, which is w/m for one draw alone.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import ceil, isqrt
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence.forward_sums import begin_forward, go_forward
from seedfleet.evidence.likelihood import NOISE_RATES
from seedfleet.evidence.skip_paths import (
    PathModel,
    likeliest_path,
    log2_ratios_by_noise,
    mean_path,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    _Values = NDArray[np.int64]

__all__ = ["matched_along_a_path", "matched_along_the_mean_path", "matched_by_sums"]

_DRAWS = 300  # from which on more of them change little
# Of all streams together at most: simulated draws, and those times the gaps and the draws of one
# stream, so that a second of one core is enough for wide laws too. Streams match so often under
# these that fewer draws tell their share as well; but for mean paths, which are asked for once.
_ON_PATHS, _ON_MEAN_PATHS, _ON_SUMS = (2_000, 2**24), (2_000, 2**28), (20_000, 2**26)
_MEAN_NOISE = 0.05  # that of a survivor which does not tell how many draws it matched


def matched_along_a_path(modulus: int, gaps: int, draws: int) -> float:
    """Return the share of draws that a wrong stream gives along its likeliest path.

    Parameters
    ----------
    modulus
        Of the draws, in ``[2, 2**31]``.
    gaps
        Between two draws: w, at least 1.
    draws
        Known ones, at least 1.

    Returns
    -------
    float
        In (0, 1]; simulated where w > 1, with fewer draws where w is large.
    """
    return _share(_on_path, _ON_PATHS, modulus, gaps, min(draws, _DRAWS))


def matched_along_the_mean_path(modulus: int, gaps: int, draws: int) -> float:
    """Return the same along the posterior mean of its positions, rounded, as it is scored."""
    return _share(_on_mean_path, _ON_MEAN_PATHS, modulus, gaps, min(draws, _DRAWS))


def matched_by_sums(modulus: int, gaps: int, draws: int) -> float:
    """Return the same of draws that count as matched in `Forward.matched`."""
    return _share(_on_sums, _ON_SUMS, modulus, gaps, min(draws, _DRAWS))


@cache
def _share(
    matched: Callable[[_Values, _Values, PathModel], int],
    effort: tuple[int, int],
    modulus: int,
    gaps: int,
    draws: int,
) -> float:
    if gaps == 1:
        return 1 / modulus
    simulated, steps = effort
    draws = min(draws, isqrt(steps // gaps))
    streams = min(ceil(simulated / draws), steps // (draws * draws * gaps))
    rng = np.random.default_rng(0)
    model = PathModel(1, gaps, modulus)
    reach = model.band(draws - 1).stop
    total = 0
    for _ in range(streams):
        values, known = (rng.integers(modulus, size=size) for size in (reach, draws))
        total += matched(values, known, model)
    return max(total / (streams * draws), 1 / modulus)


def _on_path(values: _Values, draws: _Values, model: PathModel) -> int:
    """Count as `sieve.weighing` does: at the rate of wrong draws that suits them best."""
    bits = log2_ratios_by_noise(values, draws, model)[:, -1]
    path = likeliest_path(values, draws, replace(model, noise=NOISE_RATES[int(np.argmax(bits))]))
    return int((values[path] == draws).sum())


def _on_sums(values: _Values, draws: _Values, model: PathModel) -> int:
    return go_forward(values, draws, model, begin_forward(model.offset)).matched


def _on_mean_path(values: _Values, draws: _Values, model: PathModel) -> int:
    means = mean_path(values, draws, replace(model, noise=_MEAN_NOISE))
    return int((values[np.rint(means).astype(np.int64)] == draws).sum())
