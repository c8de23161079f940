#!/usr/bin/env python3
"""Score a chunk of survivors: --seeds-file, --train-history, --output-file, --prng-type, --mod."""

import sys

try:
    from seedfleet.established_entry import begin
except ModuleNotFoundError as error:
    sys.exit(f"error: {error.name} is not installed for {sys.executable}")

if __name__ == "__main__":
    begin("seedfleet.pipeline.steps.score.worker", "main", extra="trace")
