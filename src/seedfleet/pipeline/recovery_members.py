"""Every call that draws what was found, each with its own start, skips and program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.generators import compiled, presets_of
from seedfleet.generators.kinship import Pace, kindred
from seedfleet.generators.reproduction import Schedule, reproduce, seed_of
from seedfleet.sieve.weighing import Alignment

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from seedfleet.generators import Preset, Start, Stream
    from seedfleet.recover.scoring import Weighed

__all__ = ["Way", "members_part", "skips_along", "ways"]


@dataclass(frozen=True)
class Way:
    """A stream that draws the history, and what is dropped for it, in its own calls.

    Attributes
    ----------
    stream, start
        Generator and bounding, and where it begins.
    alignment
        Its offset and skips.
    dropped
        Outputs dropped before each draw: one number for all, or one for each where they vary or
        records are missing.
    """

    stream: Stream
    start: Start
    alignment: Alignment
    dropped: int | tuple[int, ...]


def members_part(
    items: Sequence[Weighed], *, asked: Collection[str], sought: bool
) -> list[dict[str, Any]]:
    """Describe every preset that gives the draws of a finding, and no other.

    Parameters
    ----------
    items
        Streams of one class, the one that speaks for it first. Of several starts of one stream the
        first is told.
    asked
        Slugs of the presets that come first.
    sought
        Whether the rest of the catalogue is tried as well.
    """
    named = [
        (preset, way) for way in ways(items, sought=sought) for preset in presets_of(way.stream)
    ]
    named.sort(key=lambda each: each[0].slug not in asked)
    count = len(items[0].survivor.scope.values)
    return [_member(preset, way, items[0].modulus, count) for preset, way in named]


def skips_along(item: Weighed) -> tuple[int, ...] | None:
    """Return the outputs dropped before each draw; None for a constant skip."""
    alignment = item.survivor.alignment
    if alignment.skip_min == alignment.skip_max:
        return None
    return _drops(item)


def _drops(item: Weighed) -> tuple[int, ...]:
    """Return the outputs dropped before each draw, one by one."""
    gaps = np.diff(item.weighing.path, prepend=item.survivor.alignment.offset - 1)
    return tuple((gaps - 1).tolist())


def _dropped(item: Weighed) -> int | tuple[int, ...]:
    alignment = item.survivor.alignment
    is_even = alignment.skip_min == alignment.skip_max and not alignment.jumps
    return alignment.skip_max if is_even else _drops(item)


def ways(items: Sequence[Weighed], *, sought: bool) -> Iterator[Way]:
    """Yield each stream that gives the draws of a finding, once: those scored, and their kin.

    They agree with the best one wherever that was looked at: on the history and the next draws.

    Parameters
    ----------
    items, sought
        As `members_part` takes them.
    """
    best, named = items[0], set[object]()
    for item in items:
        survivor = item.survivor
        if survivor.stream not in named and _draws_the_same(item, best):
            named.add(survivor.stream)
            yield Way(survivor.stream, survivor.start, survivor.alignment, _dropped(item))
    for way in _ways_of_kin(best) if sought else ():
        if way.stream not in named and _draws_on(way, best):
            yield way


def _ways_of_kin(best: Weighed) -> Iterator[Way]:
    survivor, dropped = best.survivor, _dropped(best)
    # Of calls of another length none has the same drops before every draw.
    pace = Pace(survivor.alignment.offset, dropped) if isinstance(dropped, int) else None
    for kin in kindred(survivor.stream, survivor.start, best.modulus, pace):
        if kin.pace is None:
            yield Way(kin.stream, kin.start, survivor.alignment, dropped)
        else:
            skip = kin.pace.skip
            yield Way(kin.stream, kin.start, Alignment(kin.pace.offset, skip, skip), skip)


def _draws_the_same(item: Weighed, best: Weighed) -> bool:
    """Tell whether another start of the class explains the very draws that the best one does."""
    return np.array_equal(item.weighing.given, best.weighing.given)


def _draws_on(way: Way, best: Weighed) -> bool:
    """Tell whether a stream agrees with the best one wherever that was looked at."""
    count, varies = len(best.stream_draws), way.alignment.gaps > 1
    positions = np.arange(count) if varies else way.alignment.positions(count)
    draws, _ = compiled.at_positions(way.stream, way.start, best.modulus, positions)
    return bool(np.array_equal(draws, best.stream_draws))


def _member(preset: Preset, way: Way, modulus: int, count: int) -> dict[str, Any]:
    alignment = way.alignment
    schedule = Schedule(modulus, count, alignment.offset, way.dropped)
    made = reproduce(preset, way.start, schedule)
    return {
        "preset": preset.name,
        "holds_for": preset.holds_for,
        "seed": seed_of(preset.stream.generator, way.start),
        "offset": alignment.offset,
        "skip_min": alignment.skip_min,
        "skip_max": alignment.skip_max,
        "reproduce": made.line,
        "language": made.language,
        "file": made.file,
        "command": made.command,
        "program": made.program,
    }
