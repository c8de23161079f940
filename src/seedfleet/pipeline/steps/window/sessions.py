"""Whose draws a study may sieve: the choices of sessions, as far as they have draws enough."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from seedfleet.draws.slices import Slices
from seedfleet.pipeline.steps.survivor_table import NO_END, chosen_draws

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedfleet.draws import History
    from seedfleet.pipeline.steps.window.options import WindowOptions
    from seedfleet.pipeline.steps.window.recovered import KnownStream

__all__ = ["left_out", "session_choices", "shortage", "with_recovered_sessions"]

_LEAST_DRAWS = 8  # of a sieve slice: a window of some, and some to judge it by
_FEW_DRAWS, _RARE = 32, 1 / 8  # of a slice, and its share in that of all draws
_FEW_SESSIONS = 3  # up to so many, every choice of them is tried


def session_choices(history: History, options: WindowOptions) -> tuple[tuple[str, ...], ...]:
    """Return the choices of sessions that a study has; an empty one is all draws.

    Sessions that nobody named are no choice where they have so few draws that all the others would
    have to be judged by as few.
    """
    named = _named(history, options)
    if named:
        return named
    left_out = _left_out(history, options)
    return tuple(choice for choice in _every(history) if choice not in left_out)


def _left_out(history: History, options: WindowOptions) -> tuple[tuple[str, ...], ...]:
    """Return the choices that nobody named and that have too few draws to be one among others."""
    if _named(history, options):
        return ()
    rare = min(_FEW_DRAWS, _RARE * _slice_size(history, ()))
    least = max(_LEAST_DRAWS, rare)
    return tuple(each for each in _every(history) if each and _slice_size(history, each) < least)


def left_out(history: History, options: WindowOptions) -> list[str]:
    """Name the sessions that were no choice for want of draws."""
    names = ", ".join(" and ".join(choice) for choice in _left_out(history, options))
    return [f"Too few draws to be a choice of their own: {names}."] if names else []


def shortage(history: History, options: WindowOptions) -> list[str]:
    """Say of which choices there are too few draws to sieve at all; empty where there are enough.

    Of sessions that nobody named, only all of them together have to have enough.
    """
    short = [
        choice
        for choice in _named(history, options) or ((),)
        if _slice_size(history, choice) < _LEAST_DRAWS
    ]
    enough = next(n for n in count(_LEAST_DRAWS) if len(Slices.of(n).sieve) >= _LEAST_DRAWS)
    return [
        f"draws: the sieve slice{_of(choice)} has {_slice_size(history, choice)}, the first 60 %; "
        f"{_LEAST_DRAWS} are needed, which {enough} draws have"
        for choice in short
    ]


def with_recovered_sessions(
    history: History, options: WindowOptions, recovered: Sequence[KnownStream]
) -> WindowOptions:
    """Look at the sessions that step 0 explained most draws of, where the user named none.

    All of these streams are more likely than not: which is the likeliest says little by then.
    """
    if options.sessions or options.bounds.session_options or not recovered:
        return options
    explained: dict[tuple[str, ...], int] = {}
    for stream in recovered:
        sessions = tuple(stream.sessions or history.session_names)
        draws = len(chosen_draws(history, stream.sessions))
        own = min(stream.end, draws) if stream.end != NO_END else draws
        explained[sessions] = explained.get(sessions, 0) + own - stream.origin
    # Of equal ones that of the likeliest stream.
    return replace(options, sessions=max(explained, key=lambda each: explained[each]))


def _named(history: History, options: WindowOptions) -> tuple[tuple[str, ...], ...]:
    if options.sessions:
        return (tuple(name for name in history.session_names if name in options.sessions),)
    return options.bounds.session_options


def _every(history: History) -> tuple[tuple[str, ...], ...]:
    names = history.session_names
    singles = tuple((name,) for name in names) if len(names) > 1 else ()
    if len(names) != _FEW_SESSIONS:
        return ((), *singles)
    pairs = tuple(tuple(name for name in names if name != other) for other in names)
    return ((), *singles, *pairs)


def _slice_size(history: History, sessions: Sequence[str]) -> int:
    return len(Slices.of(len(chosen_draws(history, sessions))).sieve)


def _of(choice: Sequence[str]) -> str:
    return f" of {' and '.join(choice)}" if choice else ""
