"""Reading a JSON file that a person wrote."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from seedfleet.fleet.errors import BadInputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_document"]


def read_document(path: Path) -> Any:
    """Parse a JSON file strictly: an object must not have a key twice.

    Raises
    ------
    BadInputError
        If the file cannot be read or is not JSON.
    """
    try:
        # Several editors write a byte order mark; json refuses it, utf-8-sig drops it.
        return json.loads(path.read_text("utf-8-sig"), object_pairs_hook=_unique)
    except OSError as error:
        raise BadInputError([f"{path}: {error.strerror or error}"]) from error
    except (ValueError, RecursionError) as error:
        raise BadInputError([f"{path}: not JSON: {error}"]) from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"an object has a key twice: {', '.join(map(repr, twice))}")
    return document
