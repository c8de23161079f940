"""An attempt's declared outputs: what stood there before, what stands there now.

With preserved paths a script writes where it says, so a file from an earlier run may be in the
way. It is moved aside first and comes back unless the attempt succeeds. The list of what was moved
is on disk before the first move, and every step can be repeated, so that another process can
finish the restoring after this one was killed at any point.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import json
import os
import shutil
import stat
from pathlib import Path
from typing import Any, Dict, List, Optional

from .layout import AttemptFolder, marker_path, sync_file, sync_folder, write_atomically

__all__ = [
    "UnsuccessfulError",
    "check_outputs",
    "check_territory",
    "digest",
    "forget_previous",
    "hand_over_previous",
    "keep_previous",
    "move",
    "restore_previous",
]

_BLOCK_BYTES = 1 << 20


class UnsuccessfulError(Exception):
    """The attempt cannot succeed; `kind` is its outcome, `paths` are the outputs at fault."""

    def __init__(self, kind: str, paths: List[str], text: str) -> None:
        super().__init__(text)
        self.kind = kind
        self.paths = paths


def digest(path: Path) -> str:
    """Return the SHA-256 of a file's content as 64 hex digits."""
    total = hashlib.sha256()
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(_BLOCK_BYTES), b""):
            total.update(block)
    return total.hexdigest()


def check_territory(paths: List[str], tops: List[str]) -> None:
    """Refuse paths that symbolic links of this machine lead outside of the allowed folders.

    Parameters
    ----------
    paths
        Absolute, as a job means them here.
    tops
        Absolute folders that they must lie in.

    Raises
    ------
    UnsuccessfulError
        With the paths that lead elsewhere.
    """
    real_tops = [os.path.realpath(top).rstrip(os.sep) + os.sep for top in tops]
    outside = [path for path in paths if not os.path.realpath(path).startswith(tuple(real_tops))]
    if outside:
        led = ", ".join("{} leads to {}".format(path, os.path.realpath(path)) for path in outside)
        raise UnsuccessfulError("failed_to_start", outside, led + ", outside of every root")


def check_outputs(outputs: List[Dict[str, str]]) -> List[Dict[str, Any]]:
    """Validate every declared output and take its digest.

    Parameters
    ----------
    outputs
        For each: `declared`, the name in the job; `path`, where the file is; `validate`, "json"
        or "nonempty".

    Returns
    -------
    list of dict
        For each: `declared`, `path`, `size_bytes`, `sha256`.

    Raises
    ------
    UnsuccessfulError
        With the worst finding: missing before empty before invalid.
    """
    missing = [o["declared"] for o in outputs if not os.path.lexists(o["path"])]
    if missing:
        raise UnsuccessfulError("output_missing", missing, "not written: " + ", ".join(missing))
    for output in outputs:
        if not stat.S_ISREG(os.lstat(output["path"]).st_mode):
            text = "{} is no regular file".format(output["declared"])
            raise UnsuccessfulError("output_invalid", [output["declared"]], text)
    empty = [o["declared"] for o in outputs if os.path.getsize(o["path"]) == 0]
    if empty:
        raise UnsuccessfulError("output_empty", empty, "0 bytes: " + ", ".join(empty))
    for output in outputs:
        if output["validate"] == "json":
            _check_json(output)
    return [
        {
            "declared": output["declared"],
            "path": output["path"],
            "size_bytes": os.path.getsize(output["path"]),
            "sha256": digest(Path(output["path"])),
        }
        for output in outputs
    ]


def _check_json(output: Dict[str, str]) -> None:
    try:
        with open(output["path"], "rb") as stream:
            json.loads(stream.read())
    except (ValueError, RecursionError, MemoryError, OSError) as error:
        text = "{} is not JSON: {}".format(output["declared"], error)
        raise UnsuccessfulError("output_invalid", [output["declared"]], text) from error


