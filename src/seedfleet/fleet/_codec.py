"""Frozen dataclasses to JSON and back: `{"kind": "output_missing", "paths": [...]}`."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Codec", "kind_of"]


def kind_of(record: object) -> str:
    """Name a record's type in snake case, as it stands in files."""
    return _snake(type(record))


def _snake(record_type: type) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", record_type.__name__).lower()


class Codec:
    """Encodes and decodes a closed set of dataclasses, nested in tuples and in each other.

    Parameters
    ----------
    types
        Every dataclass that may occur. Their fields hold JSON scalars, tuples, string-keyed
        mappings without a key `kind`, and each other.
    """

    def __init__(self, types: Iterable[type]) -> None:
        self._types = {_snake(each): each for each in types}

    def encode(self, value: Any) -> Any:
        """Turn a record into JSON values."""
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            names = [field.name for field in dataclasses.fields(value)]
            return {"kind": kind_of(value)} | {n: self.encode(getattr(value, n)) for n in names}
        if isinstance(value, tuple):
            return [self.encode(item) for item in value]
        if isinstance(value, dict):
            return {key: self.encode(item) for key, item in value.items()}
        return value

    def decode(self, document: Any) -> Any:
        """Turn JSON values into the record that they came from.

        Raises
        ------
        ValueError
            If the kind is not one of the set, or its fields are not the type's.
        """
        if isinstance(document, list):
            return tuple(self.decode(item) for item in document)
        if not isinstance(document, dict):
            return document
        if "kind" not in document:
            return {key: self.decode(item) for key, item in document.items()}
        return self._record(document)

    def _record(self, document: Mapping[str, Any]) -> Any:
        kind = document["kind"]
        if kind not in self._types:
            raise ValueError(f"unknown kind {kind!r}")
        fields = {key: self.decode(item) for key, item in document.items() if key != "kind"}
        try:
            return self._types[kind](**fields)
        except TypeError as error:
            raise ValueError(f"kind {kind!r} does not have these fields: {error}") from error
