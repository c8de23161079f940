"""Programs that draw a history again: in the preset's own language, with what is to be dropped."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedfleet.generators.canonical import seed_of_state
from seedfleet.generators.start import AtState

if TYPE_CHECKING:
    from seedfleet.generators.definition import Generator, Preset
    from seedfleet.generators.start import Start

__all__ = ["LANGUAGES", "Language", "Reproduction", "Schedule", "reproduce", "seed_of"]


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
        Outputs dropped once, at the start.
    skips
        Outputs dropped before each draw: one number for all, or one for each of the `count`.
    """

    modulus: int
    count: int
    offset: int
    skips: int | tuple[int, ...]


@dataclass(frozen=True)
class Language:
    """How a program in a language seeds, drops and draws.

    Attributes
    ----------
    name
        As people call it.
    file, command
        The file to write the program to, and what runs it, with ``<seeding>`` where the command
        itself is told the seed.
    program
        The text. A line with ``<offset>``, ``<skips>`` or ``<skip>`` is left out where nothing is
        dropped at the start, where no list of skips is needed, or where none is dropped.
    listed
        How this language takes number i of the list of skips.
    """

    name: str
    file: str
    command: str
    program: str
    listed: str = "skips[i]"


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


_BLANK = re.compile("<(seeding|draw|offset|count|skips|skip)>")

_C_MAIN = """\
int main(void) {
    static const int skips[] = {<skips>};
    <seeding>;
    for (int i = 0; i < <offset>; i++) (void) (<draw>);
    for (int i = 0; i < <count>; i++) {
        for (int dropped = 0; dropped < <skip>; dropped++) (void) (<draw>);
        printf("%ld\\n", (long) (<draw>));
    }
}
"""
_PYTHON = """\
skips = [<skips>]
<seeding>
for i in range(<offset>): <draw>
for i in range(<count>):
    for _ in range(<skip>): <draw>
    print(<draw>)
"""

