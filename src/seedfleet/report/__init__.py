"""The recovery document as a page for a person and as lines for a terminal.

Both renderings know the document (docs/recovery.md) and nothing else of seedfleet, so a document
from another machine or another version of the pipeline is rendered just the same.
"""

from seedfleet.report._page import render_html
from seedfleet.report._terminal import render_text

__all__ = ["render_html", "render_text"]
