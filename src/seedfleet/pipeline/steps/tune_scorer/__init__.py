"""Step 2.5: the settings by which step 3 scores survivors."""

from seedfleet.pipeline.steps.tune_scorer.options import TuneScorerOptions
from seedfleet.pipeline.steps.tune_scorer.step import run_tune_scorer
from seedfleet.pipeline.steps.tune_scorer.studies import measure_file

__all__ = ["TuneScorerOptions", "measure_file", "run_tune_scorer"]
