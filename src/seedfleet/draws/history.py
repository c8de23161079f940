"""A cleaned history of draws, and the one error of this package.

`DrawsError` has no subclasses: whatever is wrong with a file, the reader's next step is the same,
to look at the places that `problems` names.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import datetime as dt

    from numpy.typing import NDArray

__all__ = ["DrawsError", "History", "describe_unknown_session"]


class DrawsError(Exception):
    """A history could not be loaded, or was asked for what it does not hold.

    Parameters
    ----------
    summary
        One line: what could not be done.
    problems
        Every reason, each with its place (`$[3].draw` in JSON, `line 4` in text) where it has one.
    """

    def __init__(self, summary: str, problems: tuple[str, ...]) -> None:
        super().__init__(summary, problems)
        self.summary = summary
        self.problems = problems

    def __str__(self) -> str:
        return "\n  ".join((self.summary, *self.problems))


# Two arrays do not compare to one truth value, so histories are equal only to themselves.
@dataclass(frozen=True, eq=False)
class History:
    """Draws of one game, oldest first.

    Parameters
    ----------
    name
        What to call it: the file's name without its folder and suffix.
    source
        Where it came from: the path as it was given, or `standard input`.
    sha256
        Digest of the file's bytes, 64 hexadecimal digits.
    values
        int64 array, shape (n,), in `[0, modulus)`, oldest first. A read-only copy is kept.
    dates, sessions, machines
        n entries each; None where the file says nothing.
    modulus
        Number of values a draw can take, in `[2, 2**31]`.
    modulus_inferred
        Whether the modulus was worked out from the draws instead of being given.
    notes
        One sentence for everything that was assumed, ignored, dropped or re-ordered.

    Raises
    ------
    ValueError
        If the parts differ in length or a value lies outside `[0, modulus)`.
    """

    name: str
    source: str
    sha256: str
    values: NDArray[np.int64]
    dates: tuple[dt.date | None, ...]
    sessions: tuple[str | None, ...]
    machines: tuple[str | None, ...]
    modulus: int
    modulus_inferred: bool
    notes: tuple[str, ...]

    def __post_init__(self) -> None:
        values = np.array(self.values, dtype=np.int64)
        lengths = {len(self.dates), len(self.sessions), len(self.machines)}
        if values.ndim != 1 or lengths != {values.size}:
            raise ValueError(f"{values.shape} values with {sorted(lengths)} dates and names")
        if ((values < 0) | (values >= self.modulus)).any():
            raise ValueError(f"a value lies outside [0, {self.modulus})")
        values.setflags(write=False)
        object.__setattr__(self, "values", values)

    def __len__(self) -> int:
        return len(self.dates)

    @property
    def session_names(self) -> tuple[str, ...]:
        """Names of the sessions, in order of first appearance."""
        return tuple(dict.fromkeys(name for name in self.sessions if name is not None))

    def select(self, session: str) -> History:
        """Return the draws of one session, in the same order and under the same modulus.

        Raises
        ------
        DrawsError
            If no draw is of that session.
        """
        chosen = [i for i, name in enumerate(self.sessions) if name == session]
        if not chosen:
            raise DrawsError(
                f"{self.source} holds no draws of the session {session!r}",
                (describe_unknown_session(session, self.session_names),),
            )
        return replace(
            self,
            values=self.values[chosen],
            dates=tuple(self.dates[i] for i in chosen),
            sessions=tuple(self.sessions[i] for i in chosen),
            machines=tuple(self.machines[i] for i in chosen),
        )


def describe_unknown_session(session: str, names: tuple[str, ...]) -> str:
    """Say that a session is not in a history, and which ones are."""
    there = f"there are {', '.join(map(repr, names))}" if names else "no draw names a session"
    return f"no session {session!r}: {there}"