LANGUAGES = {
    "c": Language(
        "C",
        "draws.c",
        "cc draws.c -o draws && ./draws",
        "#define _DEFAULT_SOURCE\n#include <stdint.h>\n#include <stdio.h>\n#include <stdlib.h>\n\n"
        + _C_MAIN,
    ),
    "c++": Language(
        "C++",
        "draws.cpp",
        "c++ draws.cpp -o draws && ./draws",
        "#include <cstdio>\n#include <random>\n#include <sstream>\n\n"
        + _C_MAIN.replace("main(void)", "main()"),
    ),
    "csharp": Language(
        "C#",
        "draws.cs",
        "mcs draws.cs && mono draws.exe",
        """\
class Draws {
    static void Main() {
        int[] skips = {<skips>};
        <seeding>;
        for (int i = 0; i < <offset>; i++) <draw>;
        for (int i = 0; i < <count>; i++) {
            for (int dropped = 0; dropped < <skip>; dropped++) <draw>;
            System.Console.WriteLine(<draw>);
        }
    }
}
""",
    ),
    "go": Language(
        "Go",
        "draws.go",
        "go run draws.go",
        """\
package main

import (
	"fmt"
	"math/rand"
)

func main() {
	skips := []int{<skips>}
	<seeding>
	for i := 0; i < <offset>; i++ { <draw> }
	for i := 0; i < <count>; i++ {
		for dropped := 0; dropped < <skip>; dropped++ { <draw> }
		fmt.Println(<draw>)
	}
}
""",
    ),
    "java": Language(
        "Java",
        "Draws.java",
        "java Draws.java",
        """\
public class Draws {
    public static void main(String[] args) {
        int[] skips = {<skips>};
        java.util.Random <seeding>;
        for (int i = 0; i < <offset>; i++) { int dropped = <draw>; }
        for (int i = 0; i < <count>; i++) {
            for (int j = 0; j < <skip>; j++) { int dropped = <draw>; }
            System.out.println(<draw>);
        }
    }
}
""",
    ),
    "javascript": Language(
        "JavaScript",
        "draws.js",
        "<seeding> draws.js",
        """\
const skips = [<skips>];
for (let i = 0; i < <offset>; i++) <draw>;
for (let i = 0; i < <count>; i++) {
    for (let dropped = 0; dropped < <skip>; dropped++) <draw>;
    console.log(<draw>);
}
""",
    ),
    "lua": Language(
        "Lua",
        "draws.lua",
        "lua draws.lua",
        """\
local skips = {<skips>}
<seeding>
for i = 1, <offset> do <draw> end
for i = 1, <count> do
    for dropped = 1, <skip> do <draw> end
    print(<draw>)
end
""",
    ),
    "numpy": Language("Python", "draws.py", "python3 draws.py", "import numpy as np\n\n" + _PYTHON),
    "perl": Language(
        "Perl",
        "draws.pl",
        "perl draws.pl",
        """\
my @skips = (<skips>);
<seeding>;
for my $i (1 .. <offset>) { <draw> }
for my $i (0 .. <count> - 1) {
    for (1 .. <skip>) { <draw> }
    print <draw>, "\\n";
}
""",
        listed="$skips[$i]",
    ),
    "php": Language(
        "PHP",
        "draws.php",
        "php draws.php",
        """\
<?php
$skips = [<skips>];
<seeding>;
for ($i = 0; $i < <offset>; $i++) <draw>;
for ($i = 0; $i < <count>; $i++) {
    for ($dropped = 0; $dropped < <skip>; $dropped++) <draw>;
    echo <draw>, "\\n";
}
""",
        listed="$skips[$i]",
    ),
    "python": Language("Python", "draws.py", "python3 draws.py", "import random\n\n" + _PYTHON),
    "ruby": Language(
        "Ruby",
        "draws.rb",
        "ruby draws.rb",
        """\
skips = [<skips>]
<seeding>
<offset>.times { <draw> }
<count>.times do |i|
  <skip>.times { <draw> }
  puts <draw>
end
""",
    ),
}


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
    told = f"{seeding or 'with its state as given'}; {draw}{_dropped(schedule)}"
    language = LANGUAGES.get(preset.language or "")
    if language is None or seeding is None:
        return Reproduction(line=told)
    return Reproduction(
        line=told,
        language=language.name,
        file=language.file,
        command=language.command.replace("<seeding>", seeding),
        program=_program(language, seeding, _of_parts(preset, draw, schedule.modulus), schedule),
    )


def _calls(preset: Preset, start: Start, modulus: int) -> tuple[str | None, str]:
    """Return what seeds the generator, None where nothing does, and what draws a part."""
    seed = seed_of(preset.stream.generator, start)
    seeding, _, draw = preset.line(seed or 0, modulus).rpartition("; ")
    if seed is not None:
        return seeding, draw
    if isinstance(start, AtState) and preset.set_state is not None:
        return preset.set_state(start.words), draw
    return None, draw


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


def _program(language: Language, seeding: str, draw: str, schedule: Schedule) -> str:
    skips, offset = schedule.skips, schedule.offset
    listed = skips if isinstance(skips, tuple) else ()
    unused = {"<offset>": offset == 0, "<skips>": not listed, "<skip>": skips == 0}
    lines = [
        line
        for line in language.program.splitlines(keepends=True)
        if not any(blank in line for blank, idle in unused.items() if idle)
    ]
    filled = {
        "seeding": seeding,
        "draw": draw,
        "offset": str(offset),
        "count": str(schedule.count),
        "skips": ", ".join(map(str, listed)),
        "skip": language.listed if listed else str(skips),
    }
    return _BLANK.sub(lambda blank: filled[blank[1]], "".join(lines))


def _dropped(schedule: Schedule) -> str:
    """Say what is dropped before the first and between the draws."""
    skips = schedule.skips
    least, most = (min(skips), max(skips)) if isinstance(skips, tuple) else (skips, skips)
    words = f", after dropping {schedule.offset} at the start" if schedule.offset else ""
    if most:
        each = str(most) if least == most else f"{least} to {most}"
        words += f"{' and' if schedule.offset else ', after dropping'} {each} before each draw"
    return words
