"""Generators, boundings and the catalogue of presets: one definition for each stream of draws."""

from seedfleet.generators.algebra import Leap, LinearState, PowerOfTwoLcg
from seedfleet.generators.catalogue import (
    CATALOGUE,
    find_preset,
    find_stream,
    generators,
    presets_of,
    streams,
)
from seedfleet.generators.definition import Bounding, Generator, Preset, Stream
from seedfleet.generators.shapes import Monotone, Residue
from seedfleet.generators.start import AtState, Start

__all__ = [
    "CATALOGUE",
    "AtState",
    "Bounding",
    "Generator",
    "Leap",
    "LinearState",
    "Monotone",
    "PowerOfTwoLcg",
    "Preset",
    "Residue",
    "Start",
    "Stream",
    "find_preset",
    "find_stream",
    "generators",
    "presets_of",
    "streams",
]
