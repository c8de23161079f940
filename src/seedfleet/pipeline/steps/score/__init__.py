"""Step 3: the 62 features, score and confidence of every survivor, in chunks run by the fleet."""

from seedfleet.pipeline.steps.score.scored_table import ScoredTableError, score_table
from seedfleet.pipeline.steps.score.step import (
    ScoreOptions,
    ScoringError,
    read_settings,
    run_score,
)

__all__ = [
    "ScoreOptions",
    "ScoredTableError",
    "ScoringError",
    "read_settings",
    "run_score",
    "score_table",
]
