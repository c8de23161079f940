"""The settings that a study may try, for draws of whatever modulus and number."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from seedfleet.scoring import COMPONENTS, ScoringSettings

if TYPE_CHECKING:
    import optuna

__all__ = ["SearchSpace"]

# Of the modulus: with 1000 these are 5..20, 50..150 and 500..1500.
_LANES = ((1 / 200, 1 / 50), (1 / 20, 3 / 20), (1 / 2, 3 / 2))
_MOST_OFFSET = 1 / 4  # of the draws
_WINDOWS = (3, 12)
_LARGEST_LANE = 2**31


@dataclass(frozen=True)
class SearchSpace:
    """Inclusive bounds of each setting.

    Attributes
    ----------
    lanes
        Of each residue modulus: a twohundredth to a fiftieth of the draws' own, a twentieth to
        three twentieths, a half to one and a half; never below 2, and at least two to choose from.
    max_offset
        Up to a quarter of the draws.
    window_size
        From 20 draws to a fifth of them.
    windows
        How many windows.
    """

    lanes: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
    max_offset: tuple[int, int]
    window_size: tuple[int, int]
    windows: tuple[int, int]

    @classmethod
    def of(cls, modulus: int, draws: int) -> SearchSpace:
        """Scale the bounds to draws in ``[0, modulus)``, so many of which may be looked at."""
        first, second, third = (_lane(modulus, *share) for share in _LANES)
        shortest = min(20, max(draws, 1))
        return cls(
            lanes=(first, second, third),
            max_offset=(0, int(draws * _MOST_OFFSET)),
            window_size=(shortest, max(shortest, draws // 5)),
            windows=_WINDOWS,
        )

    def suggest(self, trial: optuna.trial.BaseTrial) -> ScoringSettings:
        """Ask a study for settings."""
        first, second, third = (
            trial.suggest_int(f"residue_mod_{place}", *bounds, log=True)
            for place, bounds in enumerate(self.lanes, 1)
        )
        weights = {name: trial.suggest_float(f"weight_{name}", 0.0, 1.0) for name in COMPONENTS}
        return ScoringSettings(
            residue_mods=(first, second, third),
            max_offset=trial.suggest_int("max_offset", *self.max_offset),
            temporal_window_size=trial.suggest_int("temporal_window_size", *self.window_size),
            temporal_num_windows=trial.suggest_int("temporal_num_windows", *self.windows),
            weights=weights if any(weights.values()) else {COMPONENTS[0]: 1.0},
        )

    def to_document(self) -> dict[str, Any]:
        """Return the bounds as JSON values."""
        return asdict(self)


def _lane(modulus: int, low: float, high: float) -> tuple[int, int]:
    least = min(max(2, round(modulus * low)), _LARGEST_LANE - 1)
    return least, min(max(least + 1, round(modulus * high)), _LARGEST_LANE)
