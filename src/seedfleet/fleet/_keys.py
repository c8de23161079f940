"""The keys of a script job, declared once: for messages, for the published JSON Schemas, for tests.

Each key's constraint is a JSON Schema fragment; `problems_with` understands the few words of JSON
Schema that are used here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["IGNORED", "KEYS_V10", "KEYS_V11", "REQUIRED", "job_schema", "problems_with"]

Fragment = dict[str, Any]

# `$(?!\n)`, since in some dialects a plain `$` also matches before a last line feed.
_JOB_ID = r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,126}[A-Za-z0-9_-])?$(?!\n)"
_TEXT: Final[Fragment] = {"type": "string", "pattern": r"^[^\u0000]*$(?![\s\S])"}
_PATH: Final[Fragment] = {**_TEXT, "minLength": 1}
_TEXTS: Final[Fragment] = {"type": "array", "items": _TEXT}
_PATHS: Final[Fragment] = {"type": "array", "items": _PATH}
_COUNT: Final[Fragment] = {"type": "integer", "minimum": 0}

REQUIRED: Final = ("job_id", "script", "args", "expected_output")

KEYS_V10: Final[Mapping[str, Fragment]] = {
    "job_id": {"type": "string", "pattern": _JOB_ID},
    "script": _PATH,
    "args": _TEXTS,
    "expected_output": _PATH,
    "timeout": {"type": "number", "exclusiveMinimum": 0, "default": 7200},
}

# Accepted and ignored, whatever they hold: older job files carry them.
IGNORED: Final = ("chunk_file", "seed_count")

KEYS_V11: Final[Mapping[str, Fragment]] = {
    "node": _PATH,
    "gpu_id": _COUNT,
    "gpus": _COUNT,
    "platform": {"type": "string", "enum": ["cuda", "rocm", "cpu"]},
    "gpu_memory_gib": {"type": "number", "exclusiveMinimum": 0},
    "env": {
        "type": "object",
        "additionalProperties": _TEXT,
        "propertyNames": {"type": "string", "pattern": r"^[^=\u0000]+$(?![\s\S])"},
    },
    "inputs": _PATHS,
    "outputs": _PATHS,
    "retries": _COUNT,
    "priority": {"type": "integer", "default": 0},
    "ok_exit_codes": {
        "type": "array",
        "items": {"type": "integer", "minimum": 0, "maximum": 255},
        "minItems": 1,
        "default": [0],
    },
    "rerun": {"type": "boolean", "default": True},
    "validate": {"type": "string", "enum": ["json", "nonempty"]},
    "tags": _TEXTS,
}

_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "array": (list,),
    "object": (dict,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}


def job_schema(version: str) -> dict[str, Any]:
    """Build the JSON Schema of a job file.

    Parameters
    ----------
    version
        "1.0" or "1.1".

    Returns
    -------
    dict
        A JSON Schema, draft 2020-12. What it cannot say (job ids unique ignoring case, outputs
        that do not collide) is checked when a file is read.
    """
    keys = dict(KEYS_V10) | (dict(KEYS_V11) if version == "1.1" else {})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"Seedfleet Script Job Spec v{version}",
        "type": "array",
        "minItems": 1,
        "items": {
            "type": "object",
            "properties": keys | dict.fromkeys(IGNORED, True),
            "required": list(REQUIRED),
            "additionalProperties": False,
        },
    }


def problems_with(value: object, fragment: Mapping[str, Any], where: str) -> Iterator[str]:
    """List what is wrong with a value, each problem with its `$.path`."""
    wanted = fragment["type"]
    is_boolean = isinstance(value, bool)
    if not isinstance(value, _TYPES[wanted]) or is_boolean != (wanted == "boolean"):
        yield f"{where}: {_shown(value)} is no {wanted}"
        return
    match value:
        case str():
            yield from _problems_with_text(value, fragment, where)
        case list():
            yield from _problems_with_list(value, fragment, where)
        case dict():
            for name, item in value.items():
                yield from problems_with(name, fragment["propertyNames"], f"{where} (a name)")
                yield from problems_with(item, fragment["additionalProperties"], f"{where}.{name}")
        case int() | float():
            yield from _problems_with_number(value, fragment, where)


def _problems_with_text(value: str, fragment: Mapping[str, Any], where: str) -> Iterator[str]:
    if len(value) < fragment.get("minLength", 0):
        yield f"{where}: is empty"
    if "enum" in fragment and value not in fragment["enum"]:
        yield f"{where}: {_shown(value)} is none of {', '.join(fragment['enum'])}"
    if "pattern" in fragment and not re.search(fragment["pattern"], value):
        if "\0" in value:
            yield f"{where}: holds a NUL character, which no argument or path can carry"
        else:
            yield f"{where}: {_shown(value)} does not match {fragment['pattern']}"
    if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
        yield f"{where}: {_shown(value)} holds half of a surrogate pair, which has no UTF-8 form"


def _problems_with_list(
    value: list[object], fragment: Mapping[str, Any], where: str
) -> Iterator[str]:
    if len(value) < fragment.get("minItems", 0):
        yield f"{where}: is empty"
    for number, item in enumerate(value):
        yield from problems_with(item, fragment["items"], f"{where}[{number}]")


def _problems_with_number(value: float, fragment: Mapping[str, Any], where: str) -> Iterator[str]:
    too_small = value < fragment.get("minimum", value)
    if "exclusiveMinimum" in fragment:
        too_small = not value > fragment["exclusiveMinimum"]
    if too_small or value > fragment.get("maximum", value) or value == float("inf"):
        words = {"minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most"}
        limits = [f"{words[word]} {fragment[word]}" for word in words if word in fragment]
        yield f"{where}: {value} is not {' and '.join(limits or ['finite'])}"


def _shown(value: object) -> str:
    text = ascii(value) if isinstance(value, str) else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
