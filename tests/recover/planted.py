"""Questions and histories whose answer is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seedfleet.draws import History
from seedfleet.generators import Stream, compiled
from seedfleet.recover.scope import Scope
from seedfleet.recover.search import Question
from seedfleet.recover.watch import Unwatched
from seedfleet.sieve import constant_skip_positions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def planted_draws(
    stream: Stream,
    seed: int,
    *,
    count: int,
    skip: int = 0,
    offset: int = 0,
    modulus: int = 1000,
) -> NDArray[np.int64]:
    positions = constant_skip_positions(count, skip, offset=offset)
    values, _ = compiled.at_positions(stream, seed, modulus, positions)
    return values


def random_draws(count: int, *, modulus: int = 1000, seed: int = 0) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(0, modulus, count)


def history_of(
    values: NDArray[np.int64],
    *,
    modulus: int = 1000,
    sessions: Sequence[str | None] | None = None,
    machines: Sequence[str | None] | None = None,
) -> History:
    none = (None,) * len(values)
    return History(
        name="draws",
        source="draws.txt",
        sha256="0" * 64,
        values=values,
        dates=none,
        sessions=none if sessions is None else tuple(sessions),
        machines=none if machines is None else tuple(machines),
        modulus=modulus,
        modulus_inferred=False,
        notes=(),
    )


def with_noise(
    values: NDArray[np.int64], share: float, *, modulus: int = 1000, seed: int = 0
) -> NDArray[np.int64]:
    """Record that share of the draws as something else."""
    rng = np.random.default_rng(seed)
    wrong = rng.random(len(values)) < share
    return np.where(wrong, (values + rng.integers(1, modulus, len(values))) % modulus, values)


def question(
    values: NDArray[np.int64],
    *,
    modulus: int = 1000,
    skips: range = range(9),
    scan_skips: range = range(3),
) -> Question:
    """Ask about one stream behind all draws, the last five of them held out."""
    scope = Scope(values, len(values) - 5)
    return Question(modulus=modulus, scopes=(scope,), skips=skips, scan_skips=scan_skips)


def silent(*_: object) -> None:
    """Take progress and say nothing."""


UNWATCHED = Unwatched()
