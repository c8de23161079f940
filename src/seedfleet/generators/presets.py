"""The catalogue: every call of a language or library that this package can name, and its stream."""

from __future__ import annotations

from dataclasses import dataclass

from seedfleet.generators.boundings import (
    JAVA_NEXT_INT,
    JAVA_NEXT_INT_DIGITS,
    MODULO,
    MODULO_31,
    PHP_RANGE,
)
from seedfleet.generators.definition import Stream
from seedfleet.generators.lcg48 import JAVA_LCG, JAVA_RANDOM, RAND48
from seedfleet.generators.minstd import MINSTD
from seedfleet.generators.mt19937 import MT19937
from seedfleet.generators.xorshift32 import XORSHIFT32

__all__ = ["CATALOGUE", "Preset", "presets_of", "streams"]


@dataclass(frozen=True)
class Preset:
    """One way in which real programs draw numbers.

    Attributes
    ----------
    name
        The call, with its language or library.
    holds_for
        Versions for which the stream is exactly this one.
    stream
        Generator and bounding.
    code
        A line of code that seeds the generator, with ``{seed}``, ``{m}`` and ``{last}`` (m - 1) to
        be filled in.
    """

    name: str
    holds_for: str
    stream: Stream
    code: str


_JAVA = Stream(JAVA_RANDOM, JAVA_NEXT_INT)
_JAVA_DIGITS = Stream(JAVA_RANDOM, JAVA_NEXT_INT_DIGITS)
_LRAND48 = Stream(RAND48, MODULO_31)
_JAVA_LCG = Stream(JAVA_LCG, MODULO)
_MT19937 = Stream(MT19937, MODULO)
_PHP = Stream(MT19937, PHP_RANGE)
_MINSTD = Stream(MINSTD, MODULO)
_XORSHIFT32 = Stream(XORSHIFT32, MODULO)

CATALOGUE: tuple[Preset, ...] = (
    Preset(
        "java.util.Random nextInt(m)",
        "every Java SE version",
        _JAVA,
        "r = new java.util.Random({seed}L); r.nextInt({m})",
    ),
    Preset(
        "java.util.Random nextInt(10) digits",
        "every Java SE version",
        _JAVA_DIGITS,
        "r = new java.util.Random({seed}L); r.nextInt(10) for each digit",
    ),
    Preset("C lrand48() % m", "POSIX.1-2017", _LRAND48, "srand48({seed}); lrand48() % {m}"),
    Preset("java_lcg % m", "classic table", _JAVA_LCG, "s = {seed}; s = step(s); (s >> 16) % {m}"),
    Preset("mt19937 % m", "classic table", _MT19937, "init_genrand({seed}); genrand_int32() % {m}"),
    Preset("std::mt19937 % m", "C++11 and later", _MT19937, "std::mt19937 r({seed}u); r() % {m}"),
    Preset(
        "PHP mt_rand(0, m-1)", "PHP 7.1 and later", _PHP, "mt_srand({seed}); mt_rand(0, {last})"
    ),
    Preset("PHP rand(0, m-1)", "PHP 7.1 and later", _PHP, "srand({seed}); rand(0, {last})"),
    Preset(
        "minstd % m", "classic table", _MINSTD, "s = {seed}; s = 48271 * s % 2147483647; s % {m}"
    ),
    Preset(
        "std::minstd_rand % m", "C++11 and later", _MINSTD, "std::minstd_rand r({seed}u); r() % {m}"
    ),
    Preset(
        "xorshift32 % m", "classic table", _XORSHIFT32, "s = {seed}; s = xorshift32(s); s % {m}"
    ),
)


def streams() -> tuple[Stream, ...]:
    """Return the distinct streams of the catalogue, in its order."""
    return tuple(dict.fromkeys(preset.stream for preset in CATALOGUE))


def presets_of(stream: Stream) -> tuple[Preset, ...]:
    """Return every preset that draws this very stream."""
    return tuple(preset for preset in CATALOGUE if preset.stream == stream)
