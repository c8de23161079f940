#!/usr/bin/env python3
"""Run one legacy sieve job, `sieve_filter.py --job-file FILE`, and print its result."""

import json
import sys

try:
    from seedfleet.pipeline.legacy_sieve import main
except ModuleNotFoundError as error:
    if error.name not in {"numpy", "numba", "seedfleet"}:
        raise
    told = (
        f"{error.name} is not installed for {sys.executable}: "
        "it needs pip install 'seedfleet[trace]'"
    )
    sys.stderr.write(f"error: {told}\n")
    sys.stdout.write(json.dumps({"success": False, "error": told, "problems": [told]}) + "\n")
    sys.exit(1)

if __name__ == "__main__":
    main()
