#!/usr/bin/env python3
"""Score a chunk of survivors: --seeds-file, --train-history, --output-file, --prng-type, --mod."""

import sys

try:
    from seedfleet.pipeline.steps.score.worker import main
except ModuleNotFoundError as error:
    if error.name not in {"numpy", "numba", "pyarrow", "seedfleet"}:
        raise
    sys.stderr.write(
        f"error: {error.name} is not installed for {sys.executable}: "
        "it needs pip install 'seedfleet[trace]'\n"
    )
    sys.exit(1)

if __name__ == "__main__":
    main()
