"""From a path to a history: bytes, text, records, rules."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from seedfleet.draws._clean import MAX_MODULUS, MIN_MODULUS, clean
from seedfleet.draws._parse_json import parse_json
from seedfleet.draws._parse_text import parse_text
from seedfleet.draws._records import Problems
from seedfleet.draws.history import History

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedfleet.draws._records import Records

__all__ = ["load"]

_STANDARD_INPUT = "-"
_MAX_SIZE_BYTES = 512 * 2**20  # some eight million dated draws; also where an endless device stops


def load(
    path: Path | Literal["-"],
    columns: Sequence[str] | None = None,
    *,
    modulus: int | None = None,
    sessions: Sequence[str] = (),
) -> History:
    """Load a history of draws and clean it by the rules of docs/draws.md.

    The format is told by the content, never by the file's suffix: a JSON list of objects or of
    integers, a table with a header, a table without one if `columns` names its columns, or one
    number per line. Nothing is written.

    Parameters
    ----------
    path
        The file, or `-` for standard input.
    columns
        One name for each column of a table without a header: date or year, month, day; session;
        machine; draw or several times digit; sum, which is checked against the digits. Columns
        under any other name are ignored.
    modulus
        Number of values a draw can take, in `[2, 2**31]`. By default it is inferred: `10**k` from k
        digit columns, else the least power of ten above the largest draw, at least 10.
    sessions
        Names of the sessions to keep; all by default.

    Returns
    -------
    History
        At least one draw, oldest first.

    Raises
    ------
    DrawsError
        With every problem at once, if the file cannot be read, is no list of draws, or breaks a
        rule. A file that is nothing like a list of draws is one problem.

    Notes
    -----
    O(n log n) time in the number of draws and some 400 bytes of memory for each while loading.
    """
    source = "standard input" if path == _STANDARD_INPUT else _printable(str(path))
    problems = Problems(f"no draws could be loaded from {source}")
    if modulus is not None and not _is_modulus(modulus):
        problems.add(f"modulus: {modulus!r} is not an integer in {MIN_MODULUS}..{MAX_MODULUS}")
        modulus = MAX_MODULUS
    content = _read(path, problems)
    records = _parse(_decode(content, problems), columns, problems)
    cleaned = clean(records, problems, modulus=modulus, sessions=sessions)
    return History(
        name="stdin" if path == _STANDARD_INPUT else _printable(Path(path).stem),
        source=source,
        sha256=hashlib.sha256(content).hexdigest(),
        values=np.array([row.draw for row in cleaned.rows], dtype=np.int64),
        dates=tuple(row.date for row in cleaned.rows),
        sessions=tuple(row.session for row in cleaned.rows),
        machines=tuple(row.machine for row in cleaned.rows),
        modulus=cleaned.modulus,
        modulus_inferred=cleaned.modulus_inferred,
        notes=cleaned.notes,
    )


def _printable(name: str) -> str:
    """Replace the bytes of a file name that are not UTF-8, which nothing could print."""
    return name.encode("utf-8", "replace").decode()


def _is_modulus(value: object) -> bool:
    return isinstance(value, int) and MIN_MODULUS <= value <= MAX_MODULUS


def _read(path: Path | Literal["-"], problems: Problems) -> bytes:
    try:
        if path == _STANDARD_INPUT:
            content = sys.stdin.buffer.read(_MAX_SIZE_BYTES + 1)
        else:
            with Path(path).open("rb") as file:
                content = file.read(_MAX_SIZE_BYTES + 1)
    except OSError as error:
        problems.stop(f"cannot be read: {error.strerror or error}")
    except ValueError as error:  # a NUL in the path
        problems.stop(f"cannot be read: {error}")
    if len(content) > _MAX_SIZE_BYTES:
        problems.stop(f"larger than {_MAX_SIZE_BYTES // 2**20} MiB")
    return content


def _decode(content: bytes, problems: Problems) -> str:
    """Decode UTF-8, with or without its byte order mark."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The codec counts from after the mark.
        mark = 3 if content.startswith(b"\xef\xbb\xbf") else 0
        offset = error.start + mark
        problems.stop(f"byte {offset}: {error.reason}; the file must be text in UTF-8")
    if not text:
        problems.stop("the file is empty")
    if text.isspace():
        problems.stop("the file holds only white space")
    if "\0" in text:
        problems.stop(f"byte {content.index(0)}: a NUL byte; the file must be text in UTF-8")
    return text


def _parse(text: str, columns: Sequence[str] | None, problems: Problems) -> Records:
    if text.lstrip()[0] not in "[{":
        return parse_text(text, columns, problems)
    records = parse_json(text, problems)
    if columns:
        records.notes.append("Ignored the names of columns that were given: the file is JSON.")
    return records
