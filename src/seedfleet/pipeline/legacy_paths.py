"""Which outputs a stream with variable skip dropped before each draw, for results of sieve jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence.skip_paths import PathModel, likeliest_path
from seedfleet.generators import compiled

if TYPE_CHECKING:
    from seedfleet.sieve import Question, VariableSkip

__all__ = ["skips_along"]

_NOISE = 0.1  # any share below (m - 1) / m names a path of the most matches


def skips_along(question: Question, skips: VariableSkip, seed: int) -> list[int]:
    """Return the outputs dropped before each draw looked at, along a path of the most matches.

    Parameters
    ----------
    question
        With the one stream offset 0.
    skips
        Those of the question.
    seed
        A survivor.

    Notes
    -----
    O(n**2 * w) for draws up to the last one looked at. Where the draws before the first one looked
    at are not looked at, its skip is that of one way to come there.
    """
    looked_at = question.looked_at
    model = PathModel(skips.skip_min + 1, skips.skip_max + 1, question.modulus, noise=_NOISE)
    draws = question.draws[: looked_at.stop]
    observed = np.arange(len(draws)) >= looked_at.start
    reach = np.arange(model.band(len(draws) - 1).stop)
    values, _ = compiled.at_positions(question.stream, seed, question.modulus, reach)
    path = likeliest_path(values, draws, model, observed)
    dropped: list[int] = (np.diff(path, prepend=-1) - 1)[looked_at.start :].tolist()
    return dropped
