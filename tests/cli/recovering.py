"""`seedfleet trace recover` as its tests call it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
from click.testing import CliRunner

from seedfleet.cli import main

if TYPE_CHECKING:
    from click.testing import Result

__all__ = ["ROOT", "answer", "recover"]

ROOT = Path(__file__).parents[2]
_SCHEMA = json.loads((ROOT / "docs" / "schemas" / "recovery.schema.json").read_text("utf-8"))


def recover(*arguments: object, folder: Path) -> Result:
    words = ["trace", "recover", *map(str, arguments), "--output-dir", str(folder)]
    return CliRunner().invoke(main, words)


def answer(*arguments: object, folder: Path) -> dict[str, Any]:
    """Return the document, which the schema allows."""
    result = recover(*arguments, "--output", "json", folder=folder)
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    jsonschema.validate(document, _SCHEMA, cls=jsonschema.Draft202012Validator)
    return document
