"""Step 4: how models are to be trained."""

from seedfleet.pipeline.steps.tune_model.options import Mode, TuneModelOptions
from seedfleet.pipeline.steps.tune_model.step import engine_document, run_tune_model

__all__ = ["Mode", "TuneModelOptions", "engine_document", "run_tune_model"]
