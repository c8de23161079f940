"""Histories of nothing but draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seedfleet.draws import History

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["history"]


def history(
    draws: Sequence[int], modulus: int = 1000, sessions: Sequence[str | None] | None = None
) -> History:
    none = (None,) * len(draws)
    return History(
        values=np.array(draws, dtype=np.int64),
        modulus=modulus,
        modulus_inferred=False,
        dates=none,
        sessions=none if sessions is None else tuple(sessions),
        machines=none,
        source="draws",
        name="draws",
        sha256="0" * 64,
        notes=(),
    )
