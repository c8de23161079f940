"""Generators, boundings and the catalogue of presets: one definition for each stream of draws."""

from seedfleet.generators.catalogue import (
    CATALOGUE,
    find_preset,
    find_stream,
    generators,
    presets_of,
    streams,
)
from seedfleet.generators.definition import (
    Bounding,
    Generator,
    Leap,
    LinearState,
    Monotone,
    PowerOfTwoLcg,
    Preset,
    Residue,
    Stream,
)

__all__ = [
    "CATALOGUE",
    "Bounding",
    "Generator",
    "Leap",
    "LinearState",
    "Monotone",
    "PowerOfTwoLcg",
    "Preset",
    "Residue",
    "Stream",
    "find_preset",
    "find_stream",
    "generators",
    "presets_of",
    "streams",
]
