"""What a step refuses without a word of the user's being wrong: a run has left it too little."""

from __future__ import annotations

from seedfleet.errors import ProblemsError

__all__ = ["TOO_FEW_DRAWS", "RefusedDataError", "ShortageError"]

TOO_FEW_DRAWS = "too_few_draws"  # parameter of the record that stands for such a step


class RefusedDataError(ProblemsError):
    """What the steps before it have left cannot be worked on by this one."""


class ShortageError(ProblemsError):
    """There are too few draws for this step; each problem says how many would do."""
