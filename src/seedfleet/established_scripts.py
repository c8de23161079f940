"""Where the scripts with established names are: in the package, or beside `src` in a checkout."""

from __future__ import annotations

import importlib.resources
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

__all__ = ["established_script", "established_scripts"]

_SUFFIXES = (".py", ".sh")


def established_scripts() -> list[Traversable]:
    """Return them all, by name."""
    packaged = importlib.resources.files("seedfleet") / "compat_scripts"
    source = packaged if packaged.is_dir() else Path(__file__).parents[2] / "compat"
    scripts = (each for each in source.iterdir() if each.name.endswith(_SUFFIXES))
    return sorted(scripts, key=lambda each: each.name)


def established_script(name: str) -> str:
    """Return the text of one of them.

    Raises
    ------
    LookupError
        There is none of this name.
    """
    for script in established_scripts():
        if script.name == name:
            return script.read_text(encoding="utf-8")
    raise LookupError(f"no established script is named {name}")
