"""A question about a range of seeds as one JSON document, which other processes can read."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from seedfleet.generators import find_stream, reference
from seedfleet.pipeline.run_folder import write_json
from seedfleet.sieve import Leg, Rows, Walk

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from seedfleet.generators import Stream
    from seedfleet.sieve import Backend, Hits

__all__ = ["RequestError", "SeedRequest"]

_FORMAT = "seedfleet.seed-request/1"
_SAMPLE = ((1, 8), (2**31 + 11, 8))  # seeds, and how many of their draws identify a definition


class RequestError(Exception):
    """A request was changed since it was written, or asks what cannot be answered here."""


@dataclass(frozen=True, eq=False)
class SeedRequest:
    """What a back end is asked of a range of seeds.

    Attributes
    ----------
    stream
        A generator of the catalogue under a named bounding; see `can_travel`.
    asked
        Rows of positions, or a walk.
    seeds
        A contiguous range within ``[0, 2**64)``.
    room
        Hits that may be reported, over the whole range.
    """

    stream: Stream
    asked: Rows | Walk
    seeds: range
    room: int

    @property
    def can_travel(self) -> bool:
        """Whether another process finds the same stream by its names."""
        names = (self.stream.generator.name, self.stream.bounding.name)
        try:
            return find_stream(*names) == self.stream
        except KeyError:
            return False

    def ask(
        self, backend: Backend, seeds: range, progress: Callable[[int], None] | None = None
    ) -> Hits:
        """Put the question to a back end, about these `seeds` only."""
        if isinstance(self.asked, Rows):
            return backend.scan(self.stream, self.asked, seeds, room=self.room, progress=progress)
        return backend.walk(self.stream, self.asked, seeds, room=self.room, progress=progress)

    def to_document(self) -> dict[str, Any]:
        """Write it as JSON types; all of it decides the digest."""
        asked = self.asked
        return {
            "format": _FORMAT,
            "generator": self.stream.generator.name,
            "bounding": self.stream.bounding.name,
            "first_draws": _first_draws(self.stream, asked.modulus),
            "modulus": asked.modulus,
            "legs": [[leg.draws, leg.needed] for leg in asked.legs],
            **(_rows_document(asked) if isinstance(asked, Rows) else _walk_document(asked)),
            "seeds": [self.seeds.start, self.seeds.stop],
            "room": self.room,
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> SeedRequest:
        """Read what `to_document` wrote.

        Raises
        ------
        RequestError
            It is no request, or the stream is not known here, or is another one here.
        """
        try:
            stream = find_stream(document["generator"], document["bounding"])
            request = cls(stream, _asked(document), range(*document["seeds"]), document["room"])
            same = document["first_draws"] == _first_draws(stream, document["modulus"])
        except (KeyError, TypeError, ValueError) as error:
            raise RequestError(f"this cannot be asked here: {error!r}") from error
        if not same:
            raise RequestError(f"{stream.name} is defined in another way here: other first draws")
        return request

    def write(self, path: Path) -> None:
        """Write the request with its digest into a file, whole or not at all."""
        document = self.to_document()
        write_json(path, {"digest": digest_of(document), "request": document})

    @classmethod
    def read(cls, path: Path) -> tuple[SeedRequest, str]:
        """Return the request of a file and its digest.

        Raises
        ------
        RequestError
            The file was changed since it was written, or as `from_document`.
        """
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            digest, request = document["digest"], document["request"]
        except (KeyError, TypeError, ValueError) as error:
            raise RequestError(f"{path} is no request: {error!r}") from error
        if digest != digest_of(request):
            raise RequestError(f"{path} was changed since it was written")
        return cls.from_document(request), digest


def digest_of(document: dict[str, Any]) -> str:
    """Return the SHA-256 of a request's document, 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def _first_draws(stream: Stream, modulus: int) -> list[list[int]]:
    """Return what tells one definition of a stream from another of the same name."""
    return [
        [int(draw) for draw in reference.at_positions(stream, seed, modulus, list(range(count)))]
        for seed, count in _SAMPLE
    ]


def _rows_document(rows: Rows) -> dict[str, Any]:
    """Write rows that share their draws or step evenly, as most do, in few words."""
    values, positions = rows.values, rows.positions
    gaps = np.diff(positions, axis=1)
    even = rows.depth > 1 and bool(np.all(gaps == gaps[:, :1]))
    return {
        "kind": "rows",
        "values": (values[:1] if bool(np.all(values == values[0])) else values).tolist(),
        "progressions": np.stack((positions[:, 0], gaps[:, 0]), 1).tolist() if even else None,
        "positions": None if even else positions.tolist(),
    }


def _walk_document(walk: Walk) -> dict[str, Any]:
    return {
        "kind": "walk",
        "values": walk.values.tolist(),
        "starts": walk.starts.tolist(),
        "gaps": [int(walk.least_gap), int(walk.most_gap)],
    }


def _asked(document: dict[str, Any]) -> Rows | Walk:
    legs = tuple(Leg(*leg) for leg in document["legs"])
    values = np.array(document["values"], dtype=np.int64)
    modulus = document["modulus"]
    if document["kind"] == "walk":
        starts = np.array(document["starts"], dtype=np.int64)
        least, most = document["gaps"]
        return Walk(starts, values, modulus, least, most, legs)
    positions = _positions(document, values.shape[-1])
    return Rows(positions, np.broadcast_to(values, positions.shape), modulus, legs)


def _positions(document: dict[str, Any], depth: int) -> NDArray[np.int64]:
    if document["progressions"] is None:
        return np.array(document["positions"], dtype=np.int64)
    first_and_gap = np.array(document["progressions"], dtype=np.int64)
    return first_and_gap[:, :1] + np.arange(depth, dtype=np.int64) * first_and_gap[:, 1:]