def keep_previous(folder: AttemptFolder, paths: List[Path]) -> None:
    """Move what stands at `paths`, and their markers, into the attempt's `previous/`.

    Raises
    ------
    OSError
        If something there is neither a file nor a link, or cannot be moved.
    """
    entries = []
    for path in [place for output in paths for place in (output, marker_path(output))]:
        if os.path.lexists(path) and stat.S_ISDIR(os.lstat(path).st_mode):
            raise OSError(errno.EISDIR, "a folder stands at the output path", str(path))
        entries.append({"path": str(path), "existed": os.path.lexists(path)})
    folder.previous.mkdir()
    write_atomically(folder.previous_list, json.dumps(entries).encode())
    # Markers go first and come back last, so none ever stands where its output does not.
    for number, entry in reversed(list(enumerate(entries))):
        if entry["existed"]:
            move(Path(str(entry["path"])), folder.previous / str(number))


def restore_previous(folder: AttemptFolder, unless_accepted_for: Optional[str] = None) -> None:
    """Make the preserved paths look as they did before the attempt; may be repeated.

    What the script left there goes to `rejected/`, as evidence.

    Parameters
    ----------
    folder
        The attempt's.
    unless_accepted_for
        The attempt's run, if its locks were free for a while: where a marker shows that another
        run's result has been accepted since, that result stays and the old one is only kept.
    """
    if not folder.previous_list.exists():
        return
    entries = json.loads(folder.previous_list.read_text())
    folder.rejected.mkdir(exist_ok=True)
    for number, entry in enumerate(entries):
        path, kept = Path(entry["path"]), folder.previous / str(number)
        marker = Path(entries[number | 1]["path"])  # outputs are even, each before its marker
        if unless_accepted_for is not None and _accepted(marker, unless_accepted_for):
            continue
        # Without a kept copy a file that existed was either never moved or is back already.
        ours_to_clear = os.path.lexists(kept) or not entry["existed"]
        if ours_to_clear and os.path.lexists(path):
            move(path, _free_name(folder.rejected, number))
        if os.path.lexists(kept):
            _make_room(path.parent, folder)
            move(kept, path)


def hand_over_previous(folder: AttemptFolder, successor: AttemptFolder) -> None:
    """Move what `keep_previous` kept into another folder of the same attempt; may be repeated."""
    if not folder.previous_list.exists():
        return
    write_atomically(successor.previous_list, folder.previous_list.read_bytes())
    if folder.previous.exists():
        move(folder.previous, successor.previous)
    folder.previous_list.unlink()


def forget_previous(folder: AttemptFolder) -> None:
    """Drop what `keep_previous` kept, since the attempt has succeeded; may be repeated."""
    # The list goes first: without it nothing is ever put back.
    with contextlib.suppress(FileNotFoundError):
        folder.previous_list.unlink()
    shutil.rmtree(folder.previous, ignore_errors=True)
    with contextlib.suppress(OSError):  # it stays where a failed attempt's files are evidence
        folder.rejected.rmdir()


def _make_room(parent: Path, folder: AttemptFolder) -> None:
    """Make a folder that a script has removed; a file in its stead becomes evidence."""
    for place in (*reversed(parent.parents), parent):
        if os.path.lexists(place) and not place.is_dir():
            move(place, _free_name(folder.rejected, len(parent.parts)))
    parent.mkdir(parents=True, exist_ok=True)


def _accepted(marker: Path, own_run: str) -> bool:
    try:
        run_id = json.loads(marker.read_bytes())["run_id"]
    except (OSError, ValueError, KeyError, TypeError):  # none, or one that a script has made
        return False
    return bool(run_id != own_run)


def _free_name(folder: Path, number: int) -> Path:
    names = itertools.chain([str(number)], ("{}-{}".format(number, n) for n in itertools.count(2)))
    return next(folder / name for name in names if not os.path.lexists(folder / name))


def move(source: Path, target: Path) -> None:
    """Move a file, also to another disk; at every moment one complete copy has a name.

    Raises
    ------
    OSError
        If the disk refuses; `source` then still exists.
    """
    try:
        os.replace(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _move_by_copy(source, target)


def _move_by_copy(source: Path, target: Path) -> None:
    temporary = target.with_name(".{}.{}.tmp".format(target.name, os.getpid()))
    if source.is_dir() and not source.is_symlink():
        shutil.copytree(source, temporary, symlinks=True)
        os.replace(temporary, target)
        shutil.rmtree(source)
        return
    shutil.copy2(source, temporary, follow_symlinks=False)
    if not temporary.is_symlink():
        sync_file(temporary)
    os.replace(temporary, target)
    sync_folder(target.parent)
    source.unlink()
