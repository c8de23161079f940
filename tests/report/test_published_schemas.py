"""The published schemas leave nothing open, and the pages about their documents say the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = Path(__file__).parents[2] / "docs"
DOCUMENTS = ("recovery", "sieve")


@pytest.fixture(params=DOCUMENTS)
def document(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _schema(document: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(
        (DOCS / "schemas" / f"{document}.schema.json").read_text("utf-8")
    )
    return read


def _fields(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """List every field below `schema` as (path, description)."""
    for branch in [schema, *schema.get("anyOf", [])]:
        for name, field in branch.get("properties", {}).items():
            below = f"{path}.{name}" if path else name
            yield below, field["description"]
            yield from _fields(field, below)
        if isinstance(branch.get("items"), dict):
            yield from _fields(branch["items"], f"{path}[]")


def _objects(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if schema.get("type") == "object":
        yield schema
    for below in [*schema.get("properties", {}).values(), *schema.get("anyOf", [])]:
        yield from _objects(below)
    if isinstance(schema.get("items"), dict):
        yield from _objects(schema["items"])


def test_a_schema_is_itself_valid(document: str) -> None:
    jsonschema.Draft202012Validator.check_schema(_schema(document))


def test_every_object_is_closed_and_asks_for_all_its_fields(document: str) -> None:
    objects = list(_objects(_schema(document)))
    assert len(objects) > 10
    for each in objects:
        assert each["additionalProperties"] is False, each["description"]
        assert each["required"] == list(each["properties"]), each["description"]


def test_the_page_says_the_same_of_every_field(document: str) -> None:
    page = (DOCS / f"{document}.md").read_text("utf-8")
    rows = re.findall(r"^\| `([^`|]+)` \| [^|]+ \| (.+) \|$", page, flags=re.MULTILINE)
    assert sorted(rows) == sorted(_fields(_schema(document)))
