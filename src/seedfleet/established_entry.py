"""How the scripts with established names begin: with one clear line where a package is missing."""

from __future__ import annotations

import importlib
import os
import sys
from typing import NoReturn

from seedfleet import __version__
from seedfleet.termination import hear_termination

__all__ = ["WANTED_VERSION", "begin"]

WANTED_VERSION = "WANTED_SEEDFLEET"  # set where a script is a job, whose results go beside others
_EXIT_BAD_INPUT, _EXIT_INTERRUPTED = 2, 3


def begin(module: str, name: str, *, extra: str = "") -> None:
    """Call a function of a module; where a package is missing, say so, and exit with code 2.

    So it ends, too, where a run of another version of `seedfleet` has asked for this. Ctrl-C and
    SIGTERM that the function does not handle itself end with code 3.

    Parameters
    ----------
    module, name
        Of the function; it takes its options from the command line.
    extra
        What installs all that the script needs, such as ``trace`` or ``trace,models``; nothing
        where the package itself is enough.
    """
    hear_termination()
    wanted = f"seedfleet[{extra}]" if extra else "seedfleet"
    version = os.environ.get(WANTED_VERSION, __version__)
    if version != __version__:
        _refuse(f"seedfleet {__version__} is installed", f"{wanted}=={version}")
    try:
        getattr(importlib.import_module(module), name)()
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; the same command begins anew\n")
        sys.exit(_EXIT_INTERRUPTED)
    except Exception as error:
        # A command line says it in its own way, and raises that from what it met.
        met = error if isinstance(error, ModuleNotFoundError) else error.__cause__
        package = met.name if isinstance(met, ModuleNotFoundError) else None
        if package is None or package.partition(".")[0] == "seedfleet":
            raise
        _refuse(f"{package} is not installed", wanted)


def _refuse(problem: str, wanted: str) -> NoReturn:
    sys.stderr.write(f"error: {problem} for {sys.executable}: pip install '{wanted}'\n")
    sys.exit(_EXIT_BAD_INPUT)
