"""What is wrong with a generator of the user's own, and at which line of which file."""

from __future__ import annotations

import os
import re
import traceback
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from seedfleet.generators import families, reference
from seedfleet.generators.definition import never

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedfleet.generators.definition import Generator, Stream

__all__ = ["OWN_FOLDER", "fault_in", "own_fault", "problem_of_trial"]

OWN_FOLDER = Path(families.__file__).parent  # what is in it is no user's
_WORDS = 64  # of each seed tried; a word that is too wide by one bit shows in half of them
_MODULI = (1000, 10, 2)  # of which most boundings have one
_QUOTED = re.compile(r'File "([^"]+)", line (\d+)')  # what numba's messages say of a place


def fault_in(error: BaseException, folders: Sequence[str]) -> str | None:
    """Return ``file, line N: Error: text`` where a file in one of `folders` is at fault."""
    kind = type(error).__name__
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}: {kind}: {error.msg}"
    if type(error).__module__.startswith("numba."):
        return _of_compiling(str(error), folders)
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if _is_in(frame.filename, folders)]
    return f"{inside[-1].filename}, line {inside[-1].lineno}: {kind}: {error}" if inside else None


def own_fault(error: BaseException) -> str | None:
    """Return the same where a generator of the user's own is at fault, while it is used."""
    own = [folder for folder in families.__path__ if Path(folder) != OWN_FOLDER]
    if isinstance(error, SyntaxError) or not own:
        return None
    return fault_in(error, own)


def problem_of_trial(stream: Stream) -> str | None:
    """Draw a little, and say what is wrong with that; the definition may raise anything.

    O(1): some hundred words.
    """
    generator = stream.generator
    for seed in (1, generator.seeds.stop - 1):
        problem = _wide_word(generator, seed) or _outside_draw(stream, seed)
        if problem is not None:
            return problem
    return None


def _wide_word(generator: Generator, seed: int) -> str | None:
    bits = generator.output_bits
    for word in islice(reference.words(generator, seed), _WORDS):
        if not 0 <= word < 2**bits:
            return f"gives the word {word} from seed {seed}: more than its output_bits, {bits}"
    return None


def _outside_draw(stream: Stream, seed: int) -> str | None:
    has = [modulus for modulus in _MODULI if stream.bounding.layout(modulus) is not None]
    if not has or stream.bounding.rejects is not never:
        return None  # a bounding that rejects everything would never come to a draw
    for draw in islice(reference.draws(stream, seed, has[0]), _WORDS):
        if not 0 <= draw < has[0]:
            return f"gives the draw {draw} modulo {has[0]} from seed {seed}"
    return None


def _of_compiling(message: str, folders: Sequence[str]) -> str | None:
    """Find the lines of numba's message that quote a file, and what it says right before."""
    said = ""
    for line in map(str.strip, message.splitlines()):
        quoted = _QUOTED.match(line)
        file = os.path.normpath(Path(quoted[1]).absolute()) if quoted else ""
        if quoted and _is_in(file, folders):
            return f"{file}, line {quoted[2]}: it cannot be compiled: {said}"
        said = line or said
    return None


def _is_in(file: str, folders: Sequence[str]) -> bool:
    normal = os.path.normpath(file)
    return any(normal.startswith(os.path.normpath(folder) + os.sep) for folder in folders)
