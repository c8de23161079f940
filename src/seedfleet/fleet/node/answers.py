"""What a head may ask an agent, each question with one function."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from .cleaning import clean
from .facts import Facts
from .layout import AttemptFolder, sync_file
from .locks import is_held
from .outputs import digest
from .survey import survey

__all__ = ["ANSWERS"]

Answer = Tuple[Any, bytes]
_LOG_PIECE_BYTES = 1 << 18


def _alive(facts: Facts, question: Dict[str, Any], body: bytes) -> Answer:
    """Show that somebody is there."""
    del facts, question, body
    return True, b""


def _digests(facts: Facts, question: Dict[str, Any], body: bytes) -> Answer:
    """Take the SHA-256 of files by path, None where there is none."""
    del facts, body
    found: Dict[str, Optional[str]] = {}
    for path in question["paths"]:
        found[path] = None
        with contextlib.suppress(OSError):
            if os.path.isfile(path):
                found[path] = digest(Path(path))
    return found, b""


def _show(facts: Facts, question: Dict[str, Any], body: bytes) -> Answer:
    """Put a nonce into the node's home, for the head to look whether it sees it there."""
    del question, body
    os.makedirs(facts.home, mode=0o700, exist_ok=True)
    path, nonce = os.path.join(facts.home, ".shown-" + secrets.token_hex(8)), secrets.token_hex(16)
    Path(path).write_text(nonce)
    return {"path": path, "nonce": nonce}, b""


def _see(facts: Facts, question: Dict[str, Any], body: bytes) -> Answer:
    """Read a nonce of the head's, named relative to the root, if it is seen here."""
    del body
    with contextlib.suppress(OSError, ValueError):
        if question["forget"]:
            os.unlink(question["forget"])
    with contextlib.suppress(OSError, ValueError):
        return Path(facts.root, question["path"]).read_text(), b""
    return None, b""


def _put(facts: Facts, question: Dict[str, Any], body: bytes) -> Answer:
    """Take a piece of a file; the last one puts the file at its place, if its digest is right."""
    del facts
    path = Path(question["path"])
    part = path.with_name(".{}.{}.part".format(path.name, question["transfer"]))
    if question["first"]:
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with part.open("wb" if question["first"] else "ab") as stream:
            stream.write(body)
        if question["last"]:
            sync_file(part)
            if digest(part) != question["sha256"]:
                raise ValueError("{} has changed on its way".format(path))
            part.chmod(question["mode"])
            part.replace(path)
    except (OSError, ValueError):
        with contextlib.suppress(OSError):
            part.unlink()
        raise
    return None, b""


def _read_log(facts: Facts, question: Dict[str, Any], body: bytes) -> Answer:
    """Read a piece of the log of an attempt, and whether its supervisor has ended."""
    del body
    runs = Path(facts.home, "runs", question["run_id"], "attempts")
    folder = AttemptFolder(runs / question["job_id"] / str(question["attempt"]))
    log = {"stdout": folder.stdout, "stderr": folder.stderr}[question["stream"]]
    ended = not is_held(folder.alive)  # asked first: what is read after it is then all there is
    piece, size_bytes = b"", 0
    with contextlib.suppress(OSError):
        with log.open("rb") as stream:
            stream.seek(question["offset"])
            piece = stream.read(_LOG_PIECE_BYTES)
            size_bytes = os.fstat(stream.fileno()).st_size
    return {"size_bytes": size_bytes, "ended": ended, "exists": folder.path.exists()}, piece


def _tidy(facts: Facts, question: Dict[str, Any], body: bytes) -> Answer:
    """Remove the folder of a run that has left nothing worth keeping; say whether it is gone."""
    del body
    folder = Path(facts.home, "runs", question["run_id"])
    attempts = folder / "attempts"
    try:
        for job in attempts.iterdir():
            if any(not entry.name.endswith(".gone") for entry in job.glob("[!.]*")):
                return False, b""  # a failed attempt's files are evidence
        shutil.rmtree(folder)
    except OSError:
        return not folder.exists(), b""
    return True, b""


def _survey(facts: Facts, question: Dict[str, Any], body: bytes) -> Answer:
    """Look at all that a person may want to know of the node."""
    del question, body
    return survey(facts.document), b""


def _clean(facts: Facts, question: Dict[str, Any], body: bytes) -> Answer:
    """Remove what ended runs have left."""
    del body
    return clean({**question, "home": facts.home, "root": facts.root}), b""


ANSWERS: Mapping[str, Callable[[Facts, Dict[str, Any], bytes], Answer]] = {
    "alive": _alive,
    "clean": _clean,
    "digests": _digests,
    "put": _put,
    "read_log": _read_log,
    "see": _see,
    "show": _show,
    "survey": _survey,
    "tidy": _tidy,
}
