"""Programs that draw a history again: in the preset's own language, with what is to be dropped."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedfleet.generators.canonical import seed_of_state
from seedfleet.generators.languages import LANGUAGES
from seedfleet.generators.start import AtState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedfleet.generators.definition import Generator, Preset
    from seedfleet.generators.start import Start

__all__ = ["Reproduction", "Schedule", "reproduce", "reproduce_dates", "seed_of"]


@dataclass(frozen=True)
class Schedule:
    """Which outputs of a stream are draws.

    Attributes
    ----------
    modulus
        Draws lie in ``[0, modulus)``.
    count
        How many draws, at least 1.
    offset
        Outputs dropped once, at the start; below 0 where the first draw came before its skip.
    skips
        Outputs dropped before each draw: one number for all, or one for each of the `count`.
    """

    modulus: int
    count: int
    offset: int
    skips: int | tuple[int, ...]


@dataclass(frozen=True)
class Reproduction:
    """How to draw the history again.

    Attributes
    ----------
    line
        The calls in one line; what is dropped follows in words.
    language, file, command, program
        A complete program, the file to put it into, and what runs it. None where the preset names
        no language, or where its runtime takes no such state.
    """

    line: str
    language: str | None = None
    file: str | None = None
    command: str | None = None
    program: str | None = None


_BLANK = re.compile("<(seeding|state|draw|offset|count|skips|skip)>")

_MOST_IN_A_LINE = 200  # characters of a seeding beyond which only a program has room for it
_ROWS_IN_A_LINE = 4
_MOST_ROWS = 1000  # Java takes no method of more than 64 KiB


def seed_of(generator: Generator, start: Start) -> int | None:
    """Return the seed of a start: itself, or the one that leads to its state where it is known."""
    if not isinstance(start, AtState):
        return start
    return seed_of_state(generator, start)


def reproduce(preset: Preset, start: Start, schedule: Schedule) -> Reproduction:
    """Say how to draw a history again with the call that a preset stands for.

    Parameters
    ----------
    preset
        One whose bounding has the schedule's modulus.
    start
        Where its stream begins.
    """
    seeding, draw = _calls(preset, start, schedule.modulus)
    line = _line(seeding, draw, schedule)
    language = LANGUAGES.get(preset.language or "")
    if language is None or seeding is None:
        return Reproduction(line=line)
    command = language.command.replace("<seeding>", seeding)
    blanks = _blanks(preset, draw, schedule) | {"seeding": seeding}
    if language.state_command is not None and seed_of(preset.stream.generator, start) is None:
        command, blanks["state"] = language.state_command, seeding
    text = _filled(language.before + language.body + language.after, blanks)
    return Reproduction(line, language.name, language.file, command, text)


def reproduce_dates(
    preset: Preset, seeds: Sequence[tuple[int, int]], schedule: Schedule
) -> Reproduction:
    """Say how to draw again what a generator drew that was seeded anew on every date.

    Parameters
    ----------
    seeds
        For each date its seed and its number of draws, oldest first, at least one. The program has
        the last 1,000 of them.
    schedule
        That of every date, of the most draws that one has. Its skips are one number.

    Returns
    -------
    Reproduction
        Its line draws the last date.
    """
    seeding, draw = _calls(preset, seeds[-1][0], schedule.modulus)
    line = _line(seeding, draw, schedule)
    language = LANGUAGES.get(preset.language or "")
    if language is None:
        return Reproduction(line=line)
    loop = language.loop
    if loop is None:
        return Reproduction(line=f"{line}; one run for each date, as the command has the seed")
    # A literal's suffix does not go with a name.
    named = preset.code.format(seed=loop.seed, signed=loop.seed, m=schedule.modulus, last="")
    seeding = named.rpartition("; ")[0].replace(f"{loop.seed}u", loop.seed)
    seeding = seeding.replace(f"{loop.seed}L", loop.seed)
    blanks = _blanks(preset, draw, schedule) | {"seeding": seeding, "count": loop.count}
    text = language.before + loop.opening + _indented(language.body) + loop.closing
    rows = [loop.row.format(seed=seed, count=count) for seed, count in seeds[-_MOST_ROWS:]]
    text = _with_rows(_filled(text + language.after, blanks), rows)
    return Reproduction(line, language.name, language.file, language.command, text)


def _calls(preset: Preset, start: Start, modulus: int) -> tuple[str | None, str]:
    """Return what seeds the generator, None where nothing does, and what draws a part."""
    seed = seed_of(preset.stream.generator, start)
    seeding, _, draw = preset.line(seed or 0, modulus).rpartition("; ")
    if seed is not None:
        return seeding, draw
    if isinstance(start, AtState) and preset.set_state is not None:
        return preset.set_state(start.words), draw
    return None, draw


def _line(seeding: str | None, draw: str, schedule: Schedule) -> str:
    """Write the calls in one line, without a state that fills a page."""
    if seeding is None:
        seeding = "with its state as given"
    elif len(seeding) > _MOST_IN_A_LINE:
        seeding = "with its state set as in the program"
    return f"{seeding}; {draw}{_dropped(schedule)}"


def _of_parts(preset: Preset, draw: str, modulus: int) -> str:
    """Return the expression of a whole draw, of one part or of one for each digit."""
    layout = preset.stream.bounding.layout(modulus)
    if layout is None:
        raise ValueError(f"{preset.stream.bounding.name} has no modulus {modulus}")
    radix, parts = layout
    whole = draw
    for _part in range(parts - 1):
        whole = f"({whole}) * {radix} + {draw}"
    return whole


def _blanks(preset: Preset, draw: str, schedule: Schedule) -> dict[str, str]:
    """Return what to fill in; a blank without text is one whose lines are left out."""
    offset, skips = _once_and_each(schedule)
    listed = skips if isinstance(skips, tuple) else ()
    language = LANGUAGES[preset.language or ""]
    return {
        "state": "",
        "draw": _of_parts(preset, draw, schedule.modulus),
        "offset": str(offset or ""),
        "count": str(schedule.count),
        "skips": ", ".join(map(str, listed)),
        "skip": language.listed if listed else str(skips or ""),
    }


def _filled(text: str, blanks: dict[str, str]) -> str:
    lines = [
        line
        for line in text.splitlines(keepends=True)
        if all(blanks[blank] for blank in _BLANK.findall(line))
    ]
    return _BLANK.sub(lambda blank: blanks[blank[1]], "".join(lines))


def _indented(body: str) -> str:
    """Set a body into a loop, by tabs where it has tabs."""
    step = "\t" if body.startswith("\t") else "    "
    return "".join(step + line for line in body.splitlines(keepends=True))


def _with_rows(text: str, rows: Sequence[str]) -> str:
    """Put a list into the line that is there for it, a few rows a line."""
    before, _, after = text.partition("<rows>")
    margin = before[before.rindex("\n") + 1 :]
    groups = [rows[i : i + _ROWS_IN_A_LINE] for i in range(0, len(rows), _ROWS_IN_A_LINE)]
    return before + f",\n{margin}".join(", ".join(group) for group in groups) + after


def _once_and_each(schedule: Schedule) -> tuple[int, int | tuple[int, ...]]:
    """Return what is dropped at the start, at least 0, and before each draw."""
    offset, skips = schedule.offset, schedule.skips
    if offset >= 0:
        return offset, skips
    each = (skips,) * schedule.count if isinstance(skips, int) else skips
    return 0, (each[0] + offset, *each[1:])


def _dropped(schedule: Schedule) -> str:
    """Say what is dropped before the first and between the draws."""
    once, skips = _once_and_each(schedule)
    if schedule.offset < 0 and isinstance(skips, tuple):
        first, others = skips[0], skips[1:] or skips
        words = f"{first} before the first draw and " * (first > 0)
        return f", after dropping {words}{_from_to(others)} before each other draw"
    words = f", after dropping {once} at the start" if once else ""
    each = _from_to(skips if isinstance(skips, tuple) else (skips,))
    if each != "0":
        words += f"{' and' if once else ', after dropping'} {each} before each draw"
    return words


def _from_to(skips: tuple[int, ...]) -> str:
    least, most = min(skips), max(skips)
    return str(most) if least == most else f"{least} to {most}"
