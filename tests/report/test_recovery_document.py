"""The samples are documents as the published schema describes them, which refuses others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from report_samples import SAMPLES, recovered_noisy

if TYPE_CHECKING:
    from collections.abc import Callable

DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = json.loads((DOCS / "schemas" / "recovery.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


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
