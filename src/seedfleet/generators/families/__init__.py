"""One module for each family of generators, with its definitions and the presets that use them.

Every module of this package that has `PRESETS` is part of the catalogue. Folders named in the
environment variable ``SEEDFLEET_GENERATORS`` (separated as in PATH) are searched as well, so that a
generator of your own needs no change here.
"""

import os
from pathlib import Path

__all__: list[str] = []

_folders = os.environ.get("SEEDFLEET_GENERATORS", "").split(os.pathsep)
__path__ += [str(Path(folder).absolute()) for folder in _folders if folder]
