"""Sessions that no stream of the answer explains, and how to ask for theirs."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

from seedfleet.report._figures import bits, number
from seedfleet.report.trace.answer import streams

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Further", "further_sessions"]


class Further(NamedTuple):
    """A session; `told` says what is known of it, `command` asks for its stream."""

    session: str
    told: str
    command: str


def further_sessions(trace: Mapping[str, Any]) -> list[Further]:
    """Return the sessions that may have streams of their own beside those that were found.

    Steps 1 to 6 follow one stream. A session is named where step 1's trials found that it has
    another one, or where step 1 had no trial of it.
    """
    window, named = trace["documents"]["window"], streams(trace)
    if window is None or not named or trace["request"]["sessions"]:
        return []
    if any(stream.place is None or not stream.place.whose for stream in named):
        return []  # all sessions have one stream, or one for every date
    explained = {name for stream in named if stream.place for name in stream.place.whose}
    left = [name for name in trace["history"]["sessions"] if name not in explained]
    return [each for session in left for each in _further(trace, session)]


def _further(trace: Mapping[str, Any], session: str) -> Iterator[Further]:
    command = shlex.join([*trace["command"], "--session", session])
    window = trace["documents"]["window"]
    trials = [
        trial["outcome"]["objective"]
        for trial in window["trials"]
        if trial["configuration"]["sessions"] == [session]
    ]
    earned = max((each for each in trials if each is not None), default=None)
    if not trials:
        yield Further(session, f"step 1 had no trial of {session} alone", command)
        return
    wanted = _signal_bits(trace)
    if earned is not None and earned >= wanted:
        told = (
            f"step 1's trials on {session} alone found {bits(earned)} bits (signal "
            f"{number(wanted)}), but steps 1 to 6 follow one stream"
        )
        yield Further(session, told, command)


def _signal_bits(trace: Mapping[str, Any]) -> float:
    limits: float = trace["documents"][trace["answered_by"]]["thresholds"]["signal_bits"]
    return limits
