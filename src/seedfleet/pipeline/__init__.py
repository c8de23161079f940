"""The steps of the pipeline: typed inputs go in, files come out."""

from seedfleet.pipeline.recovery import RunContext, recovery_document

__all__ = ["RunContext", "recovery_document"]
