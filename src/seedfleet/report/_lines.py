"""Labelled lines for a terminal, no more than a person reads at a glance."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from seedfleet.report._words import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["at_a_glance"]

_LABEL_WIDTH = 12
_TEXT_WIDTH = 84
_MAX_LINES = 40  # the page has all of it
_COPIED = frozenset({"reproduce", "to ask", "pack", "next draws", "report"})  # never wrapped or cut


def at_a_glance(tellings: Iterable[tuple[int, Iterable[tuple[str, str]]]]) -> str:
    """Return labelled texts as lines without a trailing line break.

    Parameters
    ----------
    tellings
        The same told at less and less length: how many lines an entry may have, and the entries,
        each a label and a text. The first of at most 40 lines is taken, else the last. What a
        reader copies is neither wrapped nor cut.
    """
    lines: list[str] = []
    for max_lines, entries in tellings:
        lines = [line for label, text in entries for line in _entry(label, text, max_lines)]
        if len(lines) <= _MAX_LINES:
            break
    return "\n".join(lines)


def _entry(label: str, text: str, max_lines: int) -> list[str]:
    if label in _COPIED:
        return [f"{label:<{_LABEL_WIDTH}}{_one_line(text)}"]
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
