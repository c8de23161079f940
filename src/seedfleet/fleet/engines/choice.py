"""Which engine a run uses, by name, so that a resume finds the same one again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from seedfleet.fleet.engines.local import LocalEngine
from seedfleet.fleet.errors import BadInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seedfleet.fleet.engines.base import Engine
    from seedfleet.fleet.options import RunOptions

__all__ = ["make_engine"]


def make_engine(options: RunOptions) -> Engine:
    """Make the engine that the options name.

    `local` takes `slots` (scripts at once, at least 1) and `python` (the interpreter of `.py`
    scripts).

    Raises
    ------
    BadInputError
        With every name and value that is not known.
    """
    if options.engine != "local":
        raise BadInputError([f"engine {options.engine!r}: known is local"])
    return _local(options.engine_options)


def _local(settings: Mapping[str, str]) -> LocalEngine:
    problems, slots, python = [], None, None
    for name, value in settings.items():
        if name == "slots" and value.isascii() and value.isdigit() and int(value) > 0:
            slots = int(value)
        elif name == "python" and value:
            python = shutil.which(value) or str(Path(value).expanduser().absolute())
        else:
            problems.append(
                f"engine option {name}={value}: local knows slots=N (N > 0) and python=PATH"
            )
    if problems:
        raise BadInputError(problems)
    return LocalEngine(slots=slots, python=python)
