"""Files of trials that a job is handed, read whole or refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seedfleet.errors import ProblemsError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["TrialFileError", "read_trial_file"]


class TrialFileError(ProblemsError):
    """The files of a job hold no trials."""


def read_trial_file(path: Path, wanted: str | None = None) -> dict[str, Any]:
    """Return the object that a file of JSON holds.

    Parameters
    ----------
    wanted
        The format that it has to name; None where it need not name any.

    Raises
    ------
    TrialFileError
        It cannot be read, or holds something else.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrialFileError([f"{path}: cannot be read: {error}"]) from error
    if not isinstance(document, dict):
        raise TrialFileError([f"{path}: an object is needed"])
    if wanted is not None and document.get("format") != wanted:
        raise TrialFileError([f"{path}: its format is not {wanted!r}"])
    return document
