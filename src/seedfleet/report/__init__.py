"""The documents as a page for a person and as lines for a terminal.

The renderings know the documents (docs/recovery.md, docs/sieve.md, docs/steps.md) and nothing else
of seedfleet, so a document from another machine or another version of the pipeline is rendered just
the same.
"""

from seedfleet.report._page import render_html
from seedfleet.report._sieve_text import render_sieve_text
from seedfleet.report._terminal import render_text
from seedfleet.report.trace import render_trace, render_trace_text

__all__ = ["render_html", "render_sieve_text", "render_text", "render_trace", "render_trace_text"]
