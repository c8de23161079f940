"""What an agent finds on its node when its head opens it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any, Dict, Optional

from .disks import is_network_disk
from .gpus import probe_gpus
from .locks import shared_folder

__all__ = ["Facts", "find_interpreter", "look_around"]


class Facts:
    """Where things are on this node.

    Attributes
    ----------
    document
        All of it, as the head gets it.
    home
        The folder for running attempts, absolute.
    root
        Where relative paths of jobs start, absolute.
    """

    def __init__(self, document: Optional[Dict[str, Any]] = None) -> None:
        self.document = document or {}
        self.home = str(self.document.get("home", ""))
        self.root = str(self.document.get("root", ""))


def look_around(wishes: Dict[str, Any]) -> Facts:
    """Resolve what the head's configuration names and find what there is; writes nothing.

    Parameters
    ----------
    wishes
        `home`, `root`, `python` and `locks` as configured, `~` allowed, and `slots`, the number of
        scripts without a GPU; None for the node's own.
    """
    home = _absolute(
        wishes["home"] or os.environ.get("SEEDFLEET_HOME") or "~/.local/state/seedfleet"
    )
    root = _absolute(wishes["root"] or "~")
    python = find_interpreter(wishes["python"])
    return Facts(
        {
            "home": home,
            "home_writable": _can_be_written(home),
            "home_shared": is_network_disk(Path(home)),
            "root": root,
            "root_exists": os.path.isdir(root),
            "locks": wishes["locks"] or str(shared_folder()),
            "python": python,
            "found": dict(probe_gpus(), cores=wishes["slots"] or _cores()),
        }
    )


def _absolute(path: str) -> str:
    return os.path.normpath(os.path.join(os.path.expanduser("~"), os.path.expanduser(path)))


def _can_be_written(folder: str) -> bool:
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    return os.path.isdir(folder) and os.access(folder, os.W_OK)


def find_interpreter(wanted: Optional[str]) -> Optional[str]:
    """Find the interpreter of `.py` scripts: a file, a folder of an environment, or on PATH."""
    if wanted is None:
        return shutil.which("python3") or sys.executable
    if os.sep not in wanted and not wanted.startswith("~"):
        found = shutil.which(wanted)
        if found is not None:
            return found
    path = _absolute(wanted)
    if not os.path.isdir(path):
        return shutil.which(path)
    folder = os.path.join(path, "bin")
    return shutil.which("python", path=folder) or shutil.which("python3", path=folder)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
