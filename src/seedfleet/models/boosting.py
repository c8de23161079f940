"""What the three boosters are set by: the same names mean the same in each."""

from __future__ import annotations

from typing import Final

from seedfleet.models.base import Parameter

__all__ = ["BOOSTING_PARAMETERS"]

BOOSTING_PARAMETERS: Final = {
    "rounds": Parameter(200, 1, 5000, logarithmic=True),  # trees at most
    "patience": Parameter(20, 1, 1000),  # rounds without progress on the validation rows
    "learning_rate": Parameter(0.05, 1e-4, 1.0, logarithmic=True),
    "depth": Parameter(4, 1, 12),
    "min_leaf": Parameter(20, 1, 100_000, logarithmic=True),  # rows in a leaf
    "l2": Parameter(3.0, 1e-6, 1e6, logarithmic=True),  # added to a leaf's rows
    "row_share": Parameter(0.8, 0.1, 1.0),  # rows drawn for each tree
    "column_share": Parameter(0.8, 0.1, 1.0),  # columns drawn for each tree
}
