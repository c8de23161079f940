"""Where a generator was seeded anew within the history, as far as both streams were found."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from seedfleet.report import _words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["reseeds"]

_NO_END = -1  # of a known stream that lasts


class _Part(NamedTuple):
    """Draws of one stream: the first, and the one after the last."""

    whose: str
    first: int
    stop: int
    start: str
    generator: str


def reseeds(trace: Mapping[str, Any]) -> list[str]:
    """Say at which draw which seed gave way to which: of step 0, or else of the survivors."""
    documents = trace["documents"]
    return _told(_of_recovery(documents["recover"] or {})) or _told(
        _of_survivors(documents["window"] or {}, documents["predict"] or {})
    )


def _told(parts: Iterator[_Part]) -> list[str]:
    by_part: dict[str, list[_Part]] = {}
    for part in parts:
        by_part.setdefault(part.whose, []).append(part)
    return [
        _sentence(before, after)
        for found in by_part.values()
        for before, after in pairwise(sorted(found, key=lambda part: part.first))
        if before.stop <= after.first and before.start != after.start
    ]


def _sentence(before: _Part, after: _Part) -> str:
    where = f"draw {after.first}"
    if before.stop < after.first:
        where = f"a draw from {before.stop} to {after.first}"
    starts = [before.start, after.start]
    if before.generator != after.generator:
        starts = [f"{part.generator}, {part.start}" for part in (before, after)]
    return f"Reseeded at {where}{before.whose}: before it {starts[0]}, after it {starts[1]}"


def _of_recovery(document: Mapping[str, Any]) -> Iterator[_Part]:
    """Yield the streams of single stretches, in their order within each session or machine."""
    if document.get("verdict") not in _words.FOUND:
        return
    for each in document["findings"]:
        if each["segment"] is None:
            continue
        candidate = document["candidates"][each["candidate"]]
        named = [each[kind] for kind in ("session", "machine") if each[kind] is not None]
        whose = f" of {', '.join(named)}" if named else ""
        # Of a session or machine, its own draws are counted.
        first, stop = each["segment"] if named else (each["first"], each["last"] + 1)
        yield _Part(whose, first, stop, _words.seed_text(candidate), each["generator"])


def _of_survivors(window: Mapping[str, Any], predicted: Mapping[str, Any]) -> Iterator[_Part]:
    """Yield the streams that step 1 handed on, where the last step has found the one that lasts."""
    if predicted.get("verdict") not in _words.FOUND:
        return
    for each in window.get("known_streams", ()):
        sessions = ", ".join(each["sessions"])
        start = "a state" if each["seed"] is None else f"seed {each['seed']}"
        stop = each["end"] if each["end"] != _NO_END else each["origin"] + 1
        whose = f" of {sessions}" if sessions else ""
        yield _Part(whose, each["origin"], stop, start, each["preset"])
