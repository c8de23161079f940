"""Errors that must have a name before the package that raises them can be imported.

CatalogueError(ImportError)     a module with generators is at fault: mend the file that it names
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CatalogueError"]


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
