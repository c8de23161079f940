#!/usr/bin/env python3
"""Write the jobs of a training: `generate_kfold_jobs.py --config FILE`."""

import sys

try:
    from seedfleet.established_entry import begin
except ModuleNotFoundError as error:
    sys.exit(f"error: {error.name} is not installed for {sys.executable}")

if __name__ == "__main__":
    begin("seedfleet.cli.established.training", "generate_kfold_jobs", extra="trace,models")
