"""A whole run of the steps, from trace.json alone: as a page and as lines for a terminal."""

from seedfleet.report.trace.page import render_trace
from seedfleet.report.trace.text import render_trace_text

__all__ = ["render_trace", "render_trace_text"]
