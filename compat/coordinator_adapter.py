#!/usr/bin/env python3
"""Run jobs of any dialect, or bring an old result file into one form, under established flags."""

import sys

try:
    from seedfleet.established_entry import begin
except ModuleNotFoundError as error:
    sys.exit(f"error: {error.name} is not installed for {sys.executable}")

if __name__ == "__main__":
    begin("seedfleet.cli.established.coordinators", "coordinator_adapter")
