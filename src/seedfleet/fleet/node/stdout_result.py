"""Sieve jobs: their worker gets a file, and prints its result instead of writing one.

The result is taken from the log of stdout once the worker has ended, never from a live stream. For
all other jobs nothing here does anything.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Tuple

from .layout import AttemptFolder, write_atomically
from .outputs import UnsuccessfulError, move

__all__ = ["StdoutResult"]

_Identity = Optional[Tuple[int, int, int]]


class StdoutResult:
    """The file that a sieve worker gets, and the result that it leaves.

    Parameters
    ----------
    order
        The attempt's. `job_document` is the sieve job, or None (or not there) for other jobs.
    folder
        The attempt's.
    """

    def __init__(self, order: Mapping[str, Any], folder: AttemptFolder) -> None:
        self._order = order
        self._folder = folder
        self._is_sieve_job = order.get("job_document") is not None
        # Old workers leave their result under this name where they do not print it.
        self._left = Path(order["root"], "result_{}.json".format(order["job_id"]))
        self._before: _Identity = None

    @staticmethod
    def tokens(order: Mapping[str, Any]) -> Dict[str, str]:
        """Say what `{job_file}` becomes in the arguments and the environment of a sieve job."""
        if order.get("job_document") is None:
            return {}
        return {"job_file": str(AttemptFolder(order["folder"]).job_document)}

    def prepare(self) -> None:
        """Write the worker's file, and note what an earlier worker has left; before the start.

        Raises
        ------
        OSError
            If the disk refuses.
        """
        if self._is_sieve_job:
            document = json.dumps(self._order["job_document"])
            write_atomically(self._folder.job_document, document.encode())
            self._before = _identity(self._left)

    def take(self) -> None:
        """Put the result at the place of the job's output; after the worker's end.

        It is the whole of stdout, else its last line that is a JSON object, else the file
        `result_<job_id>.json` if the worker has made one in its working directory.

        Raises
        ------
        UnsuccessfulError
            `output_missing` if there is no result, `failed` if it says `"success": false`.
        """
        if not self._is_sieve_job:
            return
        output = self._order["outputs"][0]
        place = Path(output["path"])
        printed = _printed(self._folder.stdout)
        if printed is not None:
            write_atomically(place, printed)
        elif self._left_by_this_worker():
            if not _same_path(self._left, place):
                move(self._left, place)
        else:
            text = "stdout holds no JSON object, and the worker has written no {}".format(
                self._left.name
            )
            raise UnsuccessfulError("output_missing", [output["declared"]], text)
        result = _object(place.read_bytes())
        if result is not None and result.get("success") is False:
            text = 'the result says "success": false'
            if result.get("error"):
                text += ": {}".format(str(result["error"])[:300])
            raise UnsuccessfulError("failed", [], text)

    def _left_by_this_worker(self) -> bool:
        now = _identity(self._left)
        return now is not None and now != self._before


def _printed(log: Path) -> Optional[bytes]:
    content = log.read_bytes()
    if _object(content) is not None:
        return content
    # Carriage returns, too, end a line: progress bars write over themselves.
    for line in reversed(content.splitlines()):
        if _object(line) is not None:
            return line.strip() + b"\n"
    return None


def _object(content: bytes) -> Optional[Dict[str, Any]]:
    if not content.lstrip().startswith(b"{"):  # most lines of a log end here
        return None
    try:
        found = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _identity(path: Path) -> _Identity:
    """Tell one version of a regular file from another; None if there is none."""
    if os.path.islink(path) or not os.path.isfile(path):
        return None
    found = os.stat(path)
    return found.st_ino, found.st_mtime_ns, found.st_size


def _same_path(one: Path, other: Path) -> bool:
    return os.path.normpath(one) == os.path.normpath(other)
