"""Step 6: the draws to come, from survivors advanced along their own alignments."""

from seedfleet.pipeline.steps.predict.options import PredictError, PredictOptions
from seedfleet.pipeline.steps.predict.ranking import trained_on
from seedfleet.pipeline.steps.predict.step import run_predict

__all__ = ["PredictError", "PredictOptions", "run_predict", "trained_on"]
