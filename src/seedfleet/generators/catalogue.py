"""The catalogue: every call of a language or library that this package can name, and its stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedfleet.generators import boundings, families
from seedfleet.generators._discovery import discover
from seedfleet.generators.definition import Bounding, Stream

if TYPE_CHECKING:
    from types import ModuleType

    from seedfleet.generators.definition import Generator, Preset

__all__ = [
    "CATALOGUE",
    "family_of",
    "find_preset",
    "find_stream",
    "generators",
    "presets_of",
    "streams",
]

_FOUND = discover(list(families.__path__))

CATALOGUE: tuple[Preset, ...] = tuple(each.preset for each in _FOUND)


def find_preset(slug: str) -> Preset:
    """Return the preset of that name.

    Raises
    ------
    KeyError
        There is none.
    """
    return {preset.slug: preset for preset in CATALOGUE}[slug]


def family_of(preset: Preset) -> ModuleType:
    """Return the module that defines a preset of the catalogue."""
    return {each.preset.slug: each.family for each in _FOUND}[preset.slug]


def streams() -> tuple[Stream, ...]:
    """Return the distinct streams of the catalogue, in its order."""
    return tuple(dict.fromkeys(preset.stream for preset in CATALOGUE))


def generators() -> dict[str, Generator]:
    """Return the distinct generators of the catalogue by name."""
    return {stream.generator.name: stream.generator for stream in streams()}


def find_stream(generator: str, bounding: str) -> Stream:
    """Return the stream of a generator of the catalogue under any bounding, both by their names.

    Raises
    ------
    KeyError
        One of them is not known.
    """
    shapes = [each for each in vars(boundings).values() if isinstance(each, Bounding)]
    named = {each.name: each for each in (*shapes, *(stream.bounding for stream in streams()))}
    return Stream(generators()[generator], named[bounding])


def presets_of(stream: Stream) -> tuple[Preset, ...]:
    """Return every preset that draws this very stream."""
    return tuple(preset for preset in CATALOGUE if preset.stream == stream)
