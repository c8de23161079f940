"""What stands at very many paths, asked of few folders: for checks over 100,000 jobs."""

from __future__ import annotations

import os
from typing import Final

__all__ = ["Folders"]

_ASKED_OFTEN: Final = 50  # then one look at all of a folder is cheaper than one at each name


class Folders:
    """Remembers what folders hold, so it is for one look at all jobs, and not for longer."""

    def __init__(self) -> None:
        self._known: dict[str, _Folder] = {}

    def real(self, path: str) -> str:
        """Follow the symbolic links of an absolute path; those of each folder once."""
        folder, name = self._split(path)
        found = f"{folder.real.rstrip(os.sep)}{os.sep}{name}"
        return os.path.realpath(found) if folder.is_link(name) else found

    def is_folder(self, path: str) -> bool:
        """Tell whether a folder, or a link to one, stands at an absolute path."""
        folder, name = self._split(path)
        return folder.is_folder(name)

    def _split(self, path: str) -> tuple[_Folder, str]:
        parent, _, name = path.rpartition(os.sep)
        parent = parent or os.sep
        folder = self._known.get(parent)
        if folder is None:
            folder = self._known[parent] = _Folder(parent)
        return folder, name


class _Folder:
    """One folder; its names are looked at one by one, until there were many."""

    def __init__(self, path: str) -> None:
        self.real = os.path.realpath(path)
        self._asked = 0
        self._links: frozenset[str] | None = None
        self._folders: frozenset[str] | None = None

    def is_link(self, name: str) -> bool:
        self._look()
        if self._links is None:
            return os.path.islink(f"{self.real}{os.sep}{name}")  # noqa: PTH114 - called very often
        return name in self._links

    def is_folder(self, name: str) -> bool:
        self._look()
        if self._folders is None:
            return os.path.isdir(f"{self.real}{os.sep}{name}")  # noqa: PTH112 - called very often
        return name in self._folders

    def _look(self) -> None:
        self._asked += 1
        if self._asked != _ASKED_OFTEN:
            return
        try:
            with os.scandir(self.real) as entries:
                found = [(each.name, each.is_symlink(), each.is_dir()) for each in entries]
        except FileNotFoundError:
            found = []
        except OSError:  # it cannot be listed; single names may still be there
            return
        self._links = frozenset(name for name, is_link, _ in found if is_link)
        self._folders = frozenset(name for name, _, is_folder in found if is_folder)
