"""Starting an agent on a node where nothing is installed but Python.

One line of Python goes over the command line. It says that it is there, with a word that
only this head knows, since login shells may print anything first. Then it reads the loader and the
sources of `seedfleet.fleet.node` from its standard input and runs them from memory.
"""

from __future__ import annotations

import json
import zlib
from functools import cache
from importlib.resources import files
from typing import Final

__all__ = ["OLDEST_PYTHON", "TOO_OLD", "boot_words", "payload"]

OLDEST_PYTHON: Final = (3, 8)
TOO_OLD: Final = "old"
# Runs on any Python 3. No single quote, backslash, "!" or line feed: then it is the same text
# between single quotes in sh, csh and fish. The argument is the word.
_BOOT: Final = (
    "import sys;v=sys.version_info;old=v<(3,8);"
    'print("%s %s %d.%d" % (sys.argv[1],"old" if old else "ready",v[0],v[1]));sys.stdout.flush();'
    "old and sys.exit(3);s=sys.stdin.buffer;g={};"
    'exec(compile(s.read(int(s.readline())),"loader.py","exec"),g);sys.exit(g["load"](s))'
)


def boot_words(python: str, word: str) -> list[str]:
    """List the words that start an agent.

    Parameters
    ----------
    python
        The interpreter, isolated from what is installed beside it.
    word
        What it says when it is up, letters and digits only.
    """
    return [python, "-I", "-S", "-c", _BOOT, word]


@cache
def payload() -> bytes:
    """Return what an agent reads before its first frame: the loader, then all sources."""
    folder = files("seedfleet.fleet.node")
    sources = {
        entry.name.removesuffix(".py"): entry.read_text("utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".py")
    }
    loader = sources.pop("loader").encode()
    packed = zlib.compress(json.dumps(sources).encode())
    return b"%d\n%b%d\n%b" % (len(loader), loader, len(packed), packed)
