#!/usr/bin/env python3
"""Run a file of script jobs, under the established name and flags of `seedfleet run`."""

import sys

try:
    from seedfleet.established_entry import begin
except ModuleNotFoundError as error:
    sys.exit(f"error: {error.name} is not installed for {sys.executable}")

if __name__ == "__main__":
    begin("seedfleet.cli.established.coordinators", "scripts_coordinator")
