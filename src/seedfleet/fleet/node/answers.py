"""What a head may ask an agent, each question with one function."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Optional, Tuple

from .cleaning import clean
from .layout import AttemptFolder, discard, sync_file, tombstone
from .locks import is_held
from .outputs import check_territory, digest, forget_previous
from .survey import survey

if TYPE_CHECKING:
    from .facts import Facts

__all__ = ["ANSWERS", "SLOW"]

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
    """Put the head's nonce into the node's home, for the head to look whether it sees it there."""
    del body
    os.makedirs(facts.home, mode=0o700, exist_ok=True)
    shown = Path(facts.home, ".shown-" + question["name"])
    shown.write_text(question["nonce"])
    return None, b""


def _hide(facts: Facts, question: Dict[str, Any], body: bytes) -> Answer:
    """Take the nonce away again."""
    del body
    with contextlib.suppress(OSError):
        Path(facts.home, ".shown-" + question["name"]).unlink()
    return None, b""


def _see(facts: Facts, question: Dict[str, Any], body: bytes) -> Answer:
    """Read a nonce of the head's from the node's root, if it is seen here."""
    del body
    with contextlib.suppress(OSError, ValueError):
        return Path(facts.root, question["path"]).read_text(), b""
    return None, b""


def _known(facts: Facts, question: Dict[str, Any], body: bytes) -> Answer:
    """Tell which attempts were ever started here."""
    del body
    folders = {token: _folder(facts, token).path for token in question["tokens"]}
    return [t for t, path in folders.items() if path.exists() or tombstone(path).exists()], b""


def _settle(facts: Facts, question: Dict[str, Any], body: bytes) -> Answer:
    """Forget attempts whose results the head has; true keeps an attempt's folder, as evidence."""
    del body
    for token, keep in question["kept"].items():
        folder = _folder(facts, token)
        if not keep and folder.path.exists():
            forget_previous(folder)
            discard(folder)
    return None, b""


def _folder(facts: Facts, token: str) -> AttemptFolder:
    run_id, job_id, number = token.split("/")
    return AttemptFolder(Path(facts.home, "runs", run_id, "attempts", job_id, number))


def _put(facts: Facts, question: Dict[str, Any], body: bytes) -> Answer:
    """Take a piece of a file; the last one puts the file at its place, if its digest is right."""
    path = Path(question["path"])
    check_territory([str(path)], [facts.root, *question["tops"]])
    part = path.with_name(".{}.{}.part".format(path.name, question["transfer"]))
    if question["first"]:
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with part.open("wb" if question["first"] else "ab") as stream:
            stream.write(body)
        if question["last"]:
            sync_file(part)
            _accept(part, path, question)
    except (OSError, ValueError):
        with contextlib.suppress(OSError):  # a later try begins anew
            part.unlink()
        raise
    return None, b""


def _accept(part: Path, path: Path, question: Dict[str, Any]) -> None:
    if digest(part) != question["sha256"]:
        raise ValueError("{} has changed on its way".format(path))
    part.chmod(question["mode"])
    part.replace(path)


def _read_log(facts: Facts, question: Dict[str, Any], body: bytes) -> Answer:
    """Read a piece of the log of an attempt, and whether its supervisor has ended."""
    del body
    folder = _folder(facts, "{run_id}/{job_id}/{attempt}".format(**question))
    log = {"stdout": folder.stdout, "stderr": folder.stderr}[question["stream"]]
    ended = not is_held(folder.alive)  # asked first: what is read after it is then all there is
    piece, size_bytes = b"", 0
    with contextlib.suppress(OSError), log.open("rb") as stream:
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


# Asked of a child, since large or many files, or a driver, may take their time.
SLOW = frozenset(("clean", "digests", "put", "settle", "survey"))

ANSWERS: Mapping[str, Callable[[Facts, Dict[str, Any], bytes], Answer]] = {
    "alive": _alive,
    "clean": _clean,
    "digests": _digests,
    "hide": _hide,
    "known": _known,
    "put": _put,
    "read_log": _read_log,
    "see": _see,
    "settle": _settle,
    "show": _show,
    "survey": _survey,
    "tidy": _tidy,
}
