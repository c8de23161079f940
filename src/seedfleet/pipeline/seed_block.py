"""One block of seeds as a job of the fleet: its script, and the file that it writes.

The script is ``--request FILE --start SEED --count N --output FILE``; the request is what
`seedfleet.pipeline.seed_request` wrote. A result is one line of JSON, which names the request and
the block that it answers, followed by the hits as three little-endian columns: seeds (uint64),
rows (int64), matches (int32, one for each leg).
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seedfleet.pipeline.seed_request import RequestError, SeedRequest
from seedfleet.sieve import Hits, TooManyHitsError, local_backend

if TYPE_CHECKING:
    from typing import BinaryIO

__all__ = ["BlockResult", "ResultError", "main", "write_result"]

_MAX_HEADER_BYTES = 1024


class ResultError(Exception):
    """A file is no result, is damaged, or answers another question than was asked."""


@dataclass(frozen=True)
class BlockResult:
    """The first line of a result.

    Attributes
    ----------
    request
        Digest of the request that is answered.
    start, tested
        The block: its first seed, and how many seeds from there on were tested.
    hits
        How many hits follow; None where there are more than the request has room for.
    legs
        Columns of matches.
    """

    request: str
    start: int
    tested: int
    hits: int | None
    legs: int

    @property
    def size_bytes(self) -> int:
        """Bytes of the columns."""
        return (self.hits or 0) * (8 + 8 + 4 * self.legs)

    @classmethod
    def of_file(cls, path: Path) -> BlockResult:
        """Read the first line, and hold the file's length against it.

        Raises
        ------
        ResultError
            The file is not whole.
        """
        try:
            with path.open("rb") as stream:
                line = stream.readline(_MAX_HEADER_BYTES)
            found = cls(**json.loads(line))
            end = len(line) + found.size_bytes
            whole = line.endswith(b"\n") and path.stat().st_size == end
        except (OSError, TypeError, ValueError) as error:
            raise ResultError(f"{path} is no result: {error}") from error
        if not whole:
            raise ResultError(f"{path} is not as long as it says")
        return found

    def read_into(self, path: Path, hits: Hits, at: int) -> None:
        """Copy the columns of the file into `hits` from index `at` on."""
        with path.open("rb") as stream:
            stream.readline(_MAX_HEADER_BYTES)
            end = at + (self.hits or 0)
            for column in (hits.seeds, hits.rows, hits.matches):
                part = column[at:end]
                little = np.fromfile(stream, part.dtype.newbyteorder("<"), part.size)
                part[...] = little.reshape(part.shape)


def write_result(stream: BinaryIO, result: BlockResult, hits: Hits | None) -> None:
    """Write a result: its first line, and the columns of the hits where there are any."""
    stream.write(json.dumps(asdict(result)).encode() + b"\n")
    if hits is not None:
        for column in (hits.seeds, hits.rows, hits.matches):
            column.astype(column.dtype.newbyteorder("<"), copy=False).tofile(stream)


def _test(request: SeedRequest, digest: str, block: range) -> tuple[BlockResult, Hits | None]:
    legs = len(request.asked.legs)
    try:
        hits = request.ask(local_backend(workers=1), block)
    except TooManyHitsError:
        return BlockResult(digest, block.start, 0, None, legs), None
    return BlockResult(digest, block.start, hits.tested, len(hits.seeds), legs), hits


def main() -> None:
    """Test the block that the command line names, on one core."""
    parser = argparse.ArgumentParser(description="Test one block of seeds.")
    parser.add_argument("--request", type=Path, required=True, help="the question, JSON")
    parser.add_argument("--start", type=int, required=True, help="first seed")
    parser.add_argument("--count", type=int, required=True, help="seeds from there on")
    parser.add_argument("--output", type=Path, required=True, help="where the result goes")
    options = parser.parse_args()
    try:
        request, digest = SeedRequest.read(options.request)
    except RequestError as error:
        sys.exit(f"error: {error}")
    block = range(options.start, options.start + options.count)
    result, hits = _test(request, digest, block)
    with options.output.open("wb") as stream:
        write_result(stream, result, hits)


if __name__ == "__main__":
    main()
