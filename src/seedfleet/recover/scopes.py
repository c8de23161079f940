"""The parts of a history that may each have a stream: all draws, each session's, each machine's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.evidence.verdict import held_out_draws
from seedfleet.recover.scope import Scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from seedfleet.recover.search import Question

__all__ = ["by_length", "scopes_of"]


def scopes_of(
    values: NDArray[np.int64],
    sessions: Sequence[str | None],
    machines: Sequence[str | None],
    only: frozenset[str] = frozenset(),
) -> tuple[Scope, ...]:
    """Return the parts of a history that may each have a stream of their own.

    All draws share one in the first scope; where there are several sessions, or several machines,
    each has one of its own in a further scope. Of scopes with the same draws the first is kept. The
    draws held out are the last of the whole history, whatever scope they belong to.

    Parameters
    ----------
    values
        int64 array, shape (n,), n >= 1, oldest first.
    sessions, machines
        n entries each; None where the file says nothing.
    only
        Sessions to which the scopes are restricted; empty for all. Unless it names every one,
        scopes that mix sessions are left out, machines with them.

    Returns
    -------
    tuple of Scope
        At least one.
    """
    fitted = len(values) - held_out_draws(len(values))
    whole = Scope(values, fitted)
    session_names, machine_names = _names(sessions), _names(machines)
    mixed = not only or set(session_names) == only
    parts: list[tuple[str | None, str | None, NDArray[np.bool_]]] = [
        (name, None, _is(sessions, name)) for name in session_names if name in only or not only
    ]
    if mixed:
        parts += [(None, name, _is(machines, name)) for name in machine_names]
    scopes = [whole] if mixed else []
    # A part that has all the fitted draws asks nothing else than the whole history does.
    taken = {np.ones(fitted, dtype=bool).tobytes()}
    for session, machine, own in parts:
        asked = own[:fitted].tobytes()
        if asked not in taken:
            taken.add(asked)
            scopes.append(Scope(values[own], int(own[:fitted].sum()), session, machine))
    return tuple(scopes or [whole])


def by_length(question: Question, least_draws: int) -> tuple[Question, ...]:
    """Part the scopes with `least_draws` fitted draws from those with fewer.

    Returns
    -------
    tuple of Question
        One or two, of the longer scopes and of the shorter ones: searched together, one session
        with hardly a draw would have the whole history refused.
    """
    enough = tuple(scope for scope in question.scopes if scope.fitted >= least_draws)
    few = tuple(scope for scope in question.scopes if scope.fitted < least_draws)
    return tuple(replace(question, scopes=scopes) for scopes in (enough, few) if scopes)


def _names(labels: Sequence[str | None]) -> list[str]:
    """Return the names in order of first appearance."""
    return list(dict.fromkeys(name for name in labels if name is not None))


def _is(labels: Sequence[str | None], name: str) -> NDArray[np.bool_]:
    return np.array([label == name for label in labels])
