"""Step 5: models are trained by cross-validation, compared, and judged by the gate."""

from seedfleet.pipeline.steps.train.options import TrainingRefusedError, TrainOptions
from seedfleet.pipeline.steps.train.step import prepare_jobs, run_train

__all__ = ["TrainOptions", "TrainingRefusedError", "prepare_jobs", "run_train"]
