"""Counts the primes below a limit and writes the number as JSON."""

import argparse
import json
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--below", type=int, required=True)
parser.add_argument("--output", type=Path, required=True)
options = parser.parse_args()

sieve = bytearray([1]) * max(options.below, 2)
sieve[:2] = b"\0\0"
for factor in range(2, int(options.below**0.5) + 1):
    if sieve[factor]:
        multiples = range(factor * factor, options.below, factor)
        sieve[multiples.start :: factor] = bytes(len(multiples))
options.output.write_text(json.dumps({"below": options.below, "primes": sum(sieve)}))
