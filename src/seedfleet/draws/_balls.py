"""Tables of lottery balls, several to a draw, which are no history of draws as they stand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from seedfleet.draws._columns import guess_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["SAMPLED_ROWS", "ball_advice"]

SAMPLED_ROWS = 20  # that are enough to tell balls from digits
_LEAST_BALLS = 3
_BALL = re.compile("0?[1-9]|[1-9][0-9]", re.ASCII)


def ball_advice(rows: Iterable[Sequence[str]]) -> str | None:
    """Return what to do about a table whose rows look like draws of balls; None where they do not.

    Parameters
    ----------
    rows
        The cells of some rows below the header. A cell may hold several numbers.
    """
    parted = [" ".join(cells).split() for cells in rows]
    parted = [cells for cells in parted if len(cells) == len(parted[0])]
    balls = _ball_columns(parted) if len(parted) > 1 else []
    # What is drawn last is often drawn from others.
    main = balls[:-1] if len(balls) > _LEAST_BALLS else balls
    digits = [column for column in balls if all(int(number) < 10 for number in column)]
    draws = list(zip(*main, strict=True))
    if len(balls) < _LEAST_BALLS or 2 * len(digits) > len(balls):
        return None
    if any(len({int(number) for number in draw}) < len(draw) for draw in draws):
        return None
    highest = max(int(number) for column in main for number in column)
    return (
        f"{len(balls)} numbers a draw without repetition, up to {highest} here, look like balls. "
        "Balls drawn without replacement are no values modulo m, and are not searched. The first "
        "of each draw may be such a value, where balls stand in the order in which they came: "
        "write that ball less 1, one a line, and give --modulus (49 for balls 1 to 49)"
    )


def _ball_columns(rows: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """Return the columns that hold nothing but numbers from 1 to 99, and no part of a date."""
    guessed = guess_columns(rows[0]).split(",")
    return [
        column
        for name, column in zip(guessed, zip(*rows, strict=True), strict=True)
        if name not in {"date", "year", "month", "day"}
        and all(_BALL.fullmatch(cell) for cell in column)
    ]
