"""Errors that several packages share, or that must have a name before theirs can be imported.

ProblemsError(Exception)        something cannot be used, for every reason that it lists
CatalogueError(ImportError)     a module with generators is at fault: mend the file that it names
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CatalogueError", "ProblemsError", "unreadable_text"]


class ProblemsError(Exception):
    """Something that cannot be used; each kind of thing has an error of its own.

    Attributes
    ----------
    problems
        All that is wrong, each a sentence, with its place where it has one.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class CatalogueError(ImportError):
    """The catalogue of generators cannot be made of the modules that were found.

    Attributes
    ----------
    problems
        Every problem, each with the name of the file at fault.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("the catalogue of generators cannot be read\n  " + "\n  ".join(problems))
        self.problems = tuple(problems)


def unreadable_text(error: Exception) -> str:
    """Say in words why a JSON document could not be read, by what reading it raised."""
    match error:
        case json.JSONDecodeError():
            return f"it is no JSON document (line {error.lineno}, column {error.colno})"
        case OSError():
            return str(error.strerror)
        case KeyError():
            return f"it has no {error}"
        case _:
            return f"it does not hold what it should: {error}"
