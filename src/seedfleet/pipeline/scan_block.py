"""The script that scans one block of seeds as a job of the fleet.

Run as ``scan_block.py --request FILE --start SEED --count N --output FILE``; the request is what
`seedfleet.pipeline.scan_jobs` wrote. The result names the block and the request that it answers.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from seedfleet.generators import Generator, streams
from seedfleet.sieve import Queries, scan

__all__ = ["main", "queries_document", "read_queries"]


def queries_document(generator: Generator, queries: Queries) -> dict[str, Any]:
    """Write a scan's question as JSON types; `read_queries` reads it back."""
    return {
        "generator": generator.name,
        "positions": queries.positions.tolist(),
        "residues": queries.residues.tolist(),
        "modulus": queries.modulus,
        "dropped_bits": queries.dropped_bits,
    }


def read_queries(document: dict[str, Any]) -> tuple[Generator, Queries]:
    """Return the generator and the queries of a request."""
    generators = {stream.generator.name: stream.generator for stream in streams()}
    queries = Queries(
        positions=np.array(document["positions"], dtype=np.int64),
        residues=np.array(document["residues"], dtype=np.int64),
        modulus=document["modulus"],
        dropped_bits=document["dropped_bits"],
    )
    return generators[document["generator"]], queries


def main() -> None:
    """Scan the block that the command line names, on one core."""
    parser = argparse.ArgumentParser(description="Scan one block of seeds.")
    parser.add_argument("--request", type=Path, required=True, help="the scan's question, JSON")
    parser.add_argument("--start", type=int, required=True, help="first seed")
    parser.add_argument("--count", type=int, required=True, help="seeds from there on")
    parser.add_argument("--output", type=Path, required=True, help="where the result goes")
    options = parser.parse_args()
    request = json.loads(options.request.read_text(encoding="utf-8"))
    generator, queries = read_queries(request["queries"])
    block = range(options.start, options.start + options.count)
    result = scan(generator, queries, block, workers=1)
    document = {
        "request": request["digest"],
        "start": options.start,
        "tested": result.tested,
        "hits": [[int(s), int(r)] for s, r in zip(result.seeds, result.rows, strict=True)],
    }
    options.output.write_text(json.dumps(document), encoding="utf-8")


if __name__ == "__main__":
    main()
