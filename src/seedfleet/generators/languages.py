"""How programs in each language seed a generator, drop outputs and print draws."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LANGUAGES", "Language", "Loop"]


@dataclass(frozen=True)
class Loop:
    """How a language goes through a list of seeds, each with its number of draws.

    Attributes
    ----------
    opening, closing
        What stands around the loop's body; a line with ``<rows>`` has the list.
    row
        A row of it, with ``{seed}`` and ``{count}`` to be filled in.
    seed, count
        What the body calls them.
    """

    opening: str
    closing: str
    row: str
    seed: str
    count: str


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
    before, body, after
        The text. A line with ``<offset>``, ``<skips>``, ``<skip>`` or ``<state>`` is left out where
        nothing is dropped at the start, where no list of skips is needed, where none is dropped, or
        where no state is set but by ``<seeding>``.
    loop
        Around the body, for several seeds; None where a process can have one seed only.
    listed
        How this language takes number i of the list of skips.
    state_command
        What runs a program that puts the generator into a state by ``<state>``, where `command` is
        told the seed.
    """

    name: str
    file: str
    command: str
    before: str
    body: str
    after: str = ""
    loop: Loop | None = None
    listed: str = "skips[i]"
    state_command: str | None = None


_C_MAIN = """\
int main(void) {
    static const int skips[] = {<skips>};
"""
_C_BODY = """\
    <seeding>;
    for (int i = 0; i < <offset>; i++) (void) (<draw>);
    for (int i = 0; i < <count>; i++) {
        for (int dropped = 0; dropped < <skip>; dropped++) (void) (<draw>);
        printf("%ld\\n", (long) (<draw>));
    }
"""
_C_LOOP = Loop(
    opening="""\
    static const long long dates[][2] = {
        <rows>
    };
    for (int date = 0; date < (int) (sizeof dates / sizeof dates[0]); date++) {
""",
    closing="    }\n",
    row="{{{seed}, {count}}}",
    seed="dates[date][0]",
    count="dates[date][1]",
)
_PYTHON_SKIPS = "skips = [<skips>]\n"
_PYTHON_BODY = """\
<seeding>
for i in range(<offset>): <draw>
for i in range(<count>):
    for _ in range(<skip>): <draw>
    print(<draw>)
"""
_PYTHON_LOOP = Loop(
    opening="""\
dates = [
    <rows>
]
for seed, count in dates:
""",
    closing="",
    row="({seed}, {count})",
    seed="seed",
    count="count",
)

