"""Where a generator was seeded anew within the history, as far as both streams were found."""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from seedfleet.report import _words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["distinct_findings", "reseeds"]

_NO_END = -1  # of a known stream that lasts
_NEAR = 3  # draws by which a stream may seem to go on after the next has begun


class _Part(NamedTuple):
    """Draws of one stream: the first, and the one after the last, None where it lasts."""

    whose: str
    first: int
    stop: int | None
    stream: tuple[str, str]  # generator, and what starts it


def reseeds(trace: Mapping[str, Any]) -> list[str]:
    """Say at which draw which seed gave way to which: of step 0, or else of the survivors."""
    documents = trace["documents"]
    return _told(_of_recovery(documents["recover"] or {})) or _told(
        _of_survivors(documents["window"] or {}, documents["predict"] or {})
    )


def distinct_findings(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the findings of a recovery, a stream once where it begins at several draws in doubt.

    Where a variable skip leaves open which draw was its first, that which leaves the fewest draws
    wrong stands for all.
    """
    kept: dict[object, Mapping[str, Any]] = {}
    for place, each in enumerate(document["findings"]):
        stream = (each["session"], each["machine"], each["generator"], each["seed"], each["last"])
        key = place if each["seed"] is None else stream
        if key not in kept or _wrong(each) < _wrong(kept[key]):
            kept[key] = each
    return list(kept.values())


def _wrong(finding: Mapping[str, Any]) -> int:
    wrong: int = finding["n"] - finding["matches"]
    return wrong


def _told(parts: Iterable[_Part]) -> list[str]:
    by_part: dict[str, list[_Part]] = {}
    for part in parts:
        by_part.setdefault(part.whose, []).append(part)
    told = []
    for found in by_part.values():
        ordered = sorted(found, key=lambda part: part.first)
        runs = [list(run) for _, run in groupby(ordered, key=lambda part: part.stream)]
        told += [_sentence(before, after) for before, after in pairwise(runs)]
    return [each for each in told if each]


def _sentence(before: Sequence[_Part], after: Sequence[_Part]) -> str:
    """Say it, where the first stream ends close to where the second begins."""
    stops = {part.stop for part in before if part.stop is not None}
    firsts = {part.first for part in after}
    if not stops or max(stops) - min(firsts) > _NEAR:
        return ""
    where = f"draw {min(stops & firsts or firsts)}"
    if max(stops) < min(firsts):
        where = f"a draw from {max(stops)} to {min(firsts)}"
    streams = [part.stream for part in (before[0], after[0])]
    same = streams[0][0] == streams[1][0]
    starts = [start if same else f"{generator}, {start}" for generator, start in streams]
    return f"Reseeded at {where}{after[0].whose}: before it {starts[0]}, after it {starts[1]}"


def _of_recovery(document: Mapping[str, Any]) -> Iterator[_Part]:
    """Yield the streams of single stretches, in their order within each session or machine."""
    if document.get("verdict") not in _words.FOUND:
        return
    for each in distinct_findings(document):
        if each["segment"] is None:
            continue
        candidate = document["candidates"][each["candidate"]]
        named = [each[kind] for kind in ("session", "machine") if each[kind] is not None]
        whose = f" of {', '.join(named)}" if named else ""
        # Of a session or machine, its own draws are counted.
        first, stop = each["segment"] if named else (each["first"], each["last"] + 1)
        yield _Part(whose, first, stop, (each["generator"], _words.seed_text(candidate)))


def _of_survivors(window: Mapping[str, Any], predicted: Mapping[str, Any]) -> Iterator[_Part]:
    """Yield the streams that step 1 handed on, where the last step has found the one that lasts."""
    if predicted.get("verdict") not in _words.FOUND:
        return
    for each in window.get("known_streams", ()):
        sessions = ", ".join(each["sessions"])
        start = "a state" if each["seed"] is None else f"seed {each['seed']}"
        stop = each["end"] if each["end"] != _NO_END else None
        whose = f" of {sessions}" if sessions else ""
        yield _Part(whose, each["origin"], stop, (each["preset"], start))
