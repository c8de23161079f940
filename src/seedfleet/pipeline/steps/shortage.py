"""Too few draws for a step: no fault of anybody's, and an answer that a run can end with."""

from __future__ import annotations

from seedfleet.errors import ProblemsError

__all__ = ["TOO_FEW_DRAWS", "ShortageError"]

TOO_FEW_DRAWS = "too_few_draws"  # parameter of the record that stands for such a step


class ShortageError(ProblemsError):
    """There are too few draws for this step; each problem says how many would do."""
