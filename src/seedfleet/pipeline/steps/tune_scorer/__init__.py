"""Step 2.5: the settings by which step 3 scores survivors."""

from seedfleet.pipeline.steps.tune_scorer.options import TuneScorerOptions
from seedfleet.pipeline.steps.tune_scorer.step import run_tune_scorer

__all__ = ["TuneScorerOptions", "run_tune_scorer"]
