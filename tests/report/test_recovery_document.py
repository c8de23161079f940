"""The samples, the published schema and its documentation describe one document."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from report_samples import SAMPLES, recovered_noisy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = json.loads((DOCS / "schemas" / "recovery.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


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


def _remove_seed(document: dict[str, Any]) -> None:
    del document["candidates"][0]["seed"]


def _add_field(document: dict[str, Any]) -> None:
    document["history"]["colour"] = "red"


def _float_seed(document: dict[str, Any]) -> None:
    document["candidates"][0]["seed"] = 0.5


def _impossible_probability(document: dict[str, Any]) -> None:
    document["predictions"][0]["probability"] = 1.01


def _unknown_verdict(document: dict[str, Any]) -> None:
    document["verdict"] = "random"


def _three_ended_range(document: dict[str, Any]) -> None:
    document["searched"][0]["skips"] = [0, 1, 2]


def test_schema_is_itself_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_object_is_closed_and_asks_for_all_its_fields() -> None:
    objects = list(_objects(SCHEMA))
    assert len(objects) > 10
    for each in objects:
        assert each["additionalProperties"] is False, each["description"]
        assert each["required"] == list(each["properties"]), each["description"]


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_validates(name: str) -> None:
    document = SAMPLES[name]()
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []


@pytest.mark.parametrize("name", SAMPLES)
def test_sample_survives_its_file_exactly(name: str) -> None:
    document = SAMPLES[name]()
    assert json.loads(json.dumps(document, allow_nan=False)) == document


@pytest.mark.parametrize(
    ("spoil", "place"),
    [
        (_remove_seed, "$.candidates[0]"),
        (_add_field, "$.history"),
        (_float_seed, "$.candidates[0].seed"),
        (_impossible_probability, "$.predictions[0].probability"),
        (_unknown_verdict, "$.verdict"),
        (_three_ended_range, "$.searched[0].skips"),
    ],
)
def test_spoiled_document_is_refused_where_it_is_wrong(
    spoil: Callable[[dict[str, Any]], None], place: str
) -> None:
    document = recovered_noisy()
    spoil(document)
    assert [error.json_path for error in VALIDATOR.iter_errors(document)] == [place]


def test_documentation_says_the_same_of_every_field() -> None:
    page = (DOCS / "recovery.md").read_text("utf-8")
    documented = re.findall(r"^\| `([^`|]+)` \| [^|]+ \| ([^|]+) \|$", page, flags=re.MULTILINE)
    assert sorted(documented) == sorted(_fields(SCHEMA))