LANGUAGES = {
    "c": Language(
        "C",
        "draws.c",
        "cc draws.c -o draws && ./draws",
        "#define _DEFAULT_SOURCE\n#include <stdint.h>\n#include <stdio.h>\n#include <stdlib.h>\n\n"
        + _C_MAIN,
        _C_BODY,
        "}\n",
        _C_LOOP,
    ),
    "c++": Language(
        "C++",
        "draws.cpp",
        "c++ draws.cpp -o draws && ./draws",
        "#include <cstdio>\n#include <random>\n#include <sstream>\n\n"
        + _C_MAIN.replace("main(void)", "main()"),
        _C_BODY,
        "}\n",
        _C_LOOP,
    ),
    "csharp": Language(
        "C#",
        "draws.cs",
        "mcs draws.cs && mono draws.exe",
        """\
class Draws {
    static void Main() {
        int[] skips = {<skips>};
""",
        """\
        <seeding>;
        for (int i = 0; i < <offset>; i++) <draw>;
        for (int i = 0; i < <count>; i++) {
            for (int dropped = 0; dropped < <skip>; dropped++) <draw>;
            System.Console.WriteLine(<draw>);
        }
""",
        "    }\n}\n",
        Loop(
            opening="""\
        int[][] dates = {
            <rows>
        };
        foreach (int[] date in dates) {
""",
            closing="        }\n",
            row="new[] {{{seed}, {count}}}",
            seed="date[0]",
            count="date[1]",
        ),
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
""",
        """\
	<seeding>
	for i := 0; i < <offset>; i++ { <draw> }
	for i := 0; i < <count>; i++ {
		for dropped := 0; dropped < <skip>; dropped++ { <draw> }
		fmt.Println(<draw>)
	}
""",
        "}\n",
        Loop(
            opening="""\
	dates := [][2]int64{
		<rows>,
	}
	for _, date := range dates {
""",
            closing="\t}\n",
            row="{{{seed}, {count}}}",
            seed="date[0]",
            count="int(date[1])",
        ),
    ),
    "java": Language(
        "Java",
        "Draws.java",
        "java Draws.java",
        """\
public class Draws {
    public static void main(String[] args) {
        int[] skips = {<skips>};
""",
        """\
        java.util.Random <seeding>;
        for (int i = 0; i < <offset>; i++) { int dropped = <draw>; }
        for (int i = 0; i < <count>; i++) {
            for (int j = 0; j < <skip>; j++) { int dropped = <draw>; }
            System.out.println(<draw>);
        }
""",
        "    }\n}\n",
        Loop(
            opening="""\
        long[][] dates = {
            <rows>
        };
        for (long[] date : dates) {
""",
            closing="        }\n",
            row="{{{seed}L, {count}}}",
            seed="date[0]",
            count="date[1]",
        ),
    ),
    "javascript": Language(
        "JavaScript",
        "draws.js",
        "<seeding> draws.js",
        "<state>\nconst skips = [<skips>];\n",
        """\
for (let i = 0; i < <offset>; i++) <draw>;
for (let i = 0; i < <count>; i++) {
    for (let dropped = 0; dropped < <skip>; dropped++) <draw>;
    console.log(<draw>);
}
""",
        state_command="node draws.js",
    ),
    "lua": Language(
        "Lua",
        "draws.lua",
        "lua draws.lua",
        "local skips = {<skips>}\n",
        """\
<seeding>
for i = 1, <offset> do <draw> end
for i = 1, <count> do
    for dropped = 1, <skip> do <draw> end
    print(<draw>)
end
""",
        loop=Loop(
            opening="""\
local dates = {
    <rows>
}
for _, date in ipairs(dates) do
""",
            closing="end\n",
            row="{{{seed}, {count}}}",
            seed="date[1]",
            count="date[2]",
        ),
    ),
    "numpy": Language(
        "Python",
        "draws.py",
        "python3 draws.py",
        "import numpy as np\n\n" + _PYTHON_SKIPS,
        _PYTHON_BODY,
        loop=_PYTHON_LOOP,
    ),
    "perl": Language(
        "Perl",
        "draws.pl",
        "perl draws.pl",
        "my @skips = (<skips>);\n",
        """\
<seeding>;
for my $i (1 .. <offset>) { <draw> }
for my $i (0 .. <count> - 1) {
    for (1 .. <skip>) { <draw> }
    print <draw>, "\\n";
}
""",
        loop=Loop(
            opening="""\
my @dates = (
    <rows>
);
for my $date (@dates) {
""",
            closing="}\n",
            row="[{seed}, {count}]",
            seed="$date->[0]",
            count="$date->[1]",
        ),
        listed="$skips[$i]",
    ),
    "php": Language(
        "PHP",
        "draws.php",
        "php draws.php",
        "<?php\n$skips = [<skips>];\n",
        """\
<seeding>;
for ($i = 0; $i < <offset>; $i++) <draw>;
for ($i = 0; $i < <count>; $i++) {
    for ($dropped = 0; $dropped < <skip>; $dropped++) <draw>;
    echo <draw>, "\\n";
}
""",
        loop=Loop(
            opening="""\
$dates = [
    <rows>
];
foreach ($dates as $date) {
""",
            closing="}\n",
            row="[{seed}, {count}]",
            seed="$date[0]",
            count="$date[1]",
        ),
        listed="$skips[$i]",
    ),
    "python": Language(
        "Python",
        "draws.py",
        "python3 draws.py",
        "import random\n\n" + _PYTHON_SKIPS,
        _PYTHON_BODY,
        loop=_PYTHON_LOOP,
    ),
    "ruby": Language(
        "Ruby",
        "draws.rb",
        "ruby draws.rb",
        "skips = [<skips>]\n",
        """\
<seeding>
<offset>.times { <draw> }
<count>.times do |i|
  <skip>.times { <draw> }
  puts <draw>
end
""",
        loop=Loop(
            opening="""\
dates = [
  <rows>
]
dates.each do |seed, count|
""",
            closing="end\n",
            row="[{seed}, {count}]",
            seed="seed",
            count="count",
        ),
    ),
}
