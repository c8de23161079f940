"""Step 1: a study of windows, skips and thresholds, judged by draws that the sieve did not see."""

from seedfleet.pipeline.steps.window.bounds import SearchBounds, read_bounds
from seedfleet.pipeline.steps.window.jobs import serve
from seedfleet.pipeline.steps.window.options import WindowOptions
from seedfleet.pipeline.steps.window.step import run_window

__all__ = [
    "SearchBounds",
    "WindowOptions",
    "read_bounds",
    "run_window",
    "serve",
]
