#!/usr/bin/env python3
"""Train and judge models; with --training-data, fit one as a job of that."""

import sys

try:
    if "--training-data" in sys.argv:
        # A job: it begins as fast as its library, without the rest of the pipeline.
        from seedfleet.models.fold_command import main
    else:
        from seedfleet.cli.established_training import meta_prediction_optimizer as main
except ModuleNotFoundError as error:
    if error.name not in {"numpy", "numba", "pyarrow", "seedfleet"}:
        raise
    sys.exit(f"error: {error.name} is not installed: pip install 'seedfleet[trace,models]'")

if __name__ == "__main__":
    main()
