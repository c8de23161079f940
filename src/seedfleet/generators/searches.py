"""What job files and commands call a search: a preset, with a direction and a skip law.

``NAME`` looks at the forward part of a window under constant skips, ``NAME_hybrid`` under variable
ones; ``NAME_reverse`` and ``NAME_hybrid_reverse`` look at the reverse part. All of them are derived
from the one definition of the preset NAME.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from seedfleet.generators.catalogue import CATALOGUE

if TYPE_CHECKING:
    from seedfleet.generators.definition import Preset

__all__ = ["SearchName", "parse_search", "search_names", "searches_of"]


@dataclass(frozen=True)
class SearchName:
    """A search, taken apart.

    Attributes
    ----------
    preset
        Whose stream is searched.
    variable_skip
        Whether each gap between two draws may be another.
    reverse
        Whether the reverse part of the window is looked at, from the newest draw back.
    """

    preset: Preset
    variable_skip: bool
    reverse: bool

    @property
    def text(self) -> str:
        """The name as it is written."""
        law = "_hybrid" if self.variable_skip else ""
        return self.preset.slug + law + ("_reverse" if self.reverse else "")


def searches_of(preset: Preset) -> tuple[SearchName, ...]:
    """Return the four searches of a preset, the plain one first."""
    return tuple(
        SearchName(preset, variable_skip, reverse)
        for reverse in (False, True)
        for variable_skip in (False, True)
    )


def _by_text() -> dict[str, SearchName]:
    # No two are the same: the catalogue refuses a slug that is the name of another's search.
    return {search.text: search for preset in CATALOGUE for search in searches_of(preset)}


def search_names() -> tuple[str, ...]:
    """Return the name of every search, in the order of the catalogue."""
    return tuple(_by_text())


def parse_search(text: str) -> SearchName:
    """Take the name of a search apart.

    Raises
    ------
    ValueError
        There is no such search; the message gives the names that are closest.
    """
    known = _by_text()
    if text in known:
        return known[text]
    near = get_close_matches(text.lower(), known, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else "`seedfleet generators list` names all"
    raise ValueError(f"there is no generator or search {text!r}; {hint}")
