"""Features of survivors: what each one's stream has in common with the draws, in 62 numbers."""

from seedfleet.scoring.feature_names import FEATURES, GLOBAL_FEATURES, SURVIVOR_FEATURES
from seedfleet.scoring.settings import COMPONENTS, ScoringSettings, SettingsError

__all__ = [
    "COMPONENTS",
    "FEATURES",
    "GLOBAL_FEATURES",
    "SURVIVOR_FEATURES",
    "ScoringSettings",
    "SettingsError",
]
