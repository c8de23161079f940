"""The catalogue: every call of a language or library that this package can name, and its stream."""

from __future__ import annotations

import importlib
import pkgutil

from seedfleet.generators import boundings, families
from seedfleet.generators.definition import Bounding, Generator, Preset, Stream

__all__ = ["CATALOGUE", "find_preset", "find_stream", "generators", "presets_of", "streams"]


def _discover() -> tuple[Preset, ...]:
    """Collect the presets of every family, in the order of the modules' names."""
    names = sorted(module.name for module in pkgutil.iter_modules(families.__path__))
    found: dict[str, Preset] = {}
    for name in names:
        module = importlib.import_module(f"{families.__name__}.{name}")
        for preset in getattr(module, "PRESETS", ()):
            if preset.slug in found:
                raise ImportError(f"{module.__file__}: there is a preset {preset.slug} already")
            found[preset.slug] = preset
    return tuple(found.values())


CATALOGUE: tuple[Preset, ...] = _discover()


def find_preset(slug: str) -> Preset:
    """Return the preset of that name.

    Raises
    ------
    KeyError
        There is none.
    """
    return {preset.slug: preset for preset in CATALOGUE}[slug]


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
