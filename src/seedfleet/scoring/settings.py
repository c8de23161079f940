"""How the features of a survivor are computed: what step 2.5 tunes and step 3 obeys."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from seedfleet.errors import ProblemsError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["COMPONENTS", "ScoringSettings", "SettingsError"]

# What the score adds up, each with a weight of its own (`seedfleet.scoring.score`).
COMPONENTS = ("match", "lanes", "coherence", "stability", "digits", "runs")


class SettingsError(ProblemsError):
    """Settings that no features can be computed by."""


@dataclass(frozen=True)
class ScoringSettings:
    """Settings of the features and of the score.

    Attributes
    ----------
    residue_mods
        The three lanes M that draws are compared in, each at least 2; features are named after
        the places of the established lanes 8, 125 and 1000, whatever M stands there.
    max_offset
        Draws at the beginning of the slice that no temporal window covers; from 0 on.
    temporal_window_size, temporal_num_windows
        Draws of a window, and how many windows are spread evenly over the slice; at least 1.
    weights
        Weight of each of COMPONENTS in the score; those not named weigh 0.

    Raises
    ------
    SettingsError
        Something is out of range; the error lists everything.
    """

    residue_mods: tuple[int, int, int]
    max_offset: int = 0
    temporal_window_size: int = 100
    temporal_num_windows: int = 5
    weights: Mapping[str, float] = field(default_factory=lambda: {"match": 1.0})

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        problems = []
        if min(self.residue_mods) < 2:
            problems.append(f"residue_mods: {self.residue_mods} are not all at least 2")
        if self.max_offset < 0:
            problems.append(f"max_offset: {self.max_offset} is not at least 0")
        problems += [
            f"{name}: {getattr(self, name)} is not at least 1"
            for name in ("temporal_window_size", "temporal_num_windows")
            if getattr(self, name) < 1
        ]
        problems += [
            f"weights: there is no component {name!r}; there are {', '.join(COMPONENTS)}"
            for name in self.weights
            if name not in COMPONENTS
        ]
        if problems:
            raise SettingsError(problems)

    @classmethod
    def of_modulus(cls, modulus: int) -> ScoringSettings:
        """Return the settings for draws in ``[0, modulus)`` before anything is tuned.

        The lanes are the prime powers of the modulus with the modulus itself: 8, 125 and 1000 of
        1000. With one prime factor the second lane is the modulus too; with more than two, the
        second lane holds all odd ones.
        """
        even = modulus & -modulus
        odd = modulus // even
        return cls((even if even > 1 else odd, odd if odd > 1 else modulus, modulus))

    def to_document(self) -> dict[str, Any]:
        """Return the settings as `optimal_scorer_config.json` holds them."""
        return {**asdict(self), "residue_mods": list(self.residue_mods)}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> ScoringSettings:
        """Read settings; keys that are none of theirs are left alone.

        Raises
        ------
        SettingsError
            A value is missing, of the wrong kind or out of range.
        """
        try:
            return cls(
                residue_mods=_three(document["residue_mods"]),
                max_offset=int(document["max_offset"]),
                temporal_window_size=int(document["temporal_window_size"]),
                temporal_num_windows=int(document["temporal_num_windows"]),
                weights={str(key): float(value) for key, value in document["weights"].items()},
            )
        except SettingsError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SettingsError([f"scoring settings: {type(error).__name__}: {error}"]) from error


def _three(mods: Any) -> tuple[int, int, int]:
    first, second, third = mods
    return int(first), int(second), int(third)
