"""Runs this package from memory on a node where nothing of it is installed.

The head sends the text of this module and then the sources of the package; see
`engines/_boot.py`. `stream` is where they come from, given by whoever executes this text.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import json
import sys
import zlib
from typing import Any, BinaryIO, Dict

PACKAGE = "seedfleet_node"


class MemoryLoader(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds the modules of the package in a dictionary from name to source."""

    def __init__(self, sources: Dict[str, str]) -> None:
        self._sources = sources

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        """Find a module of the package, and no others."""
        del path, target
        if fullname != PACKAGE and fullname.rpartition(".")[2] not in self._sources:
            return None
        if fullname != PACKAGE and not fullname.startswith(PACKAGE + "."):
            return None
        return importlib.util.spec_from_loader(fullname, self, is_package=fullname == PACKAGE)

    def get_source(self, fullname: str) -> str:
        """Return the text of a module, also for tracebacks."""
        return self._sources["__init__" if fullname == PACKAGE else fullname.rpartition(".")[2]]


def load(stream: BinaryIO) -> int:
    """Read the sources and run the agent; returns its exit status."""
    size_bytes = int(stream.readline())
    sources = json.loads(zlib.decompress(stream.read(size_bytes)).decode())
    sys.meta_path.append(MemoryLoader(sources))
    status: int = importlib.import_module(PACKAGE + ".agent").main()
    return status
