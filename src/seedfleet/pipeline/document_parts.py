"""What the documents of the pipeline say in the same words: history, limits, versions."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from seedfleet import __version__
from seedfleet.evidence.prior import PRIOR_TEXT, PRIOR_VERSION
from seedfleet.evidence.verdict import Thresholds

if TYPE_CHECKING:
    from seedfleet.draws import History
    from seedfleet.generators import AtState
    from seedfleet.recover.repeats import Repeats

__all__ = [
    "count_part",
    "history_part",
    "prior_part",
    "structure_part",
    "thresholds_part",
    "versions_part",
    "word_part",
]

_MOST_BITS = 256  # of a count that is written as a number


def versions_part() -> dict[str, str]:
    """Say what ran."""
    return {
        "seedfleet": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
    }


def thresholds_part() -> dict[str, float]:
    """Give the limits that a verdict is held against."""
    return {
        "recovered_fit_bits": Thresholds.RECOVERED_FIT_BITS,
        "recovered_predictive_bits": Thresholds.RECOVERED_PREDICTIVE_BITS,
        "recovered_posterior": Thresholds.RECOVERED_POSTERIOR,
        "signal_bits": Thresholds.SIGNAL_BITS,
    }


def prior_part() -> dict[str, str]:
    """Name the prior."""
    return {"version": PRIOR_VERSION, "text": PRIOR_TEXT}


def history_part(history: History) -> dict[str, Any]:
    """Say how the draws were understood."""
    dates = [date.isoformat() for date in history.dates if date is not None]
    return {
        "name": history.name,
        "source": history.source,
        "sha256": history.sha256,
        "draws": len(history.values),
        "modulus": history.modulus,
        "modulus_inferred": history.modulus_inferred,
        "sessions": list(history.session_names),
        "first_date": min(dates, default=None),
        "last_date": max(dates, default=None),
        "notes": list(history.notes),
    }


def structure_part(repeats: Repeats | None) -> dict[str, Any] | None:
    """Say what repeats in the history."""
    if repeats is None:
        return None
    return {
        "kind": repeats.kind,
        "period": repeats.period,
        "blocks": [
            {"first": block.first, "copy": block.copy, "length": block.length}
            for block in repeats.blocks
        ],
        "analysed": list(repeats.analysed),
        "text": repeats.text,
    }


def word_part(state: AtState | None) -> int | None:
    """Return a state that is one word; None where it is more."""
    return state.words[0] if state is not None and len(state.words) == 1 else None


def count_part(count: int) -> int | str:
    """Return a count as a number, or as a power of two where JSON's readers have no such number.

    A count between two powers of two is then told by the lower one.
    """
    exponent = count.bit_length() - 1
    return count if exponent < _MOST_BITS else f"2^{exponent}"
