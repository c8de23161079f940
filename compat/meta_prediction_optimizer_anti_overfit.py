#!/usr/bin/env python3
"""Train and judge models; with --training-data, fit one as a job of that."""

import sys

try:
    from seedfleet.established_entry import begin
except ModuleNotFoundError as error:
    sys.exit(f"error: {error.name} is not installed for {sys.executable}")

if __name__ == "__main__":
    if "--training-data" in sys.argv:
        # A job: it begins as fast as its library, without the rest of the pipeline.
        begin("seedfleet.models.fold_command", "main", extra="trace,models")
    else:
        begin(
            "seedfleet.cli.established.training", "meta_prediction_optimizer", extra="trace,models"
        )
