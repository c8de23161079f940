"""Engine options on a command line: what there is, and reading K=V."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from seedfleet.fleet.engines.choice import ENGINE_OPTIONS
from seedfleet.fleet.engines.queued.by_hand import BY_HAND
from seedfleet.fleet.engines.slurm import SlurmWishes

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "all_options_in_words",
    "engines_in_words",
    "options_in_words",
    "pairs_of",
    "wish_options",
    "wishes_in_words",
]

_NAMED = tuple(engine for engine in ENGINE_OPTIONS if engine != BY_HAND)  # `export` takes that


def engines_in_words() -> str:
    """List the engines that a command line may name."""
    return ", ".join("ssh with --cluster" if name == "ssh" else name for name in _NAMED)


def all_options_in_words() -> str:
    """List the options of every engine with what each takes."""
    return " ".join(f"For {engine}: {options_in_words(engine)}." for engine in _NAMED)


def options_in_words(engine: str) -> str:
    """List the options of an engine with what each takes."""
    return "; ".join(f"{name}={what}" for name, what in ENGINE_OPTIONS[engine].items())


def wish_options() -> tuple[str, ...]:
    """Name the options of the Slurm engine that say what tasks ask of Slurm."""
    return tuple(field.name for field in dataclasses.fields(SlurmWishes))


def wishes_in_words() -> str:
    """List these options with what each takes."""
    return "; ".join(f"{name}={ENGINE_OPTIONS['slurm'][name]}" for name in wish_options())


def pairs_of(words: Sequence[str], problems: list[str]) -> dict[str, str]:
    """Read `--engine-option K=V` as often as it was given.

    Parameters
    ----------
    words
        As given.
    problems
        What is wrong is appended to these.
    """
    pairs: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            problems.append(f"--engine-option {word}: is not K=V")
        elif name in pairs:
            problems.append(f"--engine-option {word}: {name} is given twice")
        else:
            pairs[name] = value
    return pairs
