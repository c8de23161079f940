"""The documents as a page for a person and as lines for a terminal.

The renderings know the documents (docs/recovery.md, docs/sieve.md) and nothing else of seedfleet,
so a document from another machine or another version of the pipeline is rendered just the same.
"""

from seedfleet.report._page import render_html
from seedfleet.report._sieve_text import render_sieve_text
from seedfleet.report._terminal import render_text

__all__ = ["render_html", "render_sieve_text", "render_text"]
