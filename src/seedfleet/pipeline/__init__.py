"""The steps of the pipeline: typed inputs go in, files come out."""

from seedfleet.pipeline.recovery import recovery_document
from seedfleet.pipeline.run_context import RunContext

__all__ = ["RunContext", "recovery_document"]
