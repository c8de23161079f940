"""How numbers, places and commands are written for people."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from seedfleet.fleet.paths import DEFAULT_OUTPUT_DIR

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from seedfleet.fleet.engines.base import Allocation, Node

__all__ = ["command", "counted", "duration", "in_folder", "outcomes", "place"]

_MINUTE_S: Final = 60
_HOUR_S: Final = 3600
_DAY_S: Final = 86400
_YEAR_S: Final = 365.25 * _DAY_S


def duration(seconds: float) -> str:
    """Write a length of time in its two largest units, years in none smaller."""
    whole = round(seconds)
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S:02d} s"
    if whole < _DAY_S:
        return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S:02d} min"
    if whole < _YEAR_S:
        return f"{whole // _DAY_S} d {whole % _DAY_S // _HOUR_S:02d} h"
    return f"{whole / _YEAR_S:,.1f} years"


def counted(number: int, noun: str) -> str:
    """Write a number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def outcomes(counts: Mapping[str, int], nodes: Iterable[Node] = ()) -> str:
    """Write numbers of jobs by outcome, success first, then the most frequent.

    Of jobs that were handed to a queue nobody knows here whether they have started.
    """
    if any(node.queue for node in nodes):
        counts = {"handed in" if word == "running" else word: n for word, n in counts.items()}
    ranked = sorted(counts.items(), key=lambda each: (each[0] != "succeeded", -each[1], each[0]))
    said = ", ".join(f"{number} {word.replace('_', ' ')}" for word, number in ranked)
    return said or "no jobs"


def place(allocation: Allocation) -> str:
    """Name the slot of an attempt."""
    if allocation.gpu_ids:
        return f"{allocation.node} GPU {','.join(map(str, allocation.gpu_ids))}"
    if allocation.cpu_slot is None:
        return allocation.node
    return f"{allocation.node} slot {allocation.cpu_slot}"


def in_folder(output_dir: str) -> list[str]:
    """Give the words that name the folder of runs, none for the usual one."""
    return [] if output_dir == DEFAULT_OUTPUT_DIR else ["--output-dir", output_dir]


def command(*words: str) -> str:
    """Write a command of this program as a shell takes it."""
    return shlex.join(("seedfleet", *words))
