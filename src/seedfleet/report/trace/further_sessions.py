"""Sessions that no stream of the answer explains, and how to ask for theirs."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

from seedfleet.report._figures import bits, number
from seedfleet.report.trace.answer import streams

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Further", "further_sessions"]


class Further(NamedTuple):
    """A session; `told` says what is known of it, `command` asks for its stream."""

    session: str
    told: str
    command: str


def further_sessions(trace: Mapping[str, Any]) -> list[Further]:
    """Return the sessions that may have streams of their own beside those that were found.

    Steps 1 to 6 follow one stream, and step 0 looks at all sessions only as far as its time goes.
    """
    window, named = trace["documents"]["window"], streams(trace)
    if window is None or not named or trace["request"]["sessions"]:
        return []
    if any(stream.place is None or not stream.place.whose for stream in named):
        return []  # all sessions have one stream, or one for every date
    explained = {name for stream in named if stream.place for name in stream.place.whose}
    left = [name for name in trace["history"]["sessions"] if name not in explained]
    return [
        Further(name, _told(trace, name), shlex.join([*trace["command"], "--session", name]))
        for name in left
    ]


def _told(trace: Mapping[str, Any], session: str) -> str:
    trials = [
        trial["outcome"]["objective"]
        for trial in trace["documents"]["window"]["trials"]
        if trial["configuration"]["sessions"] == [session]
    ]
    if not trials:
        return f"step 1 had no trial of {session} alone"
    earned = max((each for each in trials if each is not None), default=None)
    limits = trace["documents"][trace["answered_by"]]["thresholds"]
    beside = f"(signal {number(limits['signal_bits'])})"
    if earned is None or earned < limits["signal_bits"]:
        most = "none was judged" if earned is None else f"the best found {bits(earned)} bits"
        count = "1 trial" if len(trials) == 1 else f"{len(trials)} trials"
        return f"of {count} of {session} alone in step 1 {most} {beside}"
    return (
        f"step 1's trials of {session} alone found {bits(earned)} bits {beside}, but steps 1 to 6 "
        "follow one stream"
    )
