"""Write `tests/vectors/<preset>.json`: what real runtimes answer for boundary seeds.

Usage: `python -m tools.vectors.make [PRESET ...]` from the root of the checkout; all presets if
none is named.

Every program beside this module speaks the same protocol. `PROGRAM --version` prints the runtime's
own version. `PROGRAM PRESET` reads one request a line from standard input, `SEED MODULUS SKIP
LENGTH`, seeds the generator anew for each, and prints LENGTH outputs in one line. An output is one
bounded value (a number in `[0, MODULUS)`, whatever number of words it consumed); SKIP of them are
dropped before each one that is printed. Seeds are unsigned: 2^64-1 is what Java calls -1.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["PRESETS", "Preset", "Request", "answers", "main", "make_document"]

_HERE = Path(__file__).resolve().parent
_ROOT = _HERE.parent.parent
_FOLDER = _ROOT / "tests" / "vectors"

_SEEDS_32 = (0, 1, 42, 2**31 - 1, 2**31, 2**32 - 1)
_SEEDS_JAVA = (*_SEEDS_32, 2**48 - 1, 161_803_398_874_989, 2**63, 2**64 - 1)
# 1024 is a power of two, which several boundings treat apart; 1000003 is a prime; with 1500000000 a
# bounding that rejects does so for three words in ten.
_MODULI = (10, 49, 100, 1000, 1024, 1_000_000, 1_000_003, 1_500_000_000)
_SKIPS = (0, 3)


class Request(NamedTuple):
    """One line of the protocol: a seed and which of its outputs are wanted."""

    seed: int
    modulus: int
    skip: int
    length: int


@dataclass(frozen=True)
class _Program:
    """A source file, the tool that turns it into something to run, and how to run that."""

    source: str
    tool: str
    compiler_flags: tuple[str, ...] | None = None  # None: the tool runs the source itself

    @property
    def path(self) -> str:
        return str((_HERE / self.source).relative_to(_ROOT))

    def describe(self, preset: str) -> str:
        if self.compiler_flags is None:
            return f"{self.tool} {self.path} {preset}"
        flags = " ".join(self.compiler_flags)
        return f"{self.tool} {flags} -o program {self.path} && ./program {preset}"

    def run(self, argument: str, standard_input: str) -> str:
        """Run it from the root of the checkout and return what it prints."""
        if self.compiler_flags is None:
            return _output([self.tool, self.path, argument], standard_input)
        with tempfile.TemporaryDirectory() as folder:
            program = str(Path(folder) / "program")
            _output([self.tool, *self.compiler_flags, "-o", program, self.path], "")
            return _output([program, argument], standard_input)


def _output(command: Sequence[str], standard_input: str) -> str:
    return subprocess.run(
        command, input=standard_input, cwd=_ROOT, check=True, stdout=subprocess.PIPE, text=True
    ).stdout


@dataclass(frozen=True)
class Preset:
    """Which program answers for a preset, and what it is asked for its vectors."""

    program: _Program
    seeds: tuple[int, ...] = _SEEDS_32
    moduli: tuple[int, ...] = _MODULI
    length: int = 64

    @property
    def requests(self) -> list[Request]:
        """Every combination of seed, modulus and skip."""
        return [
            Request(seed, modulus, skip, self.length)
            for seed in self.seeds
            for modulus in self.moduli
            for skip in _SKIPS
        ]

    @property
    def missing_tool(self) -> str | None:
        """The command that is not on PATH but is needed, if there is one."""
        return None if shutil.which(self.program.tool) else self.program.tool


_JAVA = _Program("JavaVectors.java", "java")
_GLIBC = _Program("glibc.c", "gcc", ("-O2",))
_MUSL = _Program("musl.c", "musl-gcc", ("-O2", "-static"))
_PERL = _Program("perl.pl", "perl")
_LIBSTDCXX = _Program("libstdcxx.cpp", "g++", ("-O2",))
_PHP = _Program("php.php", "php")
_CLASSIC = _Program("classic.c", "gcc", ("-O2",))

PRESETS: Mapping[str, Preset] = {
    "java_next_int": Preset(_JAVA, _SEEDS_JAVA),
    "java_next_int_digits": Preset(_JAVA, _SEEDS_JAVA, (1000,)),
    "java_next_double": Preset(_JAVA, _SEEDS_JAVA),
    "c_lrand48": Preset(_GLIBC),
    "c_drand48": Preset(_GLIBC, moduli=(*_MODULI, 2**31)),
    # Perl takes 64 bits, of which the low 32 count.
    "perl_rand": Preset(_PERL, (*_SEEDS_32, 2**32 + 42, 2**64 - 1), (*_MODULI, 2**31)),
    # Words are below 2^31, so the last modulus shows them raw.
    "musl_rand": Preset(_MUSL, moduli=(*_MODULI, 2**31)),
    "cpp_mt19937": Preset(_LIBSTDCXX),
    # Raw words: no modulus takes anything away. The state turns over after each 624 words.
    "cpp_mt19937_words": Preset(_LIBSTDCXX, moduli=(2**32,), length=700),
    # Words are below 2^31-1, so the last modulus shows them raw.
    "cpp_minstd_rand": Preset(_LIBSTDCXX, (0, 1, 42, 2**31 - 2, *_SEEDS_32[3:]), (*_MODULI, 2**31)),
    "php_mt_rand": Preset(_PHP),
    "xorshift32": Preset(_CLASSIC, moduli=(*_MODULI, 2**32)),
    "java_lcg": Preset(_CLASSIC, _SEEDS_JAVA, (*_MODULI, 2**32)),
}


def answers(preset: str, requests: Sequence[Request]) -> list[list[int]]:
    """Ask the runtime behind a preset.

    Parameters
    ----------
    preset
        A key of `PRESETS`.
    requests
        What to ask; each is answered from a freshly seeded generator.

    Returns
    -------
    list of list of int
        For each request its `length` outputs, in `[0, modulus)`.

    Raises
    ------
    OSError
        If the runtime is not installed.
    subprocess.CalledProcessError
        If the program refuses.
    """
    lines = "".join(" ".join(map(str, request)) + "\n" for request in requests)
    printed = PRESETS[preset].program.run(preset, lines).splitlines()
    if len(printed) != len(requests):
        raise RuntimeError(f"{preset}: {len(printed)} answers to {len(requests)} requests")
    return [[int(word) for word in line.split()] for line in printed]


def make_document(preset: str) -> dict[str, Any]:
    """Return what `tests/vectors/<preset>.json` holds, asked of the runtime now."""
    spec = PRESETS[preset]
    requests = spec.requests
    return {
        "preset": preset,
        "command": spec.program.describe(preset)
        + "  # reads lines of SEED MODULUS SKIP LENGTH, here one for each of the vectors",
        "runtime": spec.program.run("--version", "").strip(),
        "vectors": [
            {
                "seed": request.seed,
                "modulus": request.modulus,
                "skip": request.skip,
                "outputs": outputs,
            }
            for request, outputs in zip(requests, answers(preset, requests), strict=True)
        ],
    }


def _write(document: Mapping[str, Any], path: Path) -> None:
    """Write it with one vector a line, so that a difference shows which vector changed."""
    *head, (last, vectors) = document.items()
    lines = ",\n".join("  " + json.dumps(vector) for vector in vectors)
    fields = "".join(f"{json.dumps(key)}: {json.dumps(value)},\n" for key, value in head)
    path.write_text(f"{{\n{fields}{json.dumps(last)}: [\n{lines}\n]\n}}\n", encoding="utf-8")


def main(presets: Sequence[str]) -> None:
    """Write the files of the named presets, or of all."""
    unknown = [name for name in presets if name not in PRESETS]
    if unknown:
        sys.exit(f"unknown presets {', '.join(unknown)}; there are {', '.join(PRESETS)}")
    for name in presets or PRESETS:
        path = _FOLDER / f"{name}.json"
        _write(make_document(name), path)
        print(path.relative_to(_ROOT))


if __name__ == "__main__":
    main(sys.argv[1:])
