"""How large a model the labels can carry, by rules that say so, and what to try around that.

The labels of survivors are hits in a few hundred draws: mostly noise. How much of them is not is
found by cutting these draws in two: the correlation r of both halves' labels gives the reliability
of the whole, 2r / (1 + r) (Spearman and Brown, 1910). Where one true stream stands among thousands
that are there by chance, that share is large and yet one row says all there is to say, so that rows
are counted by their worth (`label_ranking.worths`): 1 / sum of squares of it (Kish, 1965), times
six, since a sixth of the rows is what labels of a normal law would leave. That many rows, times
the reliability, is what a model's size is measured by.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.pipeline.steps.label_ranking import worths

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Derived", "candidates", "folds_of", "full_rows", "reliability"]

_OF_A_NORMAL_LAW = 6.0
_ROWS_OF_A_FOLD = 50  # different streams in each, at least
_FOLDS = (3, 5)
_ROWS_OF_A_LEAF = 40  # of full worth
_DEPTHS = (1, 6)
_ROWS_OF_A_WEIGHT = 5  # of full worth
_WIDTHS = (4, 64)


@dataclass(frozen=True)
class Derived:
    """A value, and how it came about."""

    name: str
    value: Any
    how: str


def reliability(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Return the share of the labels' variance that is not noise, in [0, 1].

    Parameters
    ----------
    first, second
        float64, shape (n,): the labels by either half of the draws.
    """
    if len(first) < 2 or not np.ptp(first) or not np.ptp(second):
        return 0.0
    r = float(np.corrcoef(first, second)[0, 1])
    return max(0.0, 2 * r / (1 + r)) if r > -1 else 0.0


def full_rows(labels: NDArray[np.float64], share: float) -> float:
    """Return how many rows of full worth the labels amount to, in [0, n].

    Parameters
    ----------
    labels
        float64, shape (n,).
    share
        Their `reliability`.
    """
    weights = worths(labels)
    if not weights.any():
        return 0.0
    return share * min(_OF_A_NORMAL_LAW / float((weights**2).sum()), float(len(labels)))


def folds_of(streams: int) -> Derived:
    """Return how many folds so many different streams are cut into."""
    least, most = _FOLDS
    folds = min(max(streams // _ROWS_OF_A_FOLD, least), most)
    return Derived(
        "folds",
        folds,
        f"{streams} different streams, at least {_ROWS_OF_A_FOLD} a fold, {least} to {most} folds",
    )


def candidates(model_type: str, streams: int, columns: int, worth: float) -> list[dict[str, Any]]:
    """Return settings to try: what the rule gives, less and more than that.

    The first are the least able to learn by heart, the last the most.

    Parameters
    ----------
    streams
        Different streams among the survivors.
    columns
        Features that are not constant.
    worth
        The `full_rows` that they amount to.
    """
    return _networks(worth, columns) if model_type == "neural_net" else _trees(worth, streams)


def _trees(worth: float, streams: int) -> list[dict[str, Any]]:
    """Suggest trees: depth d has 2**d leaves, each of which should see enough rows."""
    least, most = _DEPTHS
    rule = min(max(int(math.log2(max(worth / _ROWS_OF_A_LEAF, 1.0))), least), most)
    depths = sorted({max(rule - 1, least), rule, min(rule + 1, most)})
    return [
        {
            "depth": depth,
            "min_leaf": min(max(streams // (4 * 2**depth), 2), 500),
            "l2": l2,
            "learning_rate": 0.1,
            "rounds": 160,
            "patience": 16,
        }
        for depth, l2 in zip(depths, (30.0, 10.0, 3.0), strict=False)
    ]


def _networks(worth: float, columns: int) -> list[dict[str, Any]]:
    """Suggest networks: a hidden layer of width w has about `columns * w` weights."""
    least, most = _WIDTHS
    wanted = max(worth / (_ROWS_OF_A_WEIGHT * max(columns, 1)), 1.0)
    rule = min(max(2 ** int(math.log2(wanted)), least), most)
    widths = sorted({max(rule // 2, least), rule, min(rule * 2, most)})
    return [
        {
            "widths": [width] if width < 16 else [width, width // 2],
            "weight_decay": decay,
            "dropout": dropout,
            "rounds": 48,
            "patience": 8,
        }
        for width, decay, dropout in zip(widths, (0.1, 0.03, 0.01), (0.2, 0.1, 0.1), strict=False)
    ]
