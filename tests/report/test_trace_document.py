"""The samples of whole runs are documents as the published schema describes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from trace_samples import TRACES, planted

from seedfleet.evidence import Verdict
from seedfleet.report._words import FOUND

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
SCHEMA = json.loads((SCHEMAS / "trace.schema.json").read_text("utf-8"))
RECOVERY = json.loads((SCHEMAS / "recovery.schema.json").read_text("utf-8"))


def _problems(document: dict[str, Any]) -> list[str]:
    return [
        error.json_path for error in jsonschema.Draft202012Validator(SCHEMA).iter_errors(document)
    ]


def test_the_schema_is_itself_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", TRACES)
def test_sample_validates_and_survives_its_file(name: str) -> None:
    document = TRACES[name]()
    assert _problems(document) == []
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    recovery = document["documents"]["recover"]
    if recovery is not None:
        assert list(jsonschema.Draft202012Validator(RECOVERY).iter_errors(recovery)) == []


def _add_field(document: dict[str, Any]) -> None:
    document["steps"][0]["colour"] = "red"


def _unknown_decision(document: dict[str, Any]) -> None:
    document["steps"][1]["record"]["decision"] = "perhaps"


def _remove_gate(document: dict[str, Any]) -> None:
    del document["documents"]["train"]["gate"]


def _impossible_probability(document: dict[str, Any]) -> None:
    document["documents"]["predict"]["predictions"][0]["probability"] = 1.01


def _other_format(document: dict[str, Any]) -> None:
    document["documents"]["window"]["format"] = "seedfleet.window/9"


@pytest.mark.parametrize(
    ("spoil", "place"),
    [
        (_add_field, "$.steps[0]"),
        (_unknown_decision, "$.steps[1].record.decision"),
        (_remove_gate, "$.documents.train"),
        (_impossible_probability, "$.documents.predict.predictions[0].probability"),
        (_other_format, "$.documents.window.format"),
    ],
)
def test_spoiled_document_is_refused_where_it_is_wrong(
    spoil: Callable[[dict[str, Any]], None], place: str
) -> None:
    document = json.loads(json.dumps(planted()))
    spoil(document)
    assert _problems(document) == [place]


def test_the_page_takes_the_same_verdicts_for_finds_as_the_searches() -> None:
    assert {each.value for each in Verdict if each.found} == FOUND
    assert next(iter(Verdict)) is Verdict.RECOVERED  # the stronger first, as answers are led
