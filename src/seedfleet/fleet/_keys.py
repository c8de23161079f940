"""The keys of jobs, declared once: for messages, for the published JSON Schemas, for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from seedfleet.fleet._fragments import KeyTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seedfleet.fleet._fragments import Fragment

__all__ = [
    "ENV",
    "IGNORED",
    "KEYS_V10",
    "KEYS_V11",
    "PATH",
    "REQUIRED",
    "SCRIPT_JOB",
    "SIEVE_JOB",
    "SIEVE_KEYS",
    "job_schema",
    "sieve_schema",
]

# `$(?!\n)`, since in some dialects a plain `$` also matches before a last line feed.
_JOB_ID: Final[Fragment] = {
    "type": "string",
    "pattern": r"^[A-Za-z0-9]([A-Za-z0-9._-]{0,126}[A-Za-z0-9_-])?$(?!\n)",
    "description": "1 to 128 letters A-Z and a-z, digits, '.', '_' and '-', "
    "with a letter or digit first and no '.' last",
}
_TEXT: Final[Fragment] = {
    "type": "string",
    "pattern": r"^[^\u0000]*$(?![\s\S])",
    "description": "without NUL",
}
PATH: Final[Fragment] = {**_TEXT, "minLength": 1}
_TEXTS: Final[Fragment] = {"type": "array", "items": _TEXT}
_PATHS: Final[Fragment] = {"type": "array", "items": PATH}
_COUNT: Final[Fragment] = {"type": "integer", "minimum": 0}
ENV: Final[Fragment] = {
    "type": "object",
    "additionalProperties": _TEXT,
    "propertyNames": {
        "type": "string",
        "pattern": r"^[^=\u0000]+$(?![\s\S])",
        "description": "a name of 1 or more characters without '='",
    },
}

REQUIRED: Final = ("job_id", "script", "args", "expected_output")

KEYS_V10: Final[Mapping[str, Fragment]] = {
    "job_id": _JOB_ID,
    "script": PATH,
    "args": _TEXTS,
    "expected_output": PATH,
    "timeout": {"type": "number", "exclusiveMinimum": 0, "default": 7200},
}

# Accepted and ignored, whatever they hold: older job files carry them.
IGNORED: Final = ("chunk_file", "seed_count")

KEYS_V11: Final[Mapping[str, Fragment]] = {
    "node": PATH,
    "gpu_id": _COUNT,
    "gpus": _COUNT,
    "platform": {"type": "string", "enum": ["cuda", "rocm", "cpu"]},
    "gpu_memory_gib": {"type": "number", "exclusiveMinimum": 0},
    "env": ENV,
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

# What the fleet reads of a sieve job; its worker reads these and more.
SIEVE_KEYS: Final[Mapping[str, Fragment]] = {
    "search_type": {"type": "string", "enum": ["residue_sieve"]},
    "job_id": _JOB_ID,
    "seed_start": _COUNT,
    "seed_end": _COUNT,
    "prng_families": {"type": "array", "items": {"type": ["string", "object"]}, "minItems": 1},
    "skip_range": {"type": "array", "items": _COUNT, "minItems": 2, "maxItems": 2},
    "offset": _COUNT,
    "window_size": {"type": "integer", "minimum": 1},
    "min_match_threshold": {"type": "number", "minimum": 0, "maximum": 1},
    "sessions": _TEXTS,
    "timeout": KEYS_V10["timeout"],
    "node": KEYS_V11["node"],
    "gpu_id": KEYS_V11["gpu_id"],
}
_SIEVE_REQUIRED: Final = ("search_type", "seed_start", "seed_end")

SCRIPT_JOB: Final = KeyTable({**KEYS_V10, **KEYS_V11}, REQUIRED, ignored=IGNORED)
SIEVE_JOB: Final = KeyTable(SIEVE_KEYS, _SIEVE_REQUIRED, closed=False)


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
    return _list_schema(
        f"Seedfleet Script Job Spec v{version}",
        {
            "type": "object",
            "properties": keys | dict.fromkeys(IGNORED, True),
            "required": list(REQUIRED),
            "additionalProperties": False,
        },
    )


def sieve_schema() -> dict[str, Any]:
    """Build the JSON Schema of a file of sieve jobs; each may hold more keys for its worker."""
    return _list_schema(
        "Seedfleet legacy sieve jobs",
        {"type": "object", "properties": dict(SIEVE_KEYS), "required": list(_SIEVE_REQUIRED)},
    )


def _list_schema(title: str, item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "type": "array",
        "minItems": 1,
        "items": item,
    }
