"""Generators, boundings and the catalogue of presets: one definition for each stream of draws."""

from seedfleet.generators.definition import Bounding, Generator, PowerOfTwoLcg, Stream
from seedfleet.generators.presets import CATALOGUE, Preset, presets_of, streams

__all__ = [
    "CATALOGUE",
    "Bounding",
    "Generator",
    "PowerOfTwoLcg",
    "Preset",
    "Stream",
    "presets_of",
    "streams",
]
