"""Labelled lines for a terminal, no more than a person reads at a glance."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from seedfleet.report._words import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["at_a_glance"]

_LABEL_WIDTH = 12
_TEXT_WIDTH = 84
_MAX_LINES = 40  # the page has all of it
_LINES_PER_ENTRY = (2, 1)  # the second where the first makes too many lines


def at_a_glance(entries: Sequence[tuple[str, str]], end: Sequence[tuple[str, str]]) -> str:
    """Return labelled texts as lines without a trailing line break.

    Parameters
    ----------
    entries
        Labels and texts, which are wrapped, and cut where there are too many lines.
    end
        The same of what a reader copies, which is neither wrapped nor cut.
    """
    last = [f"{label:<{_LABEL_WIDTH}}{_one_line(text)}" for label, text in end]
    lines: list[str] = []
    for limit in _LINES_PER_ENTRY:
        lines = [line for label, text in entries for line in _entry(label, text, limit)]
        if len(lines) + len(last) <= _MAX_LINES:
            break
    return "\n".join(lines + last)


def _entry(label: str, text: str, max_lines: int) -> list[str]:
    wrapped = textwrap.wrap(
        _one_line(text),
        _TEXT_WIDTH,
        max_lines=max_lines,
        placeholder=" …",
        break_on_hyphens=False,
    )
    labels = [label] + [""] * (len(wrapped) - 1)
    return [f"{name:<{_LABEL_WIDTH}}{line}" for name, line in zip(labels, wrapped, strict=True)]


def _one_line(text: str) -> str:
    """Show what a terminal would obey, line breaks too."""
    return visible(text).replace("\n", r"\n")
